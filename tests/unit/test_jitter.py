"""FrameAssembler: every frame once, in order, at its last packet; nothing broken, whatever the network does."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from smallrtc_lab.rtc.jitter import (
    CAPACITY,
    MAX_GAP_S,
    FrameAssembler,
    SequenceUnwrapper,
    TimestampUnwrapper,
)


class Packet(NamedTuple):
    sequence_number: int
    timestamp: int
    marker: bool
    data: bytes


def stream(
    sizes: list[int], first: int = 1000, start: int = 5000, markers: bool = True, step: int = 3000
) -> tuple[list[Packet], list[bytes]]:
    """Packets of frames with ``sizes`` packets each, and the frames' true bytes."""
    packets, truth, number = [], [], first
    for index, size in enumerate(sizes):
        timestamp = (start + index * step) % (1 << 32)
        parts = [f"{index}.{part};".encode() for part in range(size)]
        for part, data in enumerate(parts):
            packets.append(Packet(number % 65536, timestamp, markers and part == size - 1, data))
            number += 1
        truth.append(b"".join(parts))
    return packets, truth


def feed(assembler: FrameAssembler, packets: list[Packet], interval_s: float = 0.001, start_s: float = 0.0):
    """What each packet released, and whether it asked for a keyframe."""
    return [assembler.add(*packet, start_s + n * interval_s) for n, packet in enumerate(packets)]


def released(results) -> list[bytes]:
    return [frame.data for result in results for frame in result.frames]


def test_a_frame_is_released_by_its_marker():
    """The packet with the marker bit releases its frame, not the first one of the next frame."""
    packets, truth = stream([3, 1, 2])
    results = feed(FrameAssembler(), packets)
    assert [len(result.frames) for result in results] == [0, 0, 1, 1, 0, 1]
    assert released(results) == truth
    assert [f.timestamp for r in results for f in r.frames] == [5000, 8000, 11000]


def test_without_markers_the_next_timestamp_releases():
    """A sender that sets no marker bits loses one frame interval, but no frame."""
    packets, truth = stream([2, 3, 1], markers=False)
    assert released(feed(FrameAssembler(), packets)) == truth[:2]


def test_a_packet_that_fills_a_gap_releases_everything_behind_it():
    """One late packet may complete several frames, and all of them come out at once."""
    packets, truth = stream([2, 1, 2, 1])
    late = packets.pop(1)
    assembler = FrameAssembler()
    assert released(feed(assembler, packets)) == []
    release = assembler.add(*late, 0.01)
    assert [frame.data for frame in release.frames] == truth
    assert not release.needs_keyframe


def test_duplicates_change_nothing():
    """Every packet twice, at once or later, gives every frame once."""
    packets, truth = stream([2, 3, 1, 4])
    twice = [packet for packet in packets for _ in (0, 1)]
    assert released(feed(FrameAssembler(), twice)) == truth
    held = [packets[0], *packets[2:], *packets[2:], packets[1], *packets]
    assembler = FrameAssembler()
    assert released(feed(assembler, held)) == truth
    assert assembler.packets_duplicate == len(packets) - 2


def test_sequence_numbers_and_timestamps_wrap():
    """Frames across 65535 → 0 and across 2³² → 0 come out like all others."""
    packets, truth = stream([3] * 20, first=65536 - 31, start=(1 << 32) - 20_000)
    assembler = FrameAssembler()
    assert released(feed(assembler, packets)) == truth
    packets[28:40] = reversed(packets[28:40])
    assert released(feed(FrameAssembler(), packets)) == truth


def test_padding_makes_no_frame():
    """Empty packets after the marker, with the old timestamp or a new one, are swallowed."""
    assembler = FrameAssembler()
    packets = [
        Packet(1, 100, False, b"a"),
        Packet(2, 100, True, b"b"),
        Packet(3, 100, False, b""),
        Packet(4, 100, False, b""),
        Packet(5, 200, False, b""),
        Packet(6, 200, True, b"c"),
        Packet(7, 200, True, b""),
    ]
    results = feed(assembler, packets)
    assert released(results) == [b"ab", b"c"]
    assert [len(result.frames) for result in results] == [0, 1, 0, 0, 0, 1, 0]
    assert not any(result.needs_keyframe for result in results)


def test_padding_inside_a_frame_leaves_it_whole():
    """An empty packet between two of one frame adds nothing, and its marker still ends the frame."""
    packets = [Packet(1, 9, False, b"a"), Packet(2, 9, False, b""), Packet(3, 9, True, b"")]
    assert released(feed(FrameAssembler(), packets)) == [b"a"]


def test_two_frames_may_have_one_timestamp():
    """Markers part frames even when a sender gives both the same time."""
    packets, truth = stream([2, 2], step=0)
    assert released(feed(FrameAssembler(), packets)) == truth


def test_a_gap_holds_everything_until_it_is_too_old():
    """Frames behind a lost packet wait; then they come without the damaged one, and a keyframe is asked for."""
    packets, truth = stream([2] * 40)
    del packets[5]  # the second packet of frame 2
    assembler = FrameAssembler()
    results = feed(assembler, packets, interval_s=0.02)
    asking = [n for n, result in enumerate(results) if result.needs_keyframe]
    assert len(asking) == 1
    assert asking[0] * 0.02 == pytest.approx(0.1 + MAX_GAP_S, abs=0.05)
    assert released(results) == truth[:2] + truth[3:]
    assert assembler.gaps_skipped == 1


def test_the_first_frame_behind_a_gap_says_so():
    """What was lost may be what it needs; those after it follow it without a gap."""
    packets, _ = stream([1, 1, 1, 1, 1])
    results = feed(FrameAssembler(), [packets[0], *packets[2:]], interval_s=MAX_GAP_S)
    assert [frame.after_gap for result in results for frame in result.frames] == [False, True, False]


