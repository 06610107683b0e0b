"""A known picture and a known tone go through the whole chain: what a person shows and says is what Python gets."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from support.knownmedia import BLOCKS, FRAMES, TONE_AMPLITUDE, TONE_HZ, picture_error, read_counter, tone_of
from support.labview import LabView, audible, wait_audible
from support.notebookpage import NotebookPage, sample_video, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

RATES = (8000, 16000, 44100, 48000)
LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"


async def test_a_click_brings_camera_and_tone_into_python(open_notebook: OpenNotebook) -> None:
    """One click, and `latest`, `grab`, `record` and `last` hold the known colours, counter, frequency and amplitude."""
    notebook = await open_notebook(
        [
            LAB,
            "frame = lab.video.latest()\nframe",
            "shots = lab.video.grab(30)",
            "clip = lab.audio.record(1)\nclip",
            "past = lab.audio.last(1)",
        ]
    )
    await notebook.run(0)
    view = LabView(notebook, 0)
    took_s = await view.start()
    kernel = await notebook.kernel()
    begun = time.monotonic()
    await kernel.wait_value("lab.state == 'live'")
    print(f"click → live in the page {took_s:.2f} s, in Python {took_s + time.monotonic() - begun:.2f} s")
    assert took_s < 15, "the goal is 3 s"
    assert (await notebook.run(1)).error is None
    image = await kernel.array("frame.image")
    print(f"frame.image: mean error {picture_error(image):.2f} of 255")
    assert image.shape == (480, 640, 3)
    assert picture_error(image) < 10  # the very first pictures of a call have few bits
    assert read_counter(image) is not None
    assert (await notebook.run(2)).error is None
    counters = [read_counter(image) for image in await kernel.array("shots.images[:, ::2, ::2, 1]")]
    steps = [(b - a) % FRAMES for a, b in itertools.pairwise(counters) if None not in (a, b)]
    apart_s = await kernel.value("[float(s) for s in shots.times_s[1:] - shots.times_s[:-1]]")
    rate_hz = len(apart_s) / sum(apart_s)
    print(
        f"grab: counter steps {steps}, {rate_hz:.1f} pictures/s, {1000 * min(apart_s):.1f} ms apart at least"
    )
    assert counters.count(None) == 0
    assert min(apart_s) > 0.005, "a picture came twice"
    # Chromium's file camera itself shows the first picture of its file twice, each with a time of its own.
    assert {a for a, b in itertools.pairwise(counters) if a == b} <= {0}, "a picture came twice"
    assert 3 < rate_hz < 33, "30 a second, fewer where a machine is busy"
    assert (await notebook.run(3)).error is None
    assert (await notebook.run(4)).error is None
    for name in ("clip", "past"):
        samples = await kernel.array(f"{name}.mono")
        hz, amplitude = tone_of(samples, 48000)
        rms = float(np.sqrt(np.mean(samples**2)))
        print(f"{name}: {len(samples) / 48000:.2f} s, {hz:.1f} Hz, amplitude {amplitude:.4f}, RMS {rms:.4f}")
        assert len(samples) == 48000
        assert hz == pytest.approx(TONE_HZ, abs=1)
        assert amplitude == pytest.approx(TONE_AMPLITUDE, rel=0.1)
        assert rms == pytest.approx(TONE_AMPLITUDE / np.sqrt(2), rel=0.1)
    assert notebook.page_errors == []


SUBSCRIBERS = f"""
import numpy as np
heard = {{}}

def subscribe(rate, channels):
    def listener(chunk):
        heard.setdefault((rate, channels), []).append(chunk)
    listener.__name__ = f"at_{{rate}}_{{channels}}"
    lab.watch_audio(listener, sample_rate=rate, channels=channels)

for rate in {RATES}:
    for channels in (1, 2):
        subscribe(rate, channels)
