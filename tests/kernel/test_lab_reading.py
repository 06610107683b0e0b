"""Reading in a real kernel: pictures and sound of a simulated browser as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from support.kernel import Kernel

from smallrtc_lab.lab.statistics import FIELDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEASURE = """
import asyncio, time
import numpy as np
from smallrtc_lab import Lab

def measure(samples, rate):
    "Frequency in Hz and amplitude of the loudest tone."
    window = np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(samples * window))
    k = int(spectrum[1:-1].argmax()) + 1
    a, b, c = np.log(spectrum[k - 1 : k + 2])
    hz = (k + (a - c) / (2 * (a - 2 * b + c))) * rate / len(samples)
    turn = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return [float(hz), float(2 * abs((samples * window * turn).sum()) / window.sum())]
"""


def paths(figures: dict[str, Any], before: str = "") -> Iterator[str]:
    """The path of each figure, down to what is a number, a text or a summary of a stage."""
    for name, value in figures.items():
        nested = isinstance(value, dict) and "median_ms" not in value
        yield from paths(value, f"{before}{name}.") if nested else [f"{before}{name}"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idle(shared_kernel: Kernel) -> Kernel:
    """A kernel with a `lab` that nobody has started."""
    await shared_kernel.execute(MEASURE + "lab = Lab(name='reading')")
    return shared_kernel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(idle: Kernel) -> Kernel:
    """The same, live with bars of 640×480 at 30 and a tone of 440 Hz and half scale."""
    await idle.execute("lab.simulate(video='bars', audio='tone', hz=440, amplitude=0.5)")
    await idle.execute("lab.wait_live(60)\ntime.sleep(1.5)")
    return idle


@pytest.mark.parametrize(
    "code",
    [
        "lab.video.latest()",
        "lab.video.frames()",
        "lab.video.grab(3)",
        "lab.audio.last(1)",
        "lab.audio.record(1)",
        "next(iter(lab.audio.chunks()))",
        "lab.screen.latest()",
    ],
)
async def test_reading_before_anything_is_live_says_what_to_do(idle: Kernel, code: str) -> None:
    """Run All ends in a sentence with the next step, and never in None."""
    cell = await idle.execute(code, check=False)
    assert cell.error is not None
    assert (cell.error.name, cell.error.message) == ("NotLiveError", "click Start, or call lab.wait_live()")


async def test_waiting_for_nobody_says_who_is_missing(idle: Kernel) -> None:
    """wait_live and live end after their time with the state's own advice."""
    for code in ("lab.wait_live(0.2)", "await lab.live(0.2)"):
        cell = await idle.execute(code, check=False)
        assert cell.error is not None
        assert cell.error.name == "StreamTimeout"
        assert "click it, or call lab.simulate()" in cell.error.message


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("Lab(vidoe=True)", "TypeError", "did you mean 'video'?"),
        ("Lab(video=dict(widht=320))", "TypeError", "did you mean 'width'?"),
        ("Lab(video=dict(width=-1))", "ValueError", "video width is positive"),
        ("Lab(video='yes')", "ValueError", "dict(width=640, height=480)"),
        ("Lab(audio='loud')", "ValueError", "'loud'"),
        ("Lab(fallback='cartoon')", "ValueError", "test-signal"),
        ("Lab(layout=5)", "TraitError", "layout"),
        ("lab.simulate(video='bar')", "ValueError", 'did you mean "bars"?'),
        ("lab.simulate(audio='tune')", "ValueError", 'did you mean "tone"?'),
        ("lab.simulate(herz=440)", "TypeError", "did you mean 'hz'?"),
        ("lab.simulate(widht=320)", "TypeError", "did you mean 'width'?"),
        ("lab.simulate(hz=-1)", "ValueError", "-1"),
        ("lab.simulate(frame_rate=0)", "ValueError", "0"),
        ("lab.video.latest(format='hsv')", "ValueError", "rgb, bgr, gray"),
        ("lab.audio.last(0)", "ValueError", "positive"),
        ("lab.audio.chunks(block=2)", "ValueError", "16 samples"),
        ("lab.audio.chunks(channels=3)", "ValueError", "1 or 2"),
        ("lab.audio.last(1, sample_rate=100)", "ValueError", "4000"),
        ("lab.video.grab(0)", "ValueError", "at least 1"),
        ("lab.on_video(5)", "TypeError", "a callback is a function"),
        ("lab.on_message('x')", "TypeError", "a message handler is a function"),
        ("lab.on_video(lambda f: f, controls=dict(k=(9, 1)))", "ValueError", "low < high"),
        ("lab.send_message(object())", "TypeError", "not JSON serializable"),
        ("lab.values['x'] = [1]", "TypeError", "number, text or bool"),
        ("lab.state = 'live'", "TraitError", "read-only"),
    ],
)
async def test_wrong_arguments_are_errors_that_help(idle: Kernel, code: str, kind: str, words: str) -> None:
    """Each mistake raises at once, of the right class, and names what would be right."""
    cell = await idle.execute(code, check=False)
    assert cell.error is not None
    assert cell.error.name == kind
    assert words in cell.error.message
    assert await idle.value("[l is lab for l in __import__('smallrtc_lab').labs()]") == [True]


