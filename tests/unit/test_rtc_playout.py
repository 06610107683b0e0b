"""AudioJitterBuffer: every packet once and in order, at once where the network is calm, never later than it must."""

from __future__ import annotations

import random
from statistics import median
from typing import NamedTuple

import pytest
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from smallrtc_lab.rtc.playout import (
    CAPACITY,
    MAX_DEPTH_S,
    MIN_DEPTH_S,
    START_DEPTH_S,
    ArrivalDelays,
    AudioJitterBuffer,
    AudioPacket,
)

STEP_S = 0.02
TICK_S = 0.001


class Sent(NamedTuple):
    """One packet of a trace: its place in the stream, and when it arrived (None: never)."""

    index: int
    arrived_s: float | None


def packet(index: int, *, first: int = 1000, start: int = 5000, ssrc: int = 1, data: bytes | None = None):
    """Packet ``index`` of a stream of 20 ms packets."""
    payload = b"%d" % index if data is None else data
    return AudioPacket(ssrc, (first + index) % 65536, (start + 960 * index) % (1 << 32), 48000, payload)


def indices(frames) -> list[int]:
    return [int(frame.data) for frame in frames]


def calm(buffer: AudioJitterBuffer, count: int, begin: int = 0) -> None:
    """``count`` packets in time, so that the buffer has learnt a calm network."""
    for index in range(begin, begin + count):
        assert indices(buffer.add(packet(index), index * STEP_S)) == [index]


def test_on_a_calm_network_nothing_waits():
    """Packets in order come out of the call that brought them in, with timestamps from 0 on."""
    buffer = AudioJitterBuffer()
    assert buffer.rtp_origin is None
    out = [buffer.add(packet(n), n * STEP_S) for n in range(100)]
    assert buffer.rtp_origin == 5000
    assert [len(frames) for frames in out] == [1] * 100
    assert [frames[0].timestamp for frames in out] == [960 * n for n in range(100)]
    assert buffer.depth_s == MIN_DEPTH_S
    assert buffer.due_s is None


def test_order_is_restored_and_nothing_lost():
    """A packet that comes after its follower is waited for, and both come out in order."""
    buffer = AudioJitterBuffer()
    calm(buffer, 100)
    assert buffer.add(packet(101), 2.0) == []
    assert buffer.waiting == 1
    assert indices(buffer.add(packet(100), 2.005)) == [100, 101]
    assert (buffer.packets_late, buffer.packets_given_up) == (0, 0)


def test_a_lost_packet_is_given_up_at_the_playout_time_of_the_next():
    """What follows a lost packet comes out ``depth_s`` after its own time; the timestamps show the gap."""
    buffer = AudioJitterBuffer()
    calm(buffer, 100)
    assert buffer.add(packet(101), 101 * STEP_S) == []
    due_s = buffer.due_s
    assert due_s == pytest.approx(101 * STEP_S + MIN_DEPTH_S)
    assert buffer.poll(due_s - TICK_S) == []
    (frame,) = buffer.poll(due_s + TICK_S)
    assert (frame.data, frame.timestamp) == (b"101", 101 * 960)
    assert (buffer.packets_given_up, buffer.gaps_skipped) == (1, 1)
    assert buffer.due_s is None


def test_a_packet_that_comes_after_it_was_given_up_counts_as_late():
    """Late packets are counted and left out, and a second copy of one is a duplicate."""
    buffer = AudioJitterBuffer()
    calm(buffer, 60)
    buffer.add(packet(61), 61 * STEP_S)
    buffer.poll(61 * STEP_S + 0.1)
    assert buffer.add(packet(60), 61 * STEP_S + 0.11) == []
    assert buffer.add(packet(60), 61 * STEP_S + 0.12) == []
    assert (buffer.packets_late, buffer.packets_duplicate) == (1, 1)


def test_duplicates_change_nothing():
    """Every packet twice, also while it waits behind a gap, gives every packet once."""
    buffer = AudioJitterBuffer()
    out = []
    for index in (0, 0, 2, 2, 1, 1, 2, 3, 3):
        out += buffer.add(packet(index), index * STEP_S)
    assert indices(out) == [0, 1, 2, 3]
    assert buffer.packets_duplicate == 5


