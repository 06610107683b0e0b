"""Who gets what of a narrow or shared way: sound, then pictures, then plots."""

from __future__ import annotations

import pytest

from smallrtc_lab.engine.caps import HEADERS_BPS, LEAST_SOUND_BPS, MOST_SOUND_BPS, REST_BPS, Caps


def test_where_nothing_is_capped_only_the_server_limits() -> None:
    """And pages are told what it says."""
    caps = Caps(None, 8_000_000)
    assert (caps.sound_bps, caps.camera_bps, caps.plots_bps(5e6)) == (None, 8_000_000, None)
    limits = {"max_bitrate_bps": 8_000_000, "max_width": 640}
    assert caps.for_page(limits) == limits
    assert Caps().pictures_bps(plots=True) is None


@pytest.mark.parametrize("plots", [True, False])
@pytest.mark.parametrize("total_bps", [500_000, 1_000_000, 3_000_000])
def test_everything_together_stays_within_the_cap(total_bps: int, plots: bool) -> None:
    """Headers and reports counted."""
    caps = Caps(total_bps, 8_000_000)
    sound_bps, pictures_bps = caps.sound_bps, caps.pictures_bps(plots=plots)
    assert sound_bps is not None
    assert pictures_bps is not None
    assert LEAST_SOUND_BPS <= sound_bps <= MOST_SOUND_BPS
    sent_bps = sound_bps + HEADERS_BPS + pictures_bps
    plots_bps = caps.plots_bps(sent_bps) if plots else 0
    assert plots_bps is not None
    assert sent_bps + REST_BPS + plots_bps <= total_bps
    assert pictures_bps > total_bps / 3


def test_plots_get_what_the_others_leave() -> None:
    """Much while only plots are seen, a tenth whatever comes."""
    caps = Caps(1_000_000)
    assert caps.plots_bps(0.0) == 950_000
    assert caps.plots_bps(600_000.0) == 350_000
    assert caps.plots_bps(5e6) == 100_000


def test_the_server_may_allow_less_than_the_place() -> None:
    """The smaller one counts, also in what pages are told."""
    caps = Caps(1_000_000, 200_000)
    assert caps.pictures_bps(plots=False) == caps.pictures_bps(plots=True) == 200_000
    told = caps.for_page({"max_bitrate_bps": 200_000, "max_width": 640})
    assert told == {"max_bitrate_bps": 200_000, "max_width": 640, "max_sound_bps": 62_500}
    assert Caps(1_000_000, 8_000_000).for_page({})["max_bitrate_bps"] == 847_500
