"""Python as the camera in a real kernel: sources of all kinds, seen by a simulated browser, and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from support.clips import write_clip
from support.kernel import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETUP = """
import threading, time
import numpy as np
from smallrtc_lab import Lab

lab = Lab(audio=False, video=False, name="sending", quality="low")

def shown():
    return lab.stats()["processing"]["shown"]

def returned(kind):
    return lab.stats()["simulated"][kind]["returned"]

def solid(level):
    return np.full((120, 160, 3), level, np.uint8)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(shared_kernel: Kernel) -> Kernel:
    """A kernel with a `lab` that asks for no device, live with a simulated browser."""
    await shared_kernel.execute(SETUP)
    await shared_kernel.execute("lab.show(solid(100))")
    await shared_kernel.execute("lab.simulate(video=None, audio=None)\nlab.wait_live(60)")
    return shared_kernel


async def test_a_shown_picture_comes_back_again_and_again(live: Kernel) -> None:
    """It was shown before the browser came; None ends it."""
    await live.wait_value("returned('video') > 3 and shown()['repeated'] > 3", timeout_s=60)
    assert await live.value("shown()['shown']") == "lab.show"
    assert "lab.show, playing" in await live.value("repr(__import__('smallrtc_lab').labs())")
    await live.execute("lab.show(None)")
    assert await live.value("shown()['shown']") is None


async def test_played_sounds_are_heard_and_end(live: Kernel) -> None:
    """Two at once, of different kinds; wait returns when they have ended."""
    before_s = await live.value("lab.stats()['simulated']['audio']['heard_s']")
    await live.execute(
        "times_s = np.arange(22050) / 22050\n"
        "first = lab.play(0.3 * np.sin(2 * np.pi * 440 * times_s), 22050)\n"
        "second = lab.play((3000 * np.sin(2 * np.pi * 660 * times_s)).astype(np.int16)[:, None].repeat(2, 1), 22050)\n"
    )
    assert await live.value("abs(first.duration_s - 1.0) < 0.01 and second.done is False")
    await live.execute("first.wait(60); second.wait(60)")
    assert await live.value("(first.state, second.state, first.position_s > 0.9)") == ["ended", "ended", True]
    await live.wait_value(f"lab.stats()['simulated']['audio']['heard_s'] > {before_s} + 0.2", timeout_s=60)


async def test_a_generator_is_streamed_and_closed(live: Kernel) -> None:
    """Its pictures come back, at its end it is closed, and a cell that computes meanwhile does not stop it."""
    before = await live.value("returned('video')")
    await live.execute(
        "closed = []\n"
        "def pictures():\n"
        "    try:\n"
        "        for level in range(20):\n"
        "            yield solid(10 * level)\n"
        "    finally:\n"
        "        closed.append(threading.current_thread().name)\n"
        "stream = lab.stream(pictures(), rate_hz=20)\n"
        "end_s = time.monotonic() + 0.5\n"
        "while time.monotonic() < end_s: sum(range(1000))\n"
        "stream.wait(60)"
    )
    assert await live.value("(stream.state, len(closed), closed[0])") == [
        "ended",
        1,
        "smallrtc stream pictures",
    ]
    await live.wait_value(f"returned('video') > {before} + 3", timeout_s=60)
    await live.wait_value("not [t for t in threading.enumerate() if t.name.startswith('smallrtc stream')]")


async def test_an_error_stands_under_the_cell_and_a_function_goes_on(live: Kernel) -> None:
    """A function that fails now and then is called again, a generator has ended."""
    cell = await live.execute(
        "calls = []\n"
        "def sometimes():\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2: raise ValueError('the second one fails')\n"
        "    return solid(len(calls))\n"
        "stream = lab.stream(sometimes, rate_hz=20)\n"
        "end_s = time.monotonic() + 60\n"
        "while len(calls) < 5 and time.monotonic() < end_s: time.sleep(0.05)\n"
    )
    assert await live.value("len(calls) >= 5 and stream.state == 'playing'")
    await live.execute("stream.stop()")
    (display,) = cell.display_ids
    text = live.shown[display]["text/plain"]
    assert "sometimes, what was sent last stays" in text
    assert "the second one fails" in text
    assert "smallrtc_lab/lab" not in text
    await live.execute(
        "def fails():\n"
        "    yield solid(1)\n"
        "    raise RuntimeError('over')\n"
        "stream = lab.stream(fails(), rate_hz=20)\n"
        "end_s = time.monotonic() + 60\n"
        "while not stream.done and time.monotonic() < end_s: time.sleep(0.05)\n"
    )
    assert await live.value("(stream.state, 'over' in stream.error)") == ["failed", True]


async def test_async_sources_sound_and_figures(live: Kernel) -> None:
    """Blocks of an async generator are heard; a figure is drawn anew; the newer one replaces what was shown."""
    before_s = await live.value("lab.stats()['simulated']['audio']['heard_s']")
    await live.execute(
        "async def blocks():\n"
        "    while True:\n"
        "        yield 0.3 * np.sin(2 * np.pi * 400 * np.arange(1600) / 16000)\n"
        "sound = lab.stream(blocks(), sample_rate=16000)\n"
        "from matplotlib.figure import Figure\n"
        "figure = Figure(figsize=(2, 1.5)); axes = figure.add_subplot(); axes.plot([1, 2])\n"
        "first = lab.stream(figure, rate_hz=10)\n"
    )
    await live.wait_value(f"lab.stats()['simulated']['audio']['heard_s'] > {before_s} + 0.3", timeout_s=60)
    await live.wait_value("shown()['shown'] == 'lab.stream'", timeout_s=60)
    await live.execute("second = lab.stream(lambda: solid(200), rate_hz=10)")
    await live.wait_value("first.state == 'replaced' and second.state == 'playing'", timeout_s=60)
    await live.execute("second.pause(); at_s = second.position_s; time.sleep(0.2)")
    assert await live.value("second.position_s == at_s and second.state == 'paused'")
    seeking = await live.execute("second.seek(1)", check=False)
    assert seeking.error is not None
    assert "no other places" in seeking.error.message
    await live.execute("second.stop(); sound.stop()")
    await live.wait_value("shown()['playbacks'] == {}", timeout_s=60)


