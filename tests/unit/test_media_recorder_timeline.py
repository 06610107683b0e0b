"""Where packets stand in a file."""

from __future__ import annotations

from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.media.recorder_timeline import PictureTimeline, SoundTimeline

TWENTY_MS = bytes((0xFC,))  # what an Opus packet of 20 ms begins with
LOOK_AHEAD = 312


def picture(time_s: float) -> TimedPacket:
    return TimedPacket(EncodedPacket(b"", "VP8", 90000, 0, False), time_s, "capture", time_s, 1)


def sound(number: int, time_s: float, *, epoch: int = 1) -> TimedPacket:
    return TimedPacket(
        EncodedPacket(TWENTY_MS, "opus", 48000, 960 * number, True), time_s, "capture", time_s, epoch
    )


def test_pictures_are_never_at_one_place() -> None:
    """Matroska counts milliseconds: two pictures of one moment, or one that is older, stand one after the other."""
    timeline = PictureTimeline(10.0)
    assert [timeline.place(picture(at)) for at in (10.0, 10.0, 10.0333, 10.03)] == [0, 90, 2997, 3087]


def test_sound_stands_where_it_is_heard() -> None:
    """An Opus decoder gives back what its encoder heard 6.5 ms late: packets stand that much earlier."""
    timeline = SoundTimeline(10.0)
    assert timeline.place(sound(0, 10.0)) is None  # it would begin before the file
    placed = timeline.place(sound(1, 10.02))
    assert placed is not None
    assert placed[0] == 960 - LOOK_AHEAD
    assert len(placed[1]) == 1  # silence up to there, give or take half a packet


def test_times_that_are_corrected_are_followed_without_a_hole() -> None:
    """Packets in sequence whose times glide, as after the first sender report, get no silence between them."""
    timeline = SoundTimeline(0.0)
    places = [timeline.place(sound(n, 1 + n * 0.022)) for n in range(50)]
    assert [len(one[1]) for one in places[1:] if one] == [0] * 49


def test_what_never_came_is_silence() -> None:
    """Three lost packets are three of silence, and so is a second between two connections."""
    timeline = SoundTimeline(0.0)
    timeline.place(sound(0, 1.0))
    placed = timeline.place(sound(4, 1.08))
    assert placed is not None
    assert (len(placed[1]), placed[1].step) == (3, 960)
    again = timeline.place(sound(777, 2.1, epoch=2))
    assert again is not None
    assert len(again[1]) == 50
    assert again[0] >= placed[0] + 51 * 960 - 480


def test_places_of_sound_only_grow() -> None:
    """Also when a time is corrected backwards by more than a packet."""
    timeline = SoundTimeline(0.0)
    places = [timeline.place(sound(n, 1 + n * 0.02 - (0.3 if n > 10 else 0))) for n in range(30)]
    found = [one[0] for one in places if one is not None]
    assert found == sorted(set(found))
