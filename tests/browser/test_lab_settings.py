"""What was asked of camera and microphone is what the browser granted, and what Python gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

PROCESSING = ("echoCancellation", "noiseSuppression", "autoGainControl")
LABS = [
    "from smallrtc_lab import Lab\nraw = Lab(video=dict(width=320, height=240, frame_rate=15), name='raw')\nraw",
    "speech = Lab(audio='speech', video=False, name='speech')\nspeech",
    "one = Lab(audio=dict(noise_suppression=True), video=False, name='one')\none",
]


async def test_settings_are_what_was_asked(open_notebook: OpenNotebook) -> None:
    """raw, speech and a dict are granted one by one, as are size and rate of the picture; muted is silence."""
    notebook = await open_notebook(LABS)
    kernel = await notebook.kernel()
    wanted = {"raw": (False, False, False), "speech": (True, True, True), "one": (False, True, False)}
    for index, (name, processing) in enumerate(wanted.items()):
        assert (await notebook.run(index)).error is None
        view = LabView(notebook, index)
        assert await kernel.value(f"{name}.audio.settings") is None
        await view.start()
        await kernel.wait_value(f"{name}.state == 'live' and {name}.audio.settings is not None")
        granted = await kernel.value(f"{name}.audio.settings")
        print(name, {key: granted.get(key) for key in (*PROCESSING, "sampleRate", "channelCount")})
        assert tuple(granted[key] for key in PROCESSING) == processing
        if name != "raw":
            assert await kernel.value(f"{name}.video.settings") is None
            await kernel.execute(f"{name}.close()")
    granted = await kernel.value("raw.video.settings")
    assert (granted["width"], granted["height"]) == (320, 240)
    assert granted["frameRate"] == pytest.approx(15, abs=1)
    await kernel.wait_value("raw.video.latest().image.shape", lambda shape: shape == [240, 320, 3])

    view = LabView(notebook, 0)
    await view.press("Mute microphone")
    await kernel.wait_value("float(abs(raw.audio.last(0.5).mono).max())", lambda peak: peak < 1e-3)
    muted_s = await kernel.value("raw.audio.last(0.1).start_s")
    await kernel.wait_value("raw.audio.last(0.1).start_s", lambda now_s: now_s > muted_s + 2)
    await view.press("Unmute microphone")
    await kernel.wait_value("float(abs(raw.audio.last(0.3).mono).mean())", lambda mean: mean > 0.05)
    await kernel.execute("clip = raw.audio.last(4)")
    gaps_s = await kernel.value("[gap.duration_s for gap in clip.gaps]")
    silent = float(np.mean(np.abs(await kernel.array("clip.mono")) < 1e-3))
    print(f"around the silence: gaps of {gaps_s} s, {silent:.0%} silent")
    assert sum(gaps_s) < 0.2, "a muted microphone is silence, not a gap"
    assert silent > 0.3