async def test_the_newest_picture_is_that_of_the_camera(live: Kernel) -> None:
    """latest() is private, writable and contiguous, in the format asked, with the colours of the bars."""
    await live.execute(
        "a, b = lab.video.latest(), lab.video.latest()\n"
        "bgr, gray = lab.video.latest(format='bgr'), lab.video.latest(format='gray')\n"
        "small = lab.video.latest(size=(160, 120))"
    )
    facts = await live.value(
        "dict(shape=a.image.shape, dtype=str(a.image.dtype), own=a.image.flags.owndata or a.image.base is None,"
        " write=a.image.flags.writeable, c=a.image.flags.c_contiguous, source=a.source,"
        " apart=not np.shares_memory(a.image, b.image), gray=gray.image.shape, small=small.image.shape,"
        " shareable=a.shareable, png=len(a._repr_png_()) > 1000)"
    )
    assert facts == {
        "shape": [480, 640, 3],
        "dtype": "uint8",
        "own": True,
        "write": True,
        "c": True,
        "source": "camera",
        "apart": True,
        "gray": [480, 640],
        "small": [120, 160, 3],
        "shareable": True,
        "png": True,
    }
    from smallrtc_lab.media.synthetic_video import BAR_COLOURS

    for bar, colour in enumerate(BAR_COLOURS):
        x = round((bar + 0.5) * 640 / len(BAR_COLOURS))
        mean = await live.value(f"a.image[100:200, {x - 15}:{x + 15}].mean(axis=(0, 1))")
        assert mean == pytest.approx(colour, abs=8)
    assert await live.value("abs(bgr.image[:, :, ::-1].astype(int) - bgr.rgb).max()") == 0
    assert await live.value("abs(gray.image[50, 50] - float(a.gray[50, 50]))") < 6


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
async def test_the_tone_is_right_in_frequency_and_strength(live: Kernel, rate: int, channels: int) -> None:
    """last() at any rate, mono and stereo, holds 440 Hz at half scale in each channel, without a gap."""
    await live.execute(f"clip = lab.audio.last(1.0, sample_rate={rate}, channels={channels})")
    facts = await live.value(
        "dict(shape=clip.samples.shape, dtype=str(clip.samples.dtype), gaps=len(clip.gaps),"
        " tones=[measure(c, clip.sample_rate) for c in clip.channels_first])"
    )
    assert facts["shape"] == [rate, channels]
    assert (facts["dtype"], facts["gaps"]) == ("float32", 0)
    for hz, amplitude in facts["tones"]:
        assert hz == pytest.approx(440, abs=0.5)
        assert amplitude == pytest.approx(0.5, rel=0.05)


async def test_times_are_those_of_capture(live: Kernel) -> None:
    """A few seconds after the start the sender's reports are there: pictures and sound, pushed and pulled, say so."""
    await live.wait_value(
        "[lab.video.latest().time_kind, lab.audio.last(0.1).time_kind]", lambda k: k == ["capture"] * 2
    )
    await live.execute(
        "clip = lab.audio.record(0.3)\nnow_s = lab.stats()['time_s']\nframe = next(lab.video.frames())\n"
        "chunk = next(lab.audio.chunks())"
    )
    assert await live.value("[clip.time_kind, frame.time_kind, chunk.time_kind]") == ["capture"] * 3
    age_s = await live.value("now_s - clip.times_s[-1]")
    print(f"the newest sample of a recording is {age_s * 1000:.0f} ms old")
    assert -0.1 < age_s < 2


async def test_more_than_there_is_gives_what_there_is(live: Kernel) -> None:
    """The past is as long as it is, and the clip says so."""
    length_s, start_s = await live.value("(lambda c: [c.duration_s, c.start_s])(lab.audio.last(25))")
    assert 1 < length_s < 24.9
    assert start_s > 0


