"""Sound laid over other sound."""

from __future__ import annotations

import numpy as np

from smallrtc_lab.engine.playing.sound import TOLERANCE, Cursor, SoundStage


class Steady:
    """One value for ever, or nothing."""

    def __init__(self, value: int | None) -> None:
        self.value = value

    def read(self, count: int, now_s: float = 0.0, /) -> np.ndarray | None:
        return None if self.value is None else np.full((count, 2), self.value, np.int16)


def test_without_voices_what_lies_beneath_passes_as_it_is() -> None:
    """Also where it is silent, and louder than the limiter would let it be."""
    stage = SoundStage()
    full = Steady(32767)
    assert (stage.over(full).read(960) == 32767).all()
    assert stage.over(Steady(None)).read(960) is None
    stage.add(Steady(None))
    assert stage.over(Steady(None)).read(960) is None
    assert stage.limited == 0


def test_voices_are_added_over_what_lies_beneath() -> None:
    """Each is heard, and one that was removed no longer."""
    stage = SoundStage()
    first, second = Steady(1000), Steady(200)
    stage.add(first)
    stage.add(second)
    assert (stage.over(Steady(30)).read(960) == 1230).all()
    assert (stage.over(Steady(None)).read(960) == 1200).all()
    stage.remove(first)
    assert not stage.has(first)
    assert (stage.over(Steady(30)).read(960) == 230).all()


def test_the_sum_stays_within_full_scale() -> None:
    """Three loud voices are turned down together and never clipped, and that is counted."""
    stage = SoundStage()
    for _ in range(3):
        stage.add(Steady(30_000))
    block = stage.over(Steady(None)).read(960)
    assert block is not None
    assert 30_000 < block.max() < 32_767
    assert stage.limited == 1


def test_a_cursor_is_gapless_and_follows_a_jump() -> None:
    """Samples follow one another while the clock jitters; when it jumped they begin at its place."""
    cursor = Cursor()
    assert cursor.place(1000, 960) == 1000
    assert cursor.place(1960 + TOLERANCE, 960) == 1960
    assert cursor.place(2920 - TOLERANCE, 960) == 2920
    assert cursor.place(3880 + TOLERANCE + 1, 960) == 3880 + TOLERANCE + 1
    cursor.forget()
    assert cursor.place(5, 960) == 5