async def test_a_file_plays_through_a_busy_cell(live: Kernel, tmp_path: Path) -> None:
    """A loop of pure Python does not make one of its pictures late for want of the kernel."""
    path = write_clip(tmp_path / "clip.mp4", seconds=3.0)
    before = await live.value("returned('video')")
    await live.execute(
        f"film = lab.play_file({str(path)!r})\n"
        "end_s = time.monotonic() + 3.5\n"
        "while time.monotonic() < end_s: sum(range(1000))\n"
        "film.wait(60)"
    )
    came = await live.value("returned('video')") - before
    print(f"{came} of 75 pictures came while a cell was busy")
    assert came > 15
    assert await live.value("(film.state, round(film.duration_s))") == ["ended", 3]


async def test_a_widget_is_shown_anew_when_it_changes(live: Kernel) -> None:
    """Without a word from anybody; after None nobody observes it any more."""
    await live.execute(
        "import io, ipywidgets\n"
        "from PIL import Image\n"
        "def png(colour):\n"
        "    content = io.BytesIO()\n"
        "    Image.new('RGB', (64, 48), colour).save(content, 'PNG')\n"
        "    return content.getvalue()\n"
        "widget = ipywidgets.Image(value=png('red'))\n"
        "lab.show(widget)\n"
        "count = shown()['pictures']\n"
        "widget.value = png('blue')\n"
    )
    await live.wait_value("shown()['pictures'] == count + 1", timeout_s=60)
    await live.execute("lab.show(None)\nwidget.value = png('green')\ntime.sleep(0.2)")
    assert await live.value("shown()['pictures'] == count + 1")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("lab.show(np.zeros((4, 4, 3)))", "TypeError", "multiply by 255?"),
        ("lab.show(solid(1), quality='best')", "ValueError", '"low", "medium", "high"'),
        ("lab.play(np.zeros(100))", "TypeError", "does not know its sample rate"),
        ("lab.play(np.zeros((100, 5)), 48000)", "ValueError", "sound to play is (n,)"),
        ("lab.play(np.full(100, 9000.0), 48000)", "ValueError", "divide by 32768?"),
        ("lab.play('song.mp3')", "TypeError", "lab.play_file('song.mp3')"),
        ("lab.play(np.zeros(16000 * 1000, np.int16), 16000)", "ValueError", "use lab.play_file"),
        ("lab.play_file('nothere.mp4')", "FileNotFoundError", "no file 'nothere.mp4'"),
        ("open('text.mp4', 'w').write('x' * 99)\nlab.play_file('text.mp4')", "MediaFileError", "text.mp4"),
        ("lab.stream(5)", "TypeError", "a generator, a function"),
        ("lab.stream(lambda: None, rate_hz=0)", "ValueError", "rate_hz is a number above 0"),
        ("lab.stream(lambda: None, rate=5)", "TypeError", "did you mean"),
        ("Lab(quality=5)", "ValueError", "between 30,000"),
        ("Lab(video=dict(bitrate_bps='x'))", "ValueError", "quality is"),
    ],
)
async def test_what_cannot_be_is_said_with_advice(live: Kernel, code: str, kind: str, words: str) -> None:
    """One sentence, at once, and nothing is left of it."""
    await live.execute("lab.show(None)")  # what the fixture shows, when this runs alone
    cell = await live.execute(code, check=False)
    assert cell.error is not None
    assert cell.error.name == kind
    assert words in cell.error.message
    assert await live.value("shown()['playbacks']") == {}


async def test_it_goes_on_in_a_new_engine_and_ends_with_the_lab(live: Kernel, tmp_path: Path) -> None:
    """After a crash a shown picture, a stream and a file are there again; closing the lab leaves no thread."""
    path = write_clip(tmp_path / "clip.mp4", seconds=2.0, video=None)
    await live.execute(
        "stream = lab.stream(lambda: solid(50), rate_hz=10)\n"
        f"film = lab.play_file({str(path)!r}, loop=True)\n"
        "tone = lab.play(np.zeros(480000), 48000)\n"
        "import os, signal\n"
        "os.kill(lab._access.client.pid, signal.SIGKILL)\n"
    )
    await live.wait_value("lab._access.client.pid is not None and lab.state == 'idle'", timeout_s=60)
    await live.wait_value("shown()['shown'] == 'lab.stream' and film.state == 'playing'", timeout_s=60)
    assert await live.value("(tone.state, 'crashed' in tone.error)") == ["failed", True]
    await live.execute("lab.close()")
    assert await live.value("(stream.state, film.state)") == ["stopped", "stopped"]
    await live.wait_value("not [t for t in threading.enumerate() if t.name.startswith('smallrtc stream')]")
