"""A flash and a beep that the page makes at one moment are at one time in Python."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

# A camera and a microphone made of one clock: white for a tenth of a second and 1 kHz for 50 ms, twice a second.
FLASH_AND_BEEP = """() => {
const sources = []
navigator.mediaDevices.getUserMedia = async wanted => {
  if (!sources.length) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 })
    const drawing = canvas.getContext('2d')
    const sound = new AudioContext({ sampleRate: 48000 })
    const gain = new GainNode(sound, { gain: 0 }), out = sound.createMediaStreamDestination()
    const tone = new OscillatorNode(sound, { frequency: 1000 })
    tone.connect(gain).connect(out)
    tone.start()
    let next = Math.ceil(performance.now() / 500) * 500, until = 0
    const draw = () => {
      const now = performance.now()
      if (now >= next) {
        gain.gain.setValueAtTime(0.5, sound.currentTime)
        gain.gain.setValueAtTime(0, sound.currentTime + 0.05)
        until = now + 100
        next = Math.ceil((now + 1) / 500) * 500
      }
      drawing.fillStyle = now < until ? 'white' : 'black'
      drawing.fillRect(0, 0, 320, 240)
      drawing.fillStyle = 'gray'
      drawing.fillRect((now / 10) % 320, 220, 10, 10)  // else nothing new is captured
      requestAnimationFrame(draw)
    }
    draw()
    sources.push(out.stream.getAudioTracks()[0], canvas.captureStream(30).getVideoTracks()[0])
  }
  return new MediaStream([...(wanted.audio ? [sources[0]] : []), ...(wanted.video ? [sources[1]] : [])])
}
}"""
LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
MEASURE = """
import time
import numpy as np

def offsets_ms(seconds):
    frames, until = [], time.monotonic() + seconds
    for frame in lab.video.frames(size=(32, 24), format="gray"):
        frames.append((frame.time_s, frame.image.mean() > 100, frame.time_kind))
        if time.monotonic() > until:
            break
    time.sleep(0.5)
    clip = lab.audio.last(seconds)
    loud = np.flatnonzero(np.abs(clip.mono) > 0.1)
    beeps = clip.times_s[loud[np.flatnonzero(np.diff(loud, prepend=-48000) > 4800)]]
    flashes = [b[0] for a, b in zip(frames, frames[1:]) if b[1] and not a[1]]
    found = [1000 * min(beeps - flash, key=abs) for flash in flashes if beeps[0] - 0.2 < flash < beeps[-1] + 0.2]
    kinds = {kind for _, _, kind in frames} | {clip.time_kind}
    steps = [b[0] - a[0] for a, b in zip(frames, frames[1:])]
    return dict(offsets=[float(ms) for ms in found], kinds=sorted(kinds), backwards=min(steps) <= 0,
                gaps=sum(gap.duration_s for gap in clip.gaps), behind=lab.stats()["time_s"] - clip.times_s[-1])
"""


async def measure(kernel: Any, seconds: float) -> dict[str, Any]:
    await kernel.execute(f"found = offsets_ms({seconds})", 60)
    found: dict[str, Any] = await kernel.value("found")
    offsets_ms = np.array(found["offsets"])
    print(
        f"sound − picture: median {np.median(offsets_ms):+.1f} ms, {offsets_ms.min():+.1f} to {offsets_ms.max():+.1f}"
        f" of {len(offsets_ms)}; times of {found['kinds']}, newest sound {found['behind'] * 1000:.0f} ms old,"
        f" gaps {found['gaps']:.2f} s"
    )
    return found


async def start(open_notebook: OpenNotebook) -> Any:
    """The kernel of a lab that watches flashes and beeps, its times those of capture."""
    notebook = await open_notebook([LAB, MEASURE])
    await notebook.page.evaluate(FLASH_AND_BEEP)
    await notebook.run(0)
    await LabView(notebook, 0).start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert (await notebook.run(1)).error is None
    deadline_s = time.monotonic() + 60
    while (
        await kernel.value("[lab.video.latest().time_kind, lab.audio.last(0.1).time_kind]") != ["capture"] * 2
    ):
        assert time.monotonic() < deadline_s, "no times of capture within a minute"
        await asyncio.sleep(0.5)
    return kernel


@pytest.mark.soak
async def test_a_flash_and_its_beep_have_one_time(open_notebook: OpenNotebook) -> None:
    """Sound and picture of one moment are within 40 ms of each other (three times that on a busy machine)."""
    kernel = await start(open_notebook)
    found = await measure(kernel, 5)
    assert found["kinds"] == ["capture"]
    assert not found["backwards"]
    assert abs(np.median(found["offsets"])) <= 120


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_minutes_without_drift(open_notebook: OpenNotebook) -> None:
    """After ten minutes sound and picture are as far apart as before, and sound is no older than it was."""
    kernel = await start(open_notebook)
    before = await measure(kernel, 10)
    await asyncio.sleep(600)
    after = await measure(kernel, 10)
    drift_ms = float(np.median(after["offsets"]) - np.median(before["offsets"]))
    aged_ms = 1000 * (after["behind"] - before["behind"])
    print(
        f"drift over ten minutes: sound − picture {drift_ms:+.1f} ms, age of the newest sound {aged_ms:+.0f} ms"
    )
    assert abs(drift_ms) < 60
    assert abs(aged_ms) < 500