"""


async def test_every_rate_and_channel_count_hears_the_same_tone(open_notebook: OpenNotebook) -> None:
    """Eight observers and eight recordings, 8 to 48 kHz, mono and stereo, hear frequency, amplitude and no gap."""
    recordings = (
        f"clips = {{(rate, channels): lab.audio.record(0.4, sample_rate=rate, channels=channels)"
        f" for rate in {RATES} for channels in (1, 2)}}"
    )
    notebook = await open_notebook([LAB, SUBSCRIBERS, recordings])
    await notebook.run(0)
    await LabView(notebook, 0).start()
    await (kernel := await notebook.kernel()).wait_value("lab.state == 'live'")
    assert (await notebook.run(1)).error is None
    assert (await notebook.run(2)).error is None
    await kernel.wait_value("min(map(len, heard.values())) >= 60 and len(heard) == 8")
    await kernel.execute("watched = {key: list(chunks)[-40:] for key, chunks in heard.items()}")
    for rate in RATES:
        for channels in (1, 2):
            key = f"({rate}, {channels})"
            watched = await kernel.array(f"np.concatenate([chunk.samples for chunk in watched[{key}]])")
            check_tone("observer", watched, rate, channels)
            check_tone("record", await kernel.array(f"clips[{key}].samples"), rate, channels)
            assert await kernel.value(f"sum(len(chunk.gaps) for chunk in watched[{key}])") == 0


def check_tone(where: str, samples: NDArray[np.float32], rate: int, channels: int) -> None:
    assert samples.dtype == np.float32
    assert samples.shape[1] == channels
    for channel in samples.T:
        hz, amplitude = tone_of(np.ascontiguousarray(channel), rate)
        rms = float(np.sqrt(np.mean(channel**2)))
        print(f"{where} {rate} Hz, {channels} ch: {hz:.1f} Hz, amplitude {amplitude:.4f}, RMS {rms:.4f}")
        assert hz == pytest.approx(TONE_HZ, abs=2)
        assert amplitude == pytest.approx(TONE_AMPLITUDE, rel=0.1)
        assert rms == pytest.approx(TONE_AMPLITUDE / np.sqrt(2), rel=0.1)


INVERT = """
@lab.on_video
def invert(frame):
    return 255 - frame.image
"""
HALF = """
@lab.on_audio
def half(chunk):
    return chunk.samples * 0.5
"""


async def test_what_python_returns_is_seen_and_heard_after_listen(open_notebook: OpenNotebook) -> None:
    """The returned picture is the inverted one; the tone is silent until Listen, then half as loud, and off again."""
    notebook = await open_notebook([LAB, INVERT, HALF])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    assert (await notebook.run(1)).error is None
    assert (await notebook.run(2)).error is None
    await view.returned.wait_for(state="visible")
    for _ in range(10):  # the encoder's first pictures are coarse
        await wait_video_frames(view.returned, 10)
        seen = np.array(await sample_video(view.returned, [(block.x, block.y) for block in BLOCKS]))
        error = np.abs(seen - (255 - np.array([block.rgb for block in BLOCKS]))).mean()
        print(f"returned picture, inverted: mean error {error:.2f} of 255")
        if error < 6:
            break
    assert error < 6
    assert "invert" in await view.root.locator("figcaption").last.inner_text()
    listen = view.button("Listen to the sound Python returns")
    await listen.wait_for()
    assert await audible(notebook) == 0
    assert await view.root.evaluate("root => root.lab.heard") is None
    await listen.click()
    await view.button("Stop listening to Python's sound").wait_for()
    await wait_audible(notebook, 1)
    half_rms = TONE_AMPLITUDE / 2 / np.sqrt(2)
    for _ in range(5):  # it is faded in, and a busy machine interrupts it
        tone = await view.hear()
        print(f"heard: {tone.hz:.1f} Hz, RMS {tone.rms:.4f}, half of the tone is {half_rms:.4f}")
        if tone.rms == pytest.approx(half_rms, rel=0.1):
            break
    assert tone.hz == pytest.approx(TONE_HZ, abs=3)
    assert tone.rms == pytest.approx(half_rms, rel=0.1)
    await view.press("Stop listening to Python's sound")
    await wait_audible(notebook, 0)
    kernel = await notebook.kernel()
    assert await kernel.value("[invert.errors, half.errors]") == [{}, {}]
