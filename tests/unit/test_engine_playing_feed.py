"""A file read ahead on a thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from support.clips import write_clip

from smallrtc_lab.engine.playing.feed import PICTURES, SOUND, FileFeed


class Reader:
    """A feed, and the bell that it rings."""

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self.bell = threading.Condition()
        self.feed = FileFeed(str(path), loop=loop, most_size=(1920, 1080), progress=self._ring)

    def _ring(self) -> None:
        with self.bell:
            self.bell.notify_all()

    def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        with self.bell:
            assert self.bell.wait_for(condition, 60)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def test_it_reads_ahead_and_no_further(clip: Path) -> None:
    """A few pictures and half a second of sound wait; taking some makes room for more."""
    reader = Reader(clip)
    feed = reader.feed
    reader.until(lambda: feed.ready and len(feed._pictures) == PICTURES and feed._sound_level >= SOUND)
    assert feed._sound_level < SOUND + 4800
    found = feed.picture(0.09)
    assert found is not None
    assert found[0] == pytest.approx(0.08, abs=0.001)
    assert found[2] == 2
    reader.until(lambda: len(feed._pictures) == PICTURES)
    assert feed.next_picture_s == pytest.approx(0.12, abs=0.001)
    feed.close()
    assert not feed._thread.is_alive()


def test_sound_is_where_it_belongs(clip: Path) -> None:
    """Pieces of any length are gapless; what was never there is silence."""
    reader = Reader(clip)
    reader.until(lambda: reader.feed.ready and reader.feed._sound_level >= SOUND)
    whole = np.concatenate([reader.feed.sound(at, 700) for at in range(4200, 11_200, 700)])
    times_s = np.arange(4200, 11_200) / 48_000
    expected = 16384 * np.sin(2 * np.pi * 400 * times_s)
    assert np.abs(whole[:, 0] - expected).max() < 3000  # a lossy codec's
    assert not reader.feed.sound(48_000 * 100, 960).any()
    reader.feed.close()


def test_a_repeated_file_goes_on_with_growing_times(clip: Path) -> None:
    """The second time begins where the first ended."""
    reader = Reader(clip, loop=True)
    times_s: list[float] = []
    position = 0
    while len(times_s) < 70:
        reader.until(lambda: reader.feed.next_picture_s is not None)
        found = reader.feed.picture(reader.feed.next_picture_s or 0.0)
        assert found is not None
        times_s.append(found[0])
        while position < found[0] * 48_000:
            reader.feed.sound(position, 960)
            position += 960
    assert (np.diff(times_s) > 0).all()
    assert times_s[50] == pytest.approx(reader.feed.length_s, abs=0.001)
    assert reader.feed.ends_at_s is None
    reader.feed.close()


def test_the_end_is_known_and_a_seek_goes_on(clip: Path) -> None:
    """Without a loop the end is where the longer of pictures and sound ends."""
    reader = Reader(clip)
    reader.until(lambda: reader.feed.ready)
    reader.feed.seek(1.9)
    reader.until(lambda: reader.feed.ends_at_s is not None)
    assert reader.feed.ends_at_s == pytest.approx(2.0, abs=0.1)
    reader.feed.seek(0.5)
    reader.until(lambda: reader.feed.ready and reader.feed.ends_at_s is None)
    assert reader.feed.next_picture_s == pytest.approx(0.48, abs=0.03)
    reader.feed.close()


def test_a_repeated_file_that_is_sought_at_its_end_begins_again(clip: Path) -> None:
    """Where nothing follows, its beginning does."""
    reader = Reader(clip, loop=True)
    reader.until(lambda: reader.feed.ready)
    reader.feed.seek(2.1)
    seen: list[float] = []

    def begun_again() -> bool:
        found = reader.feed.picture(100.0)
        seen.extend([] if found is None else [found[0]])
        reader.feed.sound(round(2.1 * 48_000), 48_000)
        return bool(seen) and seen[-1] > 2.2

    reader.until(begun_again)
    assert reader.feed.ends_at_s is None
    reader.feed.close()


def test_sound_that_nobody_hears_holds_nothing_up(clip: Path) -> None:
    """Without a listener the file is read to its end all the same, as its clock goes on."""
    reader = Reader(clip)
    feed = reader.feed
    while feed.ends_at_s is None:
        reader.until(lambda: feed.ends_at_s is not None or feed._pictures or feed._sound)
        feed.picture(1e6)
        feed.forget_sound(1e6)
    feed.close()
    assert feed.ends_at_s == pytest.approx(feed.length_s)
