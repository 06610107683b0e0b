"""What comes from the browser: places on the session's time axis, over connections that come and go."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.engine.inbound import AudioInbound, VideoInbound
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.media.clock import SenderReport, SessionClock
from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket

RATE = 48000
N = 960
CODEC_DELAY_S = 0.0065  # what Opus hears comes out so much later


class Track:
    """An input track that a test feeds."""

    on_encoded = None

    def __init__(self) -> None:
        self.dropped = 0
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.reports: list[SenderReport] = []

    def put(self, frame: Any, arrival_s: float) -> None:
        self.frames.put_nowait((frame, arrival_s))

    def end(self) -> None:
        self.frames.put_nowait(None)

    def take_report(self) -> SenderReport | None:
        return self.reports.pop(0) if self.reports else None

    async def recv_timed(self) -> tuple[Any, float]:
        item = await self.frames.get()
        if item is None:
            raise MediaStreamError
        return item  # type: ignore[no-any-return]


def packet(pts: int, level: int = 1000) -> av.AudioFrame:
    """20 ms of a constant, 48 kHz stereo."""
    frame = av.AudioFrame.from_ndarray(np.full((1, 2 * N), level, np.int16), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, pts, Fraction(1, RATE)
    return frame


def picture(number: int) -> av.VideoFrame:
    """A black frame, 30 a second."""
    frame = av.VideoFrame(32, 24, "yuv420p")
    frame.pts, frame.time_base = 3000 * number, Fraction(1, 90000)
    return frame


async def settle(stream: Any, received: int) -> None:
    """Wait until that many pieces were taken."""
    async with asyncio.timeout(30):
        while stream.received < received:
            await asyncio.sleep(0)


def sound() -> tuple[AudioInbound, list[int]]:
    """A microphone of a session that began at time zero, and the positions of what came."""
    stream, positions = AudioInbound(SessionClock(0.0)), []
    stream.on_samples = lambda samples, position: positions.append(position)
    return stream, positions


async def test_sound_begins_where_it_arrived_and_then_follows_its_pts() -> None:
    """The first packet's place is its arrival, the others' their pts, however unevenly they arrive."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number, late_s in enumerate((0.0, 0.04, 0.01, 0.3, 0.0)):
        track.put(packet(5_000_000 + number * N), 10 + number * 0.02 + late_s)
    await settle(stream, 5)
    assert positions == [10 * RATE - N + number * N for number in range(5)]
    assert stream.flowing
    assert stream.loss == 0
    await stream.disconnect()


async def test_a_lost_packet_is_a_gap_in_the_ring() -> None:
    """A pts that jumps leaves its place empty, and the share that is missing is known."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in (0, 1, 3, 4):
        track.put(packet(number * N), 1 + number * 0.02)
    await settle(stream, 4)
    begin = RATE - N
    _, gaps = stream.ring.read(begin, 5 * N)
    assert gaps == ((begin + 2 * N, N),)
    assert stream.loss == pytest.approx(0.2)
    assert positions[2] == begin + 3 * N
    await stream.disconnect()


@pytest.mark.parametrize("jump", [10 * RATE, -10 * RATE])
async def test_a_pts_that_leads_astray_is_placed_by_arrival(jump: int) -> None:
    """A source whose pts jumps, as after a change of microphone, stays near its arrival and never overlaps."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in range(10):
        track.put(packet(number * N + (jump if number >= 5 else 0)), 1 + number * 0.02)
    await settle(stream, 10)
    assert positions == [RATE - N + number * N for number in range(10)]
    await stream.disconnect()


async def test_a_pause_of_the_source_is_a_gap() -> None:
    """Sound that stopped for two seconds and goes on with the next pts is placed when it came."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    track.put(packet(0), 1.0)
    for number in range(1, 31):
        track.put(packet(number * N), 3.0 + number * 0.02)
    await settle(stream, 31)
    assert positions == [RATE - N, *(3 * RATE + number * N for number in range(30))]
    _, gaps = stream.ring.read(RATE, 2 * RATE)
    assert gaps == ((RATE, 2 * RATE),)
    await stream.disconnect()


@pytest.mark.parametrize("reported", [False, True])
@pytest.mark.parametrize("stall_s", [0.8, 1.5, 4.0])
async def test_a_stall_of_this_process_moves_nothing(stall_s: float, reported: bool) -> None:
    """Packets that come late in a burst keep their places: nothing of the sound is lost, no gap is booked."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in range(400):
        due_s = 1 + number * 0.02
        if reported and number % 50 == 49:
            track.reports.append(SenderReport(number * N, 4e9 + due_s, due_s))
        end_s = 2 + stall_s
        burst_s = end_s + number * 0.0002 + (0.1 if number > 70 else 0)  # with a pause for breath
        track.put(packet(number * N), max(due_s, burst_s) if 2 < due_s < end_s + 0.2 else due_s)
    await settle(stream, 400)
    assert stream.ring.last(30).gaps == ()
    assert stream.axis.time_s(positions[-1]) == pytest.approx(1 + 398 * 0.02, abs=0.03)
    assert positions == [RATE - N + number * N for number in range(400)]
    assert stream.loss == 0
    await stream.disconnect()


