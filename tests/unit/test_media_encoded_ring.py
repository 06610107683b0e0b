"""The last seconds of pictures, encoded."""

from __future__ import annotations

from itertools import pairwise

import pytest

from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.media.encoded_ring import EncodedRing, since


def packet(
    number: int, *, keyframe: bool = False, epoch: int = 1, size: int = 100, codec: str = "VP8"
) -> TimedPacket:
    """Picture ``number`` of a stream of ten a second, whose estimated time is a little late."""
    content = bytes([number % 256]) * size
    time_s = number / 10
    encoded = EncodedPacket(content, codec, 90000, 9000 * number, keyframe)
    return TimedPacket(encoded, time_s + 0.02, "arrival", time_s + 0.05, epoch)


def filled(count: int, *, seconds: float = 3.0, most_bytes: int = 10**6, every: int = 10) -> EncodedRing:
    """A ring that got ``count`` pictures, each ``every``-th a keyframe."""
    ring = EncodedRing(seconds, most_bytes)
    for number in range(count):
        ring.add(packet(number, keyframe=number % every == 0))
    return ring


def test_it_forgets_whole_groups_and_keeps_what_was_asked_for() -> None:
    """What is kept begins with a keyframe, reaches back the seconds asked for, and no group further."""
    ring = filled(75)
    numbers = [timed.packet.pts // 9000 for timed in ring.packets]
    assert numbers == list(range(40, 75))
    assert ring.packets[0].packet.keyframe
    assert ring.kept_s == pytest.approx(3.4)
    assert ring.size_bytes == 35 * 100
    assert len(ring) == 35


def test_the_last_seconds_come_with_what_is_needed_to_decode_them() -> None:
    """A part begins at the keyframe before its first picture, and is all there is when more was asked for."""
    ring = filled(75)
    newest_s = ring.packets[-1].time_s
    part = ring.last(0.65)
    assert part[0].packet.pts == 60 * 9000
    assert part[-1].time_s == newest_s
    assert len(ring.last(100)) == 35
    assert since(ring.packets, newest_s + 1) == ()
    assert EncodedRing(1, 1).last(1) == ()


def test_bytes_are_bounded_by_the_oldest_groups() -> None:
    """A stream of more bits keeps fewer seconds, and never more bytes than allowed."""
    ring = filled(75, most_bytes=1500)
    assert ring.size_bytes <= 1500
    assert [timed.packet.pts // 9000 for timed in ring.packets] == list(range(60, 75))


def test_a_group_that_is_too_large_is_forgotten_until_the_next_keyframe() -> None:
    """Without keyframes the bound holds as well, and one is wanted."""
    ring = filled(30, most_bytes=1500, every=1000)
    assert ring.wants_keyframe
    assert ring.packets == ()
    assert ring.size_bytes == 0
    assert ring.left_out == 14
    ring.add(packet(30, keyframe=True))
    assert not ring.wants_keyframe
    assert len(ring) == 1


def test_nothing_is_kept_that_no_keyframe_came_before() -> None:
    """The first pictures of a stream, of a new connection or of another codec are left out up to a keyframe."""
    ring = EncodedRing(3, 10**6)
    ring.add(packet(0))
    assert (len(ring), ring.left_out, ring.wants_keyframe) == (0, 1, True)
    for number, changed in ((1, {}), (3, {"epoch": 2}), (6, {"epoch": 2, "codec": "H264"})):
        ring.add(packet(number, keyframe=True, **changed))  # type: ignore[arg-type]
        ring.add(packet(number + 1, **changed))  # type: ignore[arg-type]
        other = {**changed, "epoch": 9}
        ring.add(packet(number + 2, **other))  # type: ignore[arg-type]
        assert ring.wants_keyframe
    kept = [(t.epoch, t.packet.codec, t.packet.keyframe) for t in ring.packets]
    assert kept == [
        *((1, "VP8", True), (1, "VP8", False)),
        *((2, "VP8", True), (2, "VP8", False)),
        *((2, "H264", True), (2, "H264", False)),
    ]


def test_times_become_those_of_the_decoded_pictures() -> None:
    """A decoded picture corrects its packet, and by their pts those that were never decoded."""
    ring = filled(20)
    for number in range(0, 20, 2):
        ring.correct(1, 9000 * number, number / 10, "capture")
    ring.correct(2, 9000, 77.0, "capture")  # of another connection
    ring.correct(1, 9001, 77.0, "capture")
    packets = ring.packets
    assert [timed.time_s for timed in packets] == pytest.approx([number / 10 for number in range(20)])
    assert [timed.time_kind for timed in packets[:2]] == ["capture", "arrival"]


def test_a_pts_that_jumps_makes_no_time_go_back() -> None:
    """Times grow strictly, whatever the pts do and wherever an estimate was wrong."""
    ring = EncodedRing(100, 10**6)
    for number, pts in enumerate((0, 9000, 900_000, 909_000, 0, 9000)):
        timed = packet(number, keyframe=number in (0, 4))
        ring.add(timed._replace(packet=timed.packet._replace(pts=pts)))
    ring.correct(1, 9000, 0.1, "capture")  # the newest of that pts
    ring.correct(1, 909_000, 0.3, "capture")
    times_s = [timed.time_s for timed in ring.packets]
    assert all(later > earlier for earlier, later in pairwise(times_s))
    assert len(times_s) == 6


def test_clear_forgets_everything() -> None:
    """Nothing stays, and the next picture must be a keyframe."""
    ring = filled(20)
    ring.clear()
    assert (ring.packets, ring.size_bytes, ring.kept_s, ring.wants_keyframe) == ((), 0, 0.0, True)


@pytest.mark.parametrize(("seconds", "most_bytes"), [(0, 1), (1, 0)])
def test_a_ring_of_nothing_is_refused(seconds: float, most_bytes: int) -> None:
    """Without seconds or bytes there is no ring."""
    with pytest.raises(ValueError, match="keeps some seconds"):
        EncodedRing(seconds, most_bytes)
