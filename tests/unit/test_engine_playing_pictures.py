"""Whose picture is shown."""

from __future__ import annotations

import time

import av

from smallrtc_lab.engine.playing.pictures import PictureStage, Shown


def picture() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


async def test_whoever_comes_last_takes_the_place() -> None:
    """The one before is named, and puts no picture any more; each change is told once."""
    changes: list[int] = []
    stage = PictureStage(lambda: changes.append(1))
    first, second = Shown(1, "lab.show"), Shown(2, "lab.stream", 400_000)
    assert stage.take(first) is None
    assert stage.take(first) is None
    assert stage.put(1, picture(), 1.0)
    assert stage.take(second) == 1
    assert not stage.put(1, picture(), 2.0)
    assert len(changes) == 2
    stage.release(1)
    assert stage.shown == second
    stage.release(2)
    assert stage.shown is None
    assert len(changes) == 3
    assert stage.new_track() is None


async def test_each_new_track_begins_with_the_newest_picture() -> None:
    """And counters go on from track to track."""
    stage = PictureStage(lambda: None)
    stage.take(Shown(1, "lab.show"))
    track = stage.new_track()
    assert track is not None
    shown = picture()
    stage.put(1, picture(), time.monotonic())
    stage.put(1, shown, time.monotonic())
    assert await track.recv() is shown
    following = stage.new_track()
    assert following is not None
    assert await following.recv() is shown
    assert await following.recv() is shown  # and again after a moment
    stats = stage.stats()
    assert (stats["shown"], stats["sent"], stats["repeated"], stats["dropped"]) == ("lab.show", 3, 1, 1)


async def test_who_takes_the_place_begins_without_the_picture_of_before() -> None:
    """A browser that comes before the first picture of a stream sees none."""
    stage = PictureStage(lambda: None)
    stage.take(Shown(1, "lab.show"))
    stage.put(1, picture(), 0.0)
    stage.take(Shown(2, "lab.stream"))
    track = stage.new_track()
    assert track is not None
    fresh = picture()
    stage.put(2, fresh, time.monotonic())
    assert await track.recv() is fresh