@pytest.mark.parametrize(("rate", "channels"), [(48000, 1), (16000, 2), (44100, 1), (8000, 2)])
async def test_recording_blocks_for_its_time_and_is_gapless(live: Kernel, rate: int, channels: int) -> None:
    """record() waits for exactly that much sound from now on, shows a bar, and the tone goes through."""
    cell = await live.execute(
        "t, now = time.monotonic(), lab.stats()['time_s']\n"
        f"clip = lab.audio.record(0.8, sample_rate={rate}, channels={channels})\ntook_s = time.monotonic() - t"
    )
    facts = await live.value(
        "dict(shape=clip.samples.shape, took_s=took_s, gaps=len(clip.gaps), begins_s=clip.start_s - now,"
        " tone=measure(clip.mono, clip.sample_rate))"
    )
    assert facts["shape"] == [round(0.8 * rate), channels]
    assert 0.7 < facts["took_s"] < 10
    assert facts["gaps"] == 0
    assert -0.3 < facts["begins_s"] < 3
    assert facts["tone"] == pytest.approx([440, 0.5], rel=0.05)
    assert any("progress" in shown.get("text/html", "") for shown in cell.displays)
    assert live.shown[cell.display_ids[0]]["text/html"] == ""  # the bar is gone


async def test_grabbing_gives_pictures_in_a_row(live: Kernel) -> None:
    """grab() is one array with its times, at the camera's rate or each n-th of it."""
    await live.execute(
        "clip, third = lab.video.grab(20), lab.video.grab(6, every=3, format='gray', size=(64, 48))"
    )
    facts = await live.value(
        "dict(shape=clip.images.shape, times=clip.times_s, third=third.images.shape, gray_times=third.times_s)"
    )
    assert facts["shape"] == [20, 480, 640, 3]
    assert facts["third"] == [6, 48, 64]
    steps_s = [b - a for a, b in zip(facts["times"], facts["times"][1:], strict=False)]
    assert min(steps_s) > 0
    assert 0.8 * 19 / 30 < sum(steps_s) < 10  # the camera of a busy machine leaves some out
    assert 0.8 * 0.5 < facts["gray_times"][-1] - facts["gray_times"][0] < 10
    assert await live.value("abs(clip.images[0].astype(int) - clip.images[-1]).max()") > 50  # it moves


async def test_frames_are_the_newest_each_time_the_loop_asks(live: Kernel) -> None:
    """A slow loop gets fresh pictures and knows how many it missed; leaving it ends the subscription."""
    await live.execute(
        "seen = []\n"
        "frames = lab.video.frames(timeout_s=20)\n"
        "for frame in frames:\n"
        "    seen.append((frame.sequence, frame.time_s))\n"
        "    time.sleep(0.3)\n"
        "    if len(seen) == 6: break\n"
        "dropped = frames.dropped\nage_s = lab.stats()['time_s'] - frame.time_s\n"
        "del frames, frame"
    )
    facts = await live.value("dict(seen=seen, dropped=dropped, age_s=age_s)")
    steps = [b[0] - a[0] for a, b in zip(facts["seen"], facts["seen"][1:], strict=False)]
    assert min(steps) >= 1
    assert max(steps) >= 2
    assert facts["dropped"] > 2
    assert facts["age_s"] < 3
    await live.wait_value("lab.stats()['processing']['subscriptions']", lambda left: left == {})


async def test_frames_at_a_rate(live: Kernel) -> None:
    """max_rate_hz thins the stream evenly."""
    await live.execute(
        "with lab.video.frames(max_rate_hz=10) as frames:\n"
        "    times = [next(frames).time_s for _ in range(8)]\n"
        "closed = next(frames, 'closed')"
    )
    times = await live.value("times")
    assert 0.65 < times[-1] - times[0] < 10
    assert await live.value("closed") == "closed"


async def test_async_loops_leave_the_kernel_free(live: Kernel) -> None:
    """`async for` over frames and chunks, while another task of the same cell runs on; it can be closed."""
    await live.execute(
        "ticks = 0\n"
        "async def tick():\n"
        "    global ticks\n"
        "    while True:\n"
        "        await asyncio.sleep(0.01); ticks += 1\n"
        "task = asyncio.create_task(tick())\n"
        "n = m = 0\n"
        "async for frame in (frames := lab.video.frames()):\n"
        "    n += 1\n"
        "    if n == 5: frames.close()\n"
        "async for chunk in (chunks := lab.audio.chunks(block=4800)):\n"
        "    m += 1\n"
        "    if m == 5: chunks.close()\n"
        "task.cancel()"
    )
    facts = await live.value("dict(n=n, m=m, ticks=ticks)")
    assert (facts["n"], facts["m"]) == (5, 5)
    assert facts["ticks"] > 3


