"""What goes back to the browser: processed where it is ready in time, the original where it is not."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.kernelend import KernelEnd

from smallrtc_lab.engine import returns
from smallrtc_lab.engine.inbound import AudioInbound
from smallrtc_lab.engine.returns import AudioReturn, VideoReturn
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.media.blocks import Block, BlockCutter
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.convert import from_picture, to_picture

RATE = 48000


@pytest.fixture
def late_s(monkeypatch: pytest.MonkeyPatch) -> float:
    """A shorter patience than half a second."""
    monkeypatch.setattr(returns, "LATE_S", 0.3)
    return 0.3


def timed(number: int, level: int) -> TimedFrame:
    """A gray frame."""
    return TimedFrame(from_picture(np.full((24, 32, 3), level, np.uint8)), number, number / 30, 0.0)


def in_use(kernel: KernelEnd, executor: ThreadPoolExecutor) -> tuple[VideoReturn, Any]:
    """A return with a processor."""
    back = VideoReturn(kernel.bridge, executor)
    processor = SimpleNamespace(on_delivery=None)
    back.use(processor)  # type: ignore[arg-type]
    return back, processor


async def shown(back: VideoReturn) -> int:
    """The level of the next picture that goes out."""
    frame = await asyncio.wait_for(back.track.recv(), 30)
    return round(float(to_picture(frame, "rgb").mean()))


def result(kernel: KernelEnd, level: int, shape: tuple[int, ...] = (24, 32, 3)) -> dict[str, Any]:
    """A processed picture as the kernel sends it."""
    slot = kernel.lend(np.full(shape, level, np.uint8))
    return {"slot": slot, "shape": list(shape), "format": "rgb" if len(shape) == 3 else "gray"}


async def test_a_result_is_shown_and_its_slot_given_back(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """Colour and gray results go out at the time of their original."""
    back, processor = in_use(kernel, executor)
    for number, shape in ((1, (24, 32, 3)), (2, (24, 32))):
        processor.on_delivery(timed(number, 10))
        await back.result(result(kernel, 200, shape))
        freed, _ = await kernel.next("free")
        kernel.take_back(freed)
        frame = await asyncio.wait_for(back.track.recv(), 30)
        assert abs(float(to_picture(frame, "rgb").mean()) - 200) < 2
        assert frame.pts == number * 3000
        assert frame.time_base == Fraction(1, 90000)


async def test_nothing_returned_passes_the_original(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """A function that returned nothing, or failed, lets its own frame pass."""
    back, processor = in_use(kernel, executor)
    processor.on_delivery(timed(1, 60))
    await back.result({"failed": True})
    assert abs(await shown(back) - 60) < 2


async def test_late_lets_the_originals_pass_and_its_result_is_not_shown(
    kernel: KernelEnd, executor: ThreadPoolExecutor, late_s: float
) -> None:
    """After the bound every new frame passes as it is and is counted, until a result comes in time again."""
    back, processor = in_use(kernel, executor)
    processor.on_delivery(timed(0, 10))
    back.on_frame(timed(1, 20))
    assert (back.late, back.is_late) == (0, False)
    await asyncio.sleep(late_s + 0.02)
    back.on_frame(timed(2, 30))
    assert (back.late, back.is_late) == (1, True)
    assert abs(await shown(back) - 30) < 2
    await back.result(result(kernel, 200))
    kernel.take_back((await kernel.next("free"))[0])
    assert back.is_late, "it has to come in time once"
    processor.on_delivery(timed(3, 40))
    back.on_frame(timed(4, 50))
    assert abs(await shown(back) - 50) < 2
    await back.result(result(kernel, 210))
    kernel.take_back((await kernel.next("free"))[0])
    assert (back.late, back.is_late) == (2, False)
    processor.on_delivery(timed(5, 40))
    await back.result(result(kernel, 220))
    assert abs(await shown(back) - 220) < 2


async def test_a_result_of_a_processor_that_was_replaced_only_gives_its_slot_back(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """No frame is in work for it any more."""
    back, processor = in_use(kernel, executor)
    processor.on_delivery(timed(1, 10))
    back.use(None)
    await back.result(result(kernel, 200))
    await kernel.next("free")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(back.track.recv(), 0.05)


async def test_slots_come_back_for_ever(kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
    """The kernel's four slots serve any number of results."""
    back, processor = in_use(kernel, executor)
    for number in range(12):
        processor.on_delivery(timed(number, 10))
        await back.result(result(kernel, number * 20))
        kernel.take_back((await kernel.next("free"))[0])