async def test_a_short_pause_is_made_good_within_seconds() -> None:
    """Sound that is late all the time is moved to where it belongs, with a gap of just that length."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in range(500):
        track.put(packet(number * N), 1 + number * 0.02 + (0.3 if number >= 50 else 0))
    await settle(stream, 500)
    steps = np.diff(positions)
    assert sorted(set(steps.tolist())) == [N, N + round(0.3 * RATE)]
    assert positions[-1] == RATE - N + 499 * N + round(0.3 * RATE)
    assert positions.index(max(positions)) == 499
    await stream.disconnect()


async def test_a_new_connection_goes_on_behind_the_old_one() -> None:
    """Its pts begin anew; its sound is placed by arrival and never before what is there already."""
    stream, positions = sound()
    first, second = Track(), Track()
    stream.follow(first)  # type: ignore[arg-type]
    first.put(packet(900_000), 5.0)
    await settle(stream, 1)
    await stream.disconnect()
    assert not stream.flowing
    assert stream.dropped == 0
    stream.follow(second)  # type: ignore[arg-type]
    second.put(packet(0), 5.001)
    second.put(packet(N), 5.021)
    await settle(stream, 3)
    assert positions == [5 * RATE - N, 5 * RATE, 5 * RATE + N]
    await stream.disconnect()


async def test_the_level_is_that_of_the_last_tenth_of_a_second() -> None:
    """A constant of half scale is at −6 dB."""
    stream, _ = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in range(10):
        track.put(packet(number * N, 100 if number < 5 else 16384), 1 + number * 0.02)
    await settle(stream, 10)
    assert stream.level_db() == pytest.approx(-6.02, abs=0.05)
    await stream.disconnect()


async def test_pictures_are_numbered_and_timed_over_connections() -> None:
    """Numbers go on over connections, times grow, and the newest picture stays readable."""
    stream = VideoInbound("camera", SessionClock(100.0))
    seen: list[TimedFrame] = []
    stream.on_frame = seen.append
    for begin_s in (110.0, 120.0):
        track = Track()
        stream.follow(track)  # type: ignore[arg-type]
        for number in range(3):
            track.put(picture(number), begin_s + number / 30)
        await settle(stream, stream.received + 3)
        await stream.disconnect()
    assert [timed.sequence for timed in seen] == list(range(6))
    assert [timed.time_s for timed in seen] == pytest.approx(
        [10, 10 + 1 / 30, 10 + 2 / 30, 20, 20 + 1 / 30, 20 + 2 / 30]
    )
    assert seen[0].decoded_s == 110.0
    assert stream.latest is seen[-1]
    assert not stream.flowing


async def test_another_track_takes_the_place_of_the_first() -> None:
    """Following a track twice changes nothing; following another leaves the first unread."""
    stream = VideoInbound("camera", SessionClock(time.monotonic()))
    first, second = Track(), Track()
    stream.follow(first)  # type: ignore[arg-type]
    first.put(picture(0), time.monotonic())
    await asyncio.wait_for(stream.wait_flowing(), 30)
    stream.follow(first)  # type: ignore[arg-type]
    assert stream.flowing
    stream.follow(second)  # type: ignore[arg-type]
    assert not stream.flowing
    first.put(picture(1), time.monotonic())
    second.put(picture(0), time.monotonic())
    await settle(stream, 2)
    await asyncio.sleep(0.01)
    assert stream.received == 2
    second.end()
    await asyncio.sleep(0.01)
    await stream.disconnect()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("inbound")]


async def test_silence_that_is_not_sent_is_a_gap() -> None:
    """Discontinuous transmission: the pts go on, nothing came; zeros, marked, for they were never measured."""
    stream, _ = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in (0, 1, 20, 40, 41):
        track.put(packet(number * N), 1 + number * 0.02)
    await settle(stream, 5)
    samples, gaps = stream.ring.read(RATE - N, 42 * N)
    assert [(gap.position - RATE + N, gap.length) for gap in gaps] == [(2 * N, 18 * N), (21 * N, 19 * N)]
    assert not samples[2 * N : 20 * N].any()
    await stream.disconnect()


async def test_a_muted_microphone_is_silence_without_a_gap() -> None:
    """A browser that is muted goes on sending: zeros that did arrive, and no gap."""
    stream, _ = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    for number in range(60):
        track.put(packet(number * N, 0 if 20 <= number < 40 else 1000), 1 + number * 0.02)
    await settle(stream, 60)
    samples, _, gaps = stream.ring.last(60 * 0.02)
    assert gaps == ()
    assert not samples[20 * N : 40 * N].any()
    assert samples[: 20 * N].all()
    assert stream.loss == 0
    await stream.disconnect()


async def test_sound_and_pictures_of_one_moment_get_one_time_however_they_were_delayed() -> None:
    """With sender reports both kinds are at the time of capture; without any change of the sound itself."""
    clock = SessionClock(0.0)
    stream, camera, seen = AudioInbound(clock), VideoInbound("camera", clock), []
    positions: list[int] = []
    stream.on_samples = lambda samples, position: positions.append(position)
    camera.on_frame = seen.append
    microphone, pictures = Track(), Track()
    stream.follow(microphone)  # type: ignore[arg-type]
    camera.follow(pictures)  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    for tenth in range(100):  # ten seconds; sound is 180 ms late, the first picture's pts is 0.5 s of sound's
        for part in range(5):
            number = tenth * 5 + part
            late_s = 0.18 + rng.exponential(0.005)
            if number % 50 == 20:
                microphone.reports.append(
                    SenderReport(number * N, 4e9 + 20 + number * 0.02, 20 + number * 0.02 + 0.19)
                )
            microphone.put(packet(number * N), 20 + number * 0.02 + late_s)
        for part in range(3):
            number = tenth * 3 + part
            if number % 30 == 10:
                pictures.reports.append(
                    SenderReport(3000 * number, 4e9 + 20 + number / 30, 20 + number / 30 + 0.012)
                )
            pictures.put(picture(number), 20 + number / 30 + 0.01 + rng.exponential(0.005))
        await settle(stream, 5 * tenth + 5)
        await settle(camera, 3 * tenth + 3)
    assert sorted(set(np.diff(positions).tolist())) == [N]
    sound_times_s = np.array([stream.axis.time_s(position) for position in positions])
    picture_times_s = np.array([frame.time_s for frame in seen])
    for times_s in (sound_times_s, picture_times_s):
        assert (np.diff(times_s) > 0).all()
    sound_error_s = sound_times_s - (20 + np.arange(500) * 0.02)
    picture_error_s = picture_times_s - (20 + np.arange(300) / 30)
    offset_s = sound_error_s[-1] - picture_error_s[-1]
    print(f"offset {sound_error_s[0] * 1000:.0f} ms at first, then {offset_s * 1000:.1f} ms")
    assert abs(offset_s + CODEC_DELAY_S) < 0.01
    assert 0 <= picture_error_s[-1] < 0.02
    assert stream.axis.kind == "capture"
    assert (seen[0].time_kind, seen[-1].time_kind) == ("arrival", "capture")
    await stream.disconnect()
    await camera.disconnect()


@pytest.mark.parametrize("reported", [False, True])
@pytest.mark.parametrize("drift_ppm", [-100.0, 100.0])
async def test_ten_minutes_of_a_drifting_clock(drift_ppm: float, reported: bool) -> None:
    """A microphone whose crystal is 100 ppm off: its times stay true, within 20 ms with reports; no gap."""
    stream, positions = sound()
    track = Track()
    stream.follow(track)  # type: ignore[arg-type]
    rng = np.random.default_rng(2)
    true_s = 10 + np.arange(30_000) * 0.02 * (1 - drift_ppm * 1e-6)
    arrivals_s = np.maximum.accumulate(true_s + 0.02 + rng.exponential(0.004, len(true_s)))
    frame, errors_s = packet(0), []
    for number, (captured_s, arrival_s) in enumerate(zip(true_s, arrivals_s, strict=True)):
        if reported and number % 250 == 100:
            track.reports.append(SenderReport(number * N, 4e9 + float(captured_s), float(arrival_s)))
        frame.pts = number * N
        stream._accept(frame, float(arrival_s))
        if track.reports:
            stream._report(track.reports.pop(), Fraction(1, RATE))
        errors_s.append(stream.axis.time_s(positions[-1]) - captured_s)
    steps = set(np.diff(positions).tolist())
    drift_ms = 1000 * (errors_s[-1] - errors_s[1000])
    print(
        f"{drift_ppm:+.0f} ppm: time error {1000 * min(errors_s):.1f} to {1000 * max(errors_s):.1f} ms, {drift_ms=:.1f}"
    )
    assert steps == {N}
    assert np.ptp(errors_s[1000:]) < (0.02 if reported else 0.05)
    await stream.disconnect()


def test_taps_get_every_encoded_packet_with_its_place_in_time():
    """Before anything is decoded a packet's time is that of its arrival, and a new track begins a new epoch."""
    inbound = VideoInbound("camera", SessionClock(time.monotonic() - 5.0))
    seen: list[TimedPacket] = []
    packet = EncodedPacket(b"\x50", "VP8", 90000, 0, True)
    inbound._tapped(packet)
    inbound.taps.append(seen.append)
    inbound._tapped(packet)
    (timed,) = seen
    assert timed.packet is packet
    assert timed.time_kind == "arrival"
    assert timed.time_s == timed.arrival_s == pytest.approx(5.0, abs=2.0)