async def test_chunks_join_without_a_gap(live: Kernel) -> None:
    """Blocks of an odd length follow each other sample by sample although the loop pauses."""
    await live.execute(
        "chunks = []\n"
        "for chunk in lab.audio.chunks(block=1000, sample_rate=22050, channels=2):\n"
        "    chunks.append(chunk)\n"
        "    if len(chunks) == 10: time.sleep(0.5)\n"
        "    if len(chunks) == 40: break\n"
        "whole = np.concatenate([c.samples for c in chunks])"
    )
    facts = await live.value(
        "dict(shape=whole.shape, gaps=[len(c.gaps) for c in chunks], starts=[c.start_s for c in chunks],"
        " tone=measure(whole[:, 1], 22050))"
    )
    assert facts["shape"] == [40_000, 2]
    assert sum(facts["gaps"]) == 0
    steps_s = [b - a for a, b in zip(facts["starts"], facts["starts"][1:], strict=False)]
    assert steps_s == pytest.approx([1000 / 22050] * 39)
    assert facts["tone"] == pytest.approx([440, 0.5], rel=0.05)


async def test_a_stream_that_falls_silent_ends_after_its_time(live: Kernel) -> None:
    """Nothing for timeout_s raises StreamTimeout, which says the lab's state."""
    cell = await live.execute("next(lab.screen.frames(timeout_s=0.3))", check=False)
    assert cell.error is not None
    assert (cell.error.name, cell.error.message) == (
        "StreamTimeout",
        "nothing came for 0.3 s; the lab is live",
    )


async def test_what_is_counted_is_all_there(live: Kernel) -> None:
    """stats() has the rates, losses and the connection's figures, each explained; audio came without loss."""
    stats = await live.value("lab.stats()")
    undocumented = [path for path in paths(stats) if not any(fnmatch(path, known) for known in FIELDS)]
    assert undocumented == []
    assert stats["state"] == "live"
    assert 2 < stats["fps"] < 35
    assert stats["level_db"] == pytest.approx(-9.03, abs=0.5)
    assert stats["connection"]["audio"]["packets_lost"] <= 5
    assert stats["audio"]["received"] >= stats["simulated"]["audio"]["sent"] - 30
    assert stats["connection"]["route"] == "direct"
    assert await live.value("[lab.fps > 2, lab.route, lab.state, lab.error]") == [
        True,
        "direct",
        "live",
        None,
    ]
    print("figures", stats["fps"], stats["audio"], stats["connection"]["rtt_ms"])


async def test_the_history_has_no_holes_while_a_cell_is_busy(live: Kernel) -> None:
    """Two rows a second, kept outside the kernel: a cell of pure Python delays none of them."""
    await live.execute("end = time.monotonic() + 3\nwhile time.monotonic() < end: pass")
    times_s, fps = await live.value("[lab.stats_history(2.5)[name] for name in ('time_s', 'fps')]")
    steps_s = [later - sooner for sooner, later in pairwise(times_s)]
    assert len(steps_s) >= 2
    assert max(steps_s) < 2.5
    assert times_s[-1] - times_s[0] <= 2.5
    assert max(fps) > 0
    print("rows", times_s, fps)


async def test_delays_are_measured_without_a_function_of_ones_own(live: Kernel) -> None:
    """Time codes in the pictures, and a function that returns them for as long as it takes."""
    await live.execute("delay = lab.measure_delay(1.5)")
    assert await live.value("delay.total.pictures") > 0
    assert await live.value("0 < delay.to_engine.median_ms < delay.total.median_ms")
    assert await live.value("[len(lab._callbacks.all()), lab.stats()['processing']['subscriptions']]") == [
        0,
        {},
    ]
    print(await live.value("repr(delay)"))


async def test_sources_change_and_a_kind_may_be_left_out(live: Kernel) -> None:
    """Simulating anew replaces the browser; without sound it is live at once, and nothing old is heard as new."""
    await live.execute("t = time.monotonic()\nlab.simulate(audio=None, video='noise', width=320, height=240)")
    await live.execute(
        "lab.wait_live(60)\ntook_s = time.monotonic() - t\nsize = lab.video.latest().image.shape"
    )
    assert await live.value("size") == [240, 320, 3]
    assert await live.value("took_s") < 20
    assert await live.value("lab.mirror.problems") == {}
    await live.execute("lab.simulate(video=None, audio='tone', hz=1000)\nlab.wait_live(60)\ntime.sleep(1.5)")
    tone = await live.value("measure(lab.audio.last(0.4).mono, 48000)")
    assert tone == pytest.approx([1000, 0.5], rel=0.05)


async def test_after_stop_what_was_received_stays_and_streams_ask_to_start(live: Kernel) -> None:
    """stop() ends the connection; the past is still readable, the future is not there."""
    await live.execute("lab.stop()")
    await live.wait_value("lab.state", lambda state: state == "idle")
    assert await live.value("[lab.route, lab.audio.last(0.2).duration_s > 0.1]") == [None, True]
    cell = await live.execute("lab.video.frames()", check=False)
    assert cell.error is not None
    assert cell.error.name == "NotLiveError"
