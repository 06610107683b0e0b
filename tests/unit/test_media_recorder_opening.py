"""When a file can begin."""

from __future__ import annotations

from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.media.recorder_formats import TrackName
from smallrtc_lab.media.recorder_opening import Opening

CAMERA, SCREEN = TrackName("video", "camera"), TrackName("video", "screen")
MICROPHONE = TrackName("audio", "microphone")


def packet(time_s: float, *, keyframe: bool = True) -> TimedPacket:
    return TimedPacket(EncodedPacket(b"", "VP8", 90000, 0, keyframe), time_s, "capture", time_s, 1)


def test_it_waits_for_every_expected_track() -> None:
    """Pictures count from a keyframe on; the file begins with the first picture, not with the first sound."""
    opening = Opening([CAMERA, MICROPHONE], 5.0)
    assert not opening.offer(MICROPHONE, packet(1.0))
    assert not opening.offer(CAMERA, packet(1.1, keyframe=False))
    assert opening.offer(CAMERA, packet(1.2))
    assert opening.origin_s == 1.2
    assert [name for name, _ in opening.held()] == [MICROPHONE, CAMERA]


def test_what_does_not_come_is_waited_for_so_long() -> None:
    """After the patience the file begins with what there is."""
    opening = Opening([CAMERA, MICROPHONE], 2.0)
    assert not opening.offer(MICROPHONE, packet(1.0))
    assert not opening.offer(MICROPHONE, packet(2.9))
    assert opening.offer(MICROPHONE, packet(3.1))
    assert opening.origin_s == 1.0


def test_what_may_come_has_a_moment_for_it() -> None:
    """Where nobody knows which tracks there are, they show within the time to settle."""
    opening = Opening([], 5.0, settle_s=1.0)
    assert not opening.offer(MICROPHONE, packet(1.0))
    assert not opening.offer(SCREEN, packet(1.5))
    assert opening.offer(CAMERA, packet(2.0))
    assert opening.first.keys() == {MICROPHONE, SCREEN, CAMERA}