def test_late_copies_teach_nothing():
    """A network that repeats packets 100 ms later is as calm as one that does not."""
    buffer = AudioJitterBuffer()
    for index in range(200):
        buffer.add(packet(index), index * STEP_S)
        if index >= 5:
            buffer.add(packet(index - 5), index * STEP_S)
    assert buffer.depth_s == MIN_DEPTH_S
    assert (buffer.packets_duplicate, buffer.packets_late) == (195, 0)


def test_a_pause_of_the_sender_is_no_loss():
    """Timestamps that jump without a missing number (DTX) pass at once, and keep their distance."""
    buffer = AudioJitterBuffer()
    calm(buffer, 60)
    later = AudioPacket(1, 1060, 5000 + 960 * 60 + 48000 // 2, 48000, b"60")
    (frame,) = buffer.add(later, 60 * STEP_S + 0.5)
    assert frame.timestamp == 960 * 60 + 24000
    assert buffer.packets_given_up == 0


def test_numbers_and_timestamps_wrap():
    """A stream whose numbers and timestamps pass their 16 and 32 bits goes on evenly, out of order too."""
    buffer = AudioJitterBuffer()
    out = []
    for index in (*range(10), 11, 10, *range(12, 40)):
        wrapped = packet(index, first=65530, start=(1 << 32) - 960 * 20)
        out += buffer.add(wrapped, index * STEP_S)
    assert indices(out) == list(range(40))
    assert [frame.timestamp for frame in out] == [960 * n for n in range(40)]


@pytest.mark.parametrize(
    ("ssrc", "first"), [(2, 40000), (1, 40000), (1, 400)], ids=["ssrc", "far ahead", "far back"]
)
def test_a_new_stream_continues_the_time(ssrc, first):
    """Two packets in sequence of a new stream start it, nothing of it is lost, and time goes on as it passed."""
    buffer = AudioJitterBuffer()
    calm(buffer, 50)
    out = []
    for index in range(5):
        fresh = packet(index, first=first, start=99, ssrc=ssrc)
        out += buffer.add(fresh, 2.0 + index * STEP_S)
    assert indices(out) == list(range(5))
    assert buffer.restarts == 1
    elapsed_s = (out[0].timestamp - 49 * 960) / 48000
    assert elapsed_s == pytest.approx(2.0 - 49 * STEP_S, abs=STEP_S + TICK_S)
    assert [frame.timestamp - out[0].timestamp for frame in out] == [960 * n for n in range(5)]
    assert (buffer.rtp_origin + out[0].timestamp) % 2**32 == 99


def test_stray_packets_do_not_take_over():
    """Single packets of another source between those of the stream are left out, and do no harm."""
    buffer = AudioJitterBuffer()
    out = []
    for index in range(20):
        out += buffer.add(packet(index), index * STEP_S)
        out += buffer.add(packet(index, ssrc=7, data=b"-1"), index * STEP_S)
    assert indices(out) == list(range(20))
    assert buffer.restarts == 0


def test_an_outage_is_skipped_as_a_whole():
    """After three seconds without packets the stream goes on within the depth, with one gap."""
    buffer = AudioJitterBuffer()
    calm(buffer, 100)
    out = buffer.add(packet(250), 250 * STEP_S) + buffer.add(packet(251), 251 * STEP_S)
    out += buffer.poll(251 * STEP_S + MAX_DEPTH_S)
    assert indices(out) == [250, 251]
    assert (buffer.gaps_skipped, buffer.packets_given_up, buffer.restarts) == (1, 150, 0)


def test_what_waits_is_bounded():
    """Behind a gap wait at most ``CAPACITY`` packets, even when no time passes."""
    buffer = AudioJitterBuffer()
    calm(buffer, 50)
    out = [buffer.add(packet(index), 1.0) for index in range(51, 400)]
    assert buffer.waiting <= CAPACITY
    assert indices([frame for frames in out for frame in frames])[0] == 51


def test_padding_keeps_the_order_and_gives_nothing():
    """A packet without payload is part of the sequence and no sound."""
    buffer = AudioJitterBuffer()
    out = [buffer.add(packet(n, data=b"" if n == 1 else None), n * STEP_S) for n in range(3)]
    assert [indices(frames) for frames in out] == [[0], [], [2]]


def test_the_depth_follows_the_jitter_up_and_down():
    """Packets up to 80 ms late deepen the buffer to about that; after a calm window it is shallow again."""
    noise = random.Random(3)
    delays = ArrivalDelays()
    assert delays.depth_s == START_DEPTH_S
    for _ in range(500):
        delays.add(10.0 + noise.uniform(0, 0.08))
    assert 0.07 < delays.depth_s <= 0.08
    for _ in range(500):
        delays.add(10.0 + noise.uniform(0, 0.002))
    assert delays.depth_s == MIN_DEPTH_S
    delays.add(15.0)  # a pause, not jitter
    assert delays.shortest_s == 15.0


# The same traces through this buffer and through aiortc's own


def trace(name: str, count: int = 3000) -> list[Sent]:
    """Arrivals of a minute of 20 ms packets on one kind of network."""
    noise = random.Random(name)
    sent, last_s = [], 0.0
    for index in range(count):
        left_s = index * STEP_S
        arrived_s: float | None = left_s + noise.uniform(0, 0.001)
        if name == "jitter 20 ms, in order":
            arrived_s = last_s = max(last_s, left_s + noise.uniform(0, 0.02))
        elif name == "jitter 60 ms, reordering":
            arrived_s = left_s + noise.uniform(0, 0.06)
        elif name == "spikes of 100 ms":
            held_s = left_s - left_s % 3.0 + 0.1
            arrived_s = max(left_s, held_s if left_s % 3.0 < 0.1 else 0.0)
        elif name == "neighbours swap, 1 %":
            arrived_s = left_s + (0.025 if noise.random() < 0.01 else 0.0)
        elif name == "loss 5 %" and noise.random() < 0.05:
            arrived_s = None
        sent.append(Sent(index, arrived_s))
    return sent


def through_ours(sent: list[Sent]) -> tuple[dict[int, float], AudioJitterBuffer]:
    """When each packet came out, a timer of a millisecond between packets."""
    buffer, out = AudioJitterBuffer(), {}
    arrivals = sorted((s for s in sent if s.arrived_s is not None), key=lambda s: s.arrived_s)
    for one in arrivals:
        while (due_s := buffer.due_s) is not None and due_s < one.arrived_s:
            out |= dict.fromkeys(indices(buffer.poll(due_s + 1e-9)), due_s)
        out |= dict.fromkeys(indices(buffer.add(packet(one.index), one.arrived_s)), one.arrived_s)
    return out, buffer


def through_aiortc(sent: list[Sent]) -> dict[int, float]:
    """The same with the buffer aiortc gives an audio receiver."""
    buffer, out = JitterBuffer(capacity=16, prefetch=4), {}
    for one in sorted((s for s in sent if s.arrived_s is not None), key=lambda s: s.arrived_s):
        rtp = RtpPacket(sequence_number=(1000 + one.index) % 65536, timestamp=5000 + 960 * one.index)
        rtp._data = b"%d" % one.index
        _, frame = buffer.add(rtp)
        if frame is not None:
            out[int(frame.data)] = one.arrived_s
    return out


def figures(sent: list[Sent], out: dict[int, float]) -> tuple[float, float, float]:
    """Added delay, median and 95th percentile in ms, and the share of what arrived that never came out."""
    arrived = {s.index: s.arrived_s for s in sent[:-20] if s.arrived_s is not None}
    added = sorted(1000 * (out[n] - arrived_s) for n, arrived_s in arrived.items() if n in out)
    missing = sum(n not in out for n in arrived) / len(arrived)
    return median(added), added[int(0.95 * len(added))], missing


@pytest.mark.parametrize(
    "name",
    [
        "calm",
        "jitter 20 ms, in order",
        "jitter 60 ms, reordering",
        "spikes of 100 ms",
        "neighbours swap, 1 %",
        "loss 5 %",
    ],
)
def test_a_minute_of_network_beside_aiortcs_own_buffer(name):
    """On every kind of network packets come out in order, sooner than from aiortc's buffer and no fewer."""
    sent = trace(name)
    out, buffer = through_ours(sent)
    ours, theirs = figures(sent, out), figures(sent, through_aiortc(sent))
    print(
        f"{name:25} added delay median/p95: {ours[0]:.1f}/{ours[1]:.1f} ms (aiortc {theirs[0]:.1f}/{theirs[1]:.1f})"
        f", arrived but lost: {ours[2]:.2%} (aiortc {theirs[2]:.2%}), depth {buffer.depth_s * 1000:.0f} ms"
    )
    assert list(out) == sorted(out)
    assert ours[0] < theirs[0]
    assert ours[1] < theirs[1]
    assert ours[2] <= theirs[2] + 0.02