async def test_results_are_converted_one_after_the_other(
    kernel: KernelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two results at once, as when one processor replaces another, never share the converter, and keep their order."""
    at_once, most = 0, 0
    convert = returns.from_picture

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.03)
        at_once -= 1
        return convert(*args, **options)

    monkeypatch.setattr(returns, "from_picture", counted)
    with ThreadPoolExecutor(2) as threads:
        back, processor = in_use(kernel, threads)
        processor.on_delivery(timed(1, 10))
        first = asyncio.create_task(back.result(result(kernel, 50)))
        await asyncio.sleep(0.01)
        back.use(processor)
        processor.on_delivery(timed(2, 10))
        await asyncio.gather(first, back.result(result(kernel, 90)))
    assert most == 1
    assert abs(await shown(back) - 90) < 2


def ramp(position: int, n: int, offset: int = 0) -> NDArray[np.int16]:
    """(n, 2) int16 that tells its position."""
    values = ((position + np.arange(n)) % 8000 + offset).astype(np.int16)
    return np.repeat(values[:, None], 2, axis=1)


class Sound:
    """A microphone that a test feeds, and what goes back of it."""

    def __init__(self, hop_s: float = 0.02) -> None:
        self.inbound = AudioInbound(SessionClock(0.0))
        self.inbound._first.set()
        self.back = AudioReturn(self.inbound)
        self.processor = SimpleNamespace(hop_s=hop_s)
        self.back.use(self.processor)  # type: ignore[arg-type]
        self.at = RATE

    def comes(self, n: int = 960) -> int:
        """Sound arrives; its position."""
        position, self.at = self.at, self.at + n
        self.inbound.ring.append(ramp(position, n), position)
        return position

    def processed(self, position: int, n: int = 960) -> None:
        """The kernel answers with the same sound, 8000 steps higher."""
        samples = (ramp(position, n, 8000) / 32768).astype(np.float32)
        self.back.result(samples, RATE, position / RATE)


async def test_returned_sound_is_the_processed_one_a_fixed_delay_later() -> None:
    """With answers in time every sample played is a processed one, one block and a margin behind."""
    sound = Sound()
    delay = round(sound.back.delay_s * RATE)
    assert delay == 960 + round(0.08 * RATE)
    played = []
    for step in range(50):
        sound.processed(sound.comes())
        samples = sound.back.read(960)
        assert samples is not None
        if step > delay / 960:
            played.append(samples)
    joined = np.concatenate(played)
    assert joined.min() >= 8000
    assert np.array_equal(np.unique(np.diff(joined[:, 0].astype(int))), [-7999, 1])
    late_before = sound.back.late_s
    assert late_before <= (delay + 960) / RATE  # only before the first answer could be there


async def test_what_is_not_ready_is_replaced_by_the_original_and_counted() -> None:
    """A block the processor never answered for is heard unprocessed, at its own place."""
    sound = Sound()
    for step in range(60):
        position = sound.comes()
        if step != 30:
            sound.processed(position)
        samples = sound.back.read(960)
        assert samples is not None
        if step > 20 and samples.min() < 8000:
            assert samples[0, 0] == (RATE + 30 * 960) % 8000
    assert sound.back.late_s == pytest.approx(
        0.08 + 0.02
    )  # before the first answer, and the one that is missing


async def test_where_the_function_returned_nothing_the_original_passes_uncounted() -> None:
    """A failing or silent function is no lateness: its stretch is the original."""
    sound = Sound()
    for _ in range(20):
        position = sound.comes()
        sound.back.passed(position / RATE, 0.02)
        sound.back.read(960)
    counted = sound.back.late_s
    for _ in range(20):
        position = sound.comes()
        sound.back.passed(position / RATE, 0.02)
        samples = sound.back.read(960)
        assert samples is not None
        assert samples.max() < 8000
        assert samples.any()
    assert sound.back.late_s == counted


async def test_without_a_processor_nothing_is_played() -> None:
    """No processor: the track sleeps. A processor, but no sound yet: silence, so that the track stays awake."""
    sound = Sound()
    sound.back.use(None)
    assert sound.back.read(960) is None
    sound.back.use(sound.processor)  # type: ignore[arg-type]
    sound.inbound._first.clear()
    silence = sound.back.read(960)
    assert silence is not None
    assert silence.shape == (960, 2)
    assert not silence.any()


async def test_a_processor_at_another_rate_is_heard_at_the_same_place() -> None:
    """A mono processor at 16 kHz comes back as 48 kHz stereo, in time with the original."""
    sound = Sound()
    wave = np.sin(2 * np.pi * 500 * np.arange(16000) / 16000).astype(np.float32) * 0.5
    played, first = [], None
    for step in range(50):
        sound.comes()
        sound.back.result(wave[step * 320 : (step + 1) * 320, None], 16000, (RATE + step * 960) / RATE)
        samples = sound.back.read(960)
        if step >= 10:
            first = first if first is not None else sound.back._play_at - 960 - RATE  # type: ignore[operator]
            played.append(samples)
    joined = np.concatenate(played)  # type: ignore[arg-type]
    wanted = 0.5 * np.sin(2 * np.pi * 500 * (first + np.arange(len(joined))) / RATE)
    assert np.abs(joined[:, 0] / 32768 - wanted).max() < 0.01
    assert np.array_equal(joined[:, 0], joined[:, 1])


async def test_playing_catches_up_after_a_stall() -> None:
    """When nothing was read for long, the next read is near the present again."""
    sound = Sound()
    for _ in range(20):
        sound.processed(sound.comes())
        sound.back.read(960)
    for _ in range(100):
        sound.processed(sound.comes())
    samples = sound.back.read(960)
    assert samples is not None
    behind = (sound.inbound.ring.end - int(samples[0, 0])) % 8000
    assert behind == round(sound.back.delay_s * RATE) % 8000


async def test_a_function_may_change_from_mono_to_stereo() -> None:
    """The number of channels returned may differ from block to block."""
    sound = Sound()
    for step in range(40):
        position = sound.comes()
        samples = (ramp(position, 960, 8000) / 32768).astype(np.float32)
        sound.back.result(samples[:, : 1 + step % 2], RATE, position / RATE)
        played = sound.back.read(960)
        assert played is not None
        assert step < 10 or played.min() >= 8000


def listened(stalls_s: dict[int, float], block: int) -> tuple[NDArray[np.float64], Sound]:
    """What is heard of a 440 Hz tone halved by a function that takes so long for some of its blocks."""
    sound = Sound(block / 16000)
    cutter = BlockCutter(in_rate=RATE, in_channels=2, out_rate=16000, out_channels=1, block=block)
    waiting: deque[tuple[int, Block]] = deque()
    heard, count, free_s = [], 0, 0.0
    for step in range(300):
        times_s = (sound.at + np.arange(960)) / RATE
        wave = np.rint(16384 * np.sin(2 * np.pi * 440 * times_s)).astype(np.int16)
        stereo = np.repeat(wave[:, None], 2, axis=1)
        sound.inbound.ring.append(stereo, sound.at)
        for cut in cutter.push(stereo, sound.at):
            waiting.append((count, cut))
            count += 1
        sound.at += 960
        while waiting and step * 0.02 >= free_s:
            number, cut = waiting[0]
            if number in stalls_s:
                free_s = step * 0.02 + stalls_s.pop(number)
                continue
            waiting.popleft()
            sound.back.result(cut.samples * np.float32(0.5), 16000, cut.start_s)
        played = sound.back.read(960)
        assert played is not None
        heard.append(played[:, 0] / 32768)
    return np.concatenate(heard[20:]), sound


@pytest.mark.parametrize("block", [320, 500, 1024])
@pytest.mark.parametrize("stall_s", [0.2, 0.3, 1.0])
def test_late_sound_is_the_original_without_a_click(stall_s: float, block: int) -> None:
    """The tone is half, whole while the function was late, then half: no sample is heard twice, none is missing."""
    one_s = 16000 // block
    heard, sound = listened({2 * one_s: stall_s, 4 * one_s: 0.06}, block)
    turns = np.exp(-2j * np.pi * 440 * np.arange(len(heard)) / RATE)
    parts = 2 * (heard * turns)[: len(heard) // 1200 * 1200].reshape(-1, 1200).mean(axis=1)  # whole periods
    levels, phases = np.abs(parts), np.angle(parts) / (2 * np.pi)
    slips = (np.diff(phases) + 0.5) % 1 - 0.5
    whole_s = (levels > 0.4).sum() * 0.025
    print(
        f"{block}, stall {stall_s} s: original for {whole_s:.2f} s, largest slip {np.abs(slips).max():.4f} turns"
    )
    assert np.abs(slips).max() < 0.01, "20 ms more or less would be 0.2 turns"
    assert np.median(levels) == pytest.approx(0.25, abs=0.005)
    assert levels.max() == pytest.approx(0.5, abs=0.01)
    steps, clean = np.abs(np.diff(heard)), 1.05 * 0.5 * 2 * np.pi * 440 / RATE
    assert steps.max() < 0.25 + clean, "a change from one to the other, never more"
    assert (steps > clean).sum() <= 4
    assert whole_s == pytest.approx(stall_s - 0.08 + 0.02, abs=0.06 + block / 16000)
    assert whole_s - 0.03 < sound.back.late_s < whole_s + 0.35  # with the time before the first answer