def test_when_a_border_is_lost_both_frames_are_left_out():
    """Two lost packets around a frame's end damage both frames; without markers one lost packet may, too."""
    packets, truth = stream([3] * 40)
    del packets[8:10]
    results = feed(FrameAssembler(), packets, interval_s=0.02)
    assert released(results) == truth[:2] + truth[4:]
    packets, truth = stream([3] * 40, markers=False)
    del packets[8]
    results = feed(FrameAssembler(), packets, interval_s=0.02)
    assert released(results) == truth[:2] + truth[4:-1]


def test_a_gap_gives_way_when_the_buffer_is_full():
    """With packets too fast for the clock the buffer's capacity forces progress."""
    packets, truth = stream([2] * 400)
    del packets[100]
    results = feed(FrameAssembler(max_gap_s=1e9), packets, interval_s=0.0)
    assert sum(result.needs_keyframe for result in results) == 1
    assert released(results) == truth[:50] + truth[51:]
    assert next(n for n, r in enumerate(results) if r.needs_keyframe) == 100 + CAPACITY - 1


def test_a_late_retransmission_does_not_throw_the_stream_back():
    """A few packets more than a hundred numbers late are ignored; the stream goes on."""
    packets, truth = stream([2] * 200)
    results = feed(FrameAssembler(), [*packets[:300], *packets[4:8], *packets[300:]])
    assert released(results) == truth
    assert not any(result.needs_keyframe for result in results)


def test_a_stream_that_starts_again_is_followed():
    """A sender that begins anew at a lower number is picked up after a few packets, with a keyframe asked for."""
    before, first = stream([2] * 100, first=40_000)
    after, second = stream([2] * 100, first=100, start=9)
    results = feed(FrameAssembler(), before + after)
    got = released(results)
    assert got[:100] == first
    assert got[-90:] == second[-90:]
    assert sum(result.needs_keyframe for result in results) == 1


def test_a_jump_ahead_is_followed():
    """A sender that jumps further than the buffer reaches is followed at once."""
    before, first = stream([2] * 10, first=10)
    after, second = stream([2] * 10, first=20_000, start=777_777)
    results = feed(FrameAssembler(), before + after)
    assert released(results) == first + second
    assert sum(result.needs_keyframe for result in results) == 1


def test_a_frame_without_end_is_bounded():
    """A sender that never ends its frame cannot fill the memory."""
    assembler = FrameAssembler(capacity=16)
    results = [assembler.add(n, 1, False, b"x" * 100, 0.0) for n in range(1000)]
    assert released(results) == []
    assert len(assembler._parts) <= 17
    assert [f.data for f in assembler.add(1000, 1, True, b"x", 0.0).frames] == []
    assert [f.data for f in assembler.add(1001, 2, True, b"y", 0.0).frames] == [b"y"]


@pytest.mark.parametrize("seed", range(40))
def test_any_order_within_the_buffer_gives_the_truth(seed):
    """However a network shuffles and doubles packets, the frames that come out are the ones sent, in order."""
    dice = random.Random(seed)
    packets, truth = stream(
        [dice.choice((1, 1, 2, 3, 9)) for _ in range(200)], dice.randrange(65536), dice.randrange(1 << 32)
    )
    reach = dice.choice((2, 10, 60))
    keyed = [(n + (0 if n == 0 else dice.uniform(0, reach)), packet) for n, packet in enumerate(packets)]
    keyed += [(n + dice.uniform(0, reach), p) for n, p in enumerate(packets) if n and dice.random() < 0.1]
    shuffled = [packet for _, packet in sorted(keyed, key=lambda pair: pair[0])]
    results = feed(FrameAssembler(max_gap_s=1.0), shuffled)
    assert released(results) == truth
    assert not any(result.needs_keyframe for result in results)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_lost_only_true_frames_come_out(seed):
    """With loss, shuffling and doubling together every released frame is a true one, in order, and once."""
    dice = random.Random(1000 + seed)
    packets, truth = stream([dice.choice((1, 2, 3, 9)) for _ in range(400)], dice.randrange(65536))
    loss = dice.choice((0.002, 0.02, 0.1))
    keyed = [
        (n + (0 if n == 0 else dice.uniform(0, 8)), packet)
        for n, packet in enumerate(packets)
        for _ in range(2 if dice.random() < 0.05 else 1)
        if n == 0 or dice.random() > loss
    ]
    arrived = [packet for _, packet in sorted(keyed, key=lambda pair: pair[0])]
    results = feed(FrameAssembler(), arrived, interval_s=0.005)
    got = released(results)
    assert set(got) <= set(truth)
    places = [truth.index(frame) for frame in got]
    assert places == sorted(set(places))
    whole = sum(frame in got for frame in truth[:300])
    print(f"loss {loss}: {whole} of 300 frames")
    # A lost packet costs its own frame and at most the one behind it.
    lost = len(set(packets) - set(arrived))
    assert len(got) >= len(truth) - 2 * lost - 40
    assert any(result.needs_keyframe for result in results) or not lost


def test_unwrappers_never_wrap():
    """Extended numbers follow the shortest way around, in both directions."""
    sequence, timestamps = SequenceUnwrapper(), TimestampUnwrapper()
    numbers = [sequence.unwrap(n % 65536) for n in (65534, 65535, 65536, 65533, 65537 + 40_000 - 8000)]
    assert [n - numbers[0] for n in numbers] == [0, 1, 2, -1, 32_003]
    assert [timestamps.unwrap(t) for t in ((1 << 32) - 10, 5, 5, 3000, 2990)] == [0, 15, 15, 3010, 3000]
