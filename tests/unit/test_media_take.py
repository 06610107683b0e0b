"""A take: the last seconds of everything as one object."""

from __future__ import annotations

import numpy as np
import pytest
from support import takes

from smallrtc_lab.media.take import Take
from smallrtc_lab.media.take_pictures import clip_of, decoded, require_room
from smallrtc_lab.media.take_wire import pack_take, unpack_take
from smallrtc_lab.media.taken import TakenPictures


def places(images: np.ndarray) -> list[int]:
    """Where the bright bar begins in each picture, in steps of two pixels."""
    return [round(float(np.flatnonzero(image[24, :, 0] > 120)[0]) / 2) for image in images]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_pictures_are_decoded_when_asked_for(codec: str) -> None:
    """Those before the beginning serve to decode the others; arrays are private, of the right pictures and times."""
    take = takes.take(codec=codec)
    clip = take.video
    assert clip is not None
    assert clip.images.shape == (30, 48, 64, 3)
    assert clip.images.flags.c_contiguous
    assert clip.images.flags.writeable
    assert places(clip.images[:20]) == list(range(5, 25))
    assert clip.times_s == pytest.approx(np.arange(5, 35) / 10)
    assert take.video is clip
    assert take.screen is None


def test_fewer_and_smaller_pictures() -> None:
    """``every`` counts from the first picture, ``width`` scales, ``gray`` has no third axis."""
    take = takes.take()
    clip = take.pictures(every=4, width=32, format="gray")
    assert clip.images.shape == (8, 24, 32)
    assert clip.times_s == pytest.approx(0.5 + 0.4 * np.arange(8))
    assert take.pictures(source="screen").images.shape == (0, 0, 0, 3)
    with pytest.raises(ValueError, match="every is at least 1"):
        take.pictures(every=0)


def test_sizes_are_those_of_the_first_picture() -> None:
    """After another connection, with another size and codec, pictures are scaled and time goes on."""
    first = takes.packets(10)
    second = takes.packets(10, codec="H264", width=128, height=96, first=10, epoch=2)
    clip = clip_of(TakenPictures("camera", (*first, *second)), 0.0)
    assert clip.images.shape == (20, 48, 64, 3)
    assert clip.times_s == pytest.approx(np.arange(20) / 10)
    assert len({frame.width for _, frame in decoded((*first, *second))}) == 2


def test_what_cannot_be_decoded_is_left_out() -> None:
    """A broken packet costs its own picture, an unknown codec all of its own."""
    whole = takes.packets(20)
    broken = [
        timed._replace(packet=timed.packet._replace(content=b"")) if n == 15 else timed
        for n, timed in enumerate(whole)
    ]
    assert len(list(decoded(tuple(broken)))) == 19
    unknown = [timed._replace(packet=timed.packet._replace(codec="AV2")) for timed in whole]
    assert clip_of(TakenPictures("camera", tuple(unknown)), 0.0).images.shape == (0, 0, 0, 3)


def test_an_array_that_is_too_large_is_refused_with_advice() -> None:
    """The sentence names what would fit."""
    with pytest.raises(ValueError, match=r"900 pictures of 1280×720 .* 2\.5 GB.*every=3 .*width=8"):
        require_room(900, (1280, 720), "rgb")
    with pytest.raises(ValueError, match="fewer seconds"):
        clip_of(TakenPictures("camera", tuple(takes.packets(10))), 0.0, most_bytes=50_000)


def test_sound_keeps_its_gaps_and_its_corrected_times() -> None:
    """What is missing is marked at its time, and a part has what of it lies within."""
    take = takes.take()
    clip = take.audio
    assert clip is not None
    assert clip.samples.shape == (144000, 2)
    assert clip.start_s == pytest.approx(0.4935)
    assert [(gap.start_s, gap.duration_s) for gap in clip.gaps] == [pytest.approx((1.4935, 0.1))]
    part = take.between(1.5435, 2.0)
    assert part.audio is not None
    assert [(gap.start_s, gap.duration_s) for gap in part.audio.gaps] == [pytest.approx((1.5435, 0.05))]
    assert np.array_equal(part.audio.samples, clip.samples[50400:72312])
    assert take.between(3.0, 3.2).audio.start_s == pytest.approx(3.0, abs=0.002)  # type: ignore[union-attr]


def test_a_part_is_a_take_of_that_time() -> None:
    """Everything in it is of that time, pictures decode as in the whole, and nothing lies outside the whole."""
    take = takes.take()
    part = take.between(1.25, 2.05)
    assert (part.start_s, part.duration_s) == (1.25, pytest.approx(0.8))
    assert part.video is not None
    assert take.video is not None
    assert np.array_equal(part.video.images, take.video.images[8:16])
    assert part.messages == ()
    assert part.statistics["time_s"].tolist() == [1.5, 2.0]
    assert part.size_bytes < take.size_bytes
    assert take.between(-5, 99).duration_s == take.duration_s
    assert take.between(9, 99).duration_s == 0
    assert take.between(2.05, 1).video is None


def test_it_says_what_it_holds_and_shows_nobody() -> None:
    """Words only, in a cell too."""
    take = takes.take()
    text = repr(take)
    for words in (
        "3.00 s",
        "30 pictures of the camera (VP8)",
        "with 1 gaps",
        "2 messages",
        "6 rows of statistics",
    ):
        assert words in text
        if words != "3.00 s":
            assert words in take._repr_html_()
    assert "<img" not in take._repr_html_()
    assert repr(Take(0.0, 0.0)) == "Take(0.00 s: nothing)"


def test_it_travels_between_processes() -> None:
    """What was packed is unpacked the same."""
    take = takes.take()
    same = unpack_take(*pack_take(take))
    assert same._sources["camera"].packets == take._sources["camera"].packets
    assert np.array_equal(same._sound.samples, take._sound.samples)  # type: ignore[union-attr]
    assert (same._sound.shifts, same._sound.gaps) == (take._sound.shifts, take._sound.gaps)  # type: ignore[union-attr]
    assert (same.messages, same.events, same.start_s, same.shareable) == (
        take.messages,
        take.events,
        0.5,
        True,
    )
    assert np.array_equal(same.statistics, take.statistics, equal_nan=False) or str(same.statistics) == str(
        take.statistics
    )
