"""Colours of plots."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from smallrtc_lab.plots.look import DARK, LIGHT, Look, colour_table, look_of


def contrast(first: str, second: str) -> float:
    """The contrast of two colours by WCAG 2.2, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_everything_can_be_read(look: Look) -> None:
    """Letters have a contrast of 4.5 to 1 at least, lines of 3 to 1."""
    assert all(contrast(colour, look.face) >= 4.5 for colour in (look.text, look.soft))
    assert all(contrast(colour, look.area) >= 3 for colour in (*look.lines, *look.rgb, look.mark))


def test_the_page_decides_unless_a_style_is_given() -> None:
    """None follows the theme; "light" and "dark" do not."""
    assert (look_of(None, "dark"), look_of(None, "light")) == (DARK, LIGHT)
    assert (look_of("light", "dark"), look_of("dark", "light")) == (LIGHT, DARK)


def test_a_style_of_matplotlibs() -> None:
    """The colours are those of the style, its lines' too, whatever the process's own settings are."""
    look = look_of("ggplot", "dark")
    assert (look.area.lower(), look.lines[0].lower()) == ("#e5e5e5", "#e24a33")
    assert look_of("default", "dark").lines[0] == "#1f77b4"
    with pytest.raises(ValueError, match="there is no style called 'drak'"):
        look_of("drak", "light")


def test_a_table_of_colours() -> None:
    """A table goes from a map's lowest to its highest colour, opaque."""
    table = colour_table("gray")
    np.testing.assert_array_equal(table[[0, 255]], [[0, 0, 0, 255], [255, 255, 255, 255]])
    assert table.shape == (256, 4)
