"""Text for synthetic pictures."""

from __future__ import annotations

import numpy as np

from smallrtc_lab.media.lettering import Lettering, paste


def test_digits_stand_still() -> None:
    """All digits are equally wide, so a counter does not wobble, and all lines equally high."""
    letters = Lettering(24, (255, 255, 255), (10, 20, 30))
    shapes = {letters.line(f"00:0{digit}.5").shape for digit in range(10)}
    assert len(shapes) == 1
    assert letters.line("g").shape[0] == letters.line("A").shape[0] == letters.height


def test_colours() -> None:
    """Text has its colour on its background, and is different for different letters."""
    letters = Lettering(40, (200, 100, 50), (10, 20, 30))
    picture = letters.line("8")
    assert picture.dtype == np.uint8
    assert (picture.reshape(-1, 3).max(axis=0) >= (195, 97, 48)).all()
    assert picture[0, 0].tolist() == [10, 20, 30]
    assert not np.array_equal(picture, letters.line("3"))


def test_paste_clips() -> None:
    """What would lie outside of the picture is left out."""
    sprite = np.full((4, 4, 3), 9, np.uint8)
    for x, y, count in ((2, 2, 16), (-2, -2, 4), (8, 8, 4), (-4, 0, 0), (10, 3, 0), (-100, 50, 0)):
        image = np.zeros((10, 10, 3), np.uint8)
        paste(image, sprite, x, y)
        assert int((image[:, :, 0] == 9).sum()) == count
