"""A figure's pixels: kept, restored, exact."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.plots.furniture import dress
from smallrtc_lab.plots.look import DARK, LIGHT
from smallrtc_lab.plots.stage import Size, Stage, rgbx


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.625, 3.0])
def test_sizes_are_exact(ratio: float) -> None:
    """Every size at every ratio is the rounded number of device pixels: no row is lost to floating point."""
    for width, height in ((640, 320), (333, 217), (641, 321), (1000, 700)):
        stage = Stage(Size(width, height, ratio), LIGHT)
        stage.axes(60, 10, 10, 40)
        stage.keep()
        assert stage.pixels.shape == (round(height * ratio), round(width * ratio), 4)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_axes_lie_on_whole_pixels(ratio: float) -> None:
    """The area of axes is exactly what matplotlib fills: its colour is there, and not one pixel beside it."""
    stage = Stage(Size(333, 217, ratio), LIGHT)
    axes = stage.axes(60, 10, 10, 40)
    axes.set(facecolor="#00ff00", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    stage.keep()
    green = (stage.pixels[..., :3] == (0, 255, 0)).all(axis=2)
    area = stage.areas[axes]
    assert green[area.slices].all()
    assert green.sum() == area.width * area.height


def test_clear_restores_what_is_kept() -> None:
    """Whatever was drawn over it is gone after ``clear``."""
    stage = Stage(Size(200, 100), DARK)
    axes = stage.axes(50, 10, 10, 30)
    dress(stage, axes, "x", "y")
    (line,) = axes.plot([0, 1], [0, 1], animated=True)
    stage.keep()
    kept = stage.pixels.copy()
    stage.draw(axes, [line])
    stage.hatch(stage.areas[axes], -5, 20)
    assert (stage.pixels != kept).any()
    stage.clear()
    np.testing.assert_array_equal(stage.pixels, kept)


def test_hatching_stays_inside() -> None:
    """Stripes fill the columns they are asked for, two colours of the look, and nothing outside the area."""
    stage = Stage(Size(200, 100, 2.0), LIGHT)
    axes = stage.axes(50, 10, 10, 30)
    stage.keep()
    before = stage.pixels.copy()
    area = stage.areas[axes]
    stage.hatch(area, 30, 10_000)
    changed = np.argwhere((stage.pixels != before).any(axis=2))
    assert changed.min(axis=0).tolist() >= [area.top, area.left + 30]
    assert changed.max(axis=0).tolist() <= [area.bottom - 1, area.right - 1]
    colours = np.unique(
        stage.pixels[area.top : area.bottom, area.left + 30 : area.right].reshape(-1, 4), axis=0
    )
    assert {tuple(one) for one in colours} == {tuple(rgbx(LIGHT.missing)), tuple(rgbx(LIGHT.area))}


def test_data_coordinates_of_a_point() -> None:
    """A point in CSS pixels is found in data coordinates at any ratio, and None is outside."""
    for ratio in (1.0, 2.0):
        stage = Stage(Size(260, 150, ratio), LIGHT)
        axes = stage.axes(50, 10, 10, 40)
        axes.set(xlim=(0, 200), ylim=(0, 100))
        stage.keep()
        assert stage.to_data(axes, 150, 60) == pytest.approx((100, 50), abs=0.02)
        assert stage.to_data(axes, 49, 60) is None
        assert stage.to_data(axes, 150, 111) is None


def test_bars_have_smooth_ends() -> None:
    """A bar fills the pixels it covers whole, and those at its ends by the share it covers; NaN is no bar."""
    stage = Stage(Size(100, 60), LIGHT)
    axes = stage.axes(10, 10, 10, 10)
    axes.axis("off")
    stage.keep()
    area = stage.areas[axes]
    columns = np.array([3, 4, 5, 6])
    top, bottom = np.array([10.25, 5.0, np.nan, -7.0]), np.array([20.5, 6.0, np.nan, 99.0])
    stage.bars(area, columns, top, bottom, "#000000")
    ink = 1 - stage.pixels[area.slices][..., 0] / 255
    expected = np.zeros_like(ink)
    expected[11:20, 3], expected[10, 3], expected[20, 3] = 1, 0.75, 0.5
    expected[5, 4] = 1
    expected[:, 6] = 1
    np.testing.assert_allclose(ink, expected, atol=0.005)
    assert (stage.pixels[..., 3] == 255).all()


def test_what_lies_below_lines_is_tinted() -> None:
    """Below each line what is kept has a share of its colour, both where two overlap; NaN tints nothing."""
    stage = Stage(Size(100, 60), LIGHT)
    axes = stage.axes(10, 10, 10, 10)
    axes.axis("off")
    stage.keep()
    area = stage.areas[axes]
    first, second = np.full(80, 10.0), np.full(80, 30.0)
    first[5] = np.nan
    stage.fill_under(area, [first, second], ["#ff0000", "#0000ff"], 0.5)
    pixels = stage.pixels[area.slices]
    red, both, blue = (255, 128, 128, 255), (128, 64, 192, 255), (128, 128, 255, 255)
    for column, rows in ((20, ((5, (255,) * 4), (15, red), (35, both))), (5, ((15, (255,) * 4), (35, blue)))):
        for row, colour in rows:
            assert pixels[row, column].tolist() == pytest.approx(colour, abs=1)
