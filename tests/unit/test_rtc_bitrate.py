"""What an encoder aims at."""

from __future__ import annotations

from smallrtc_lab.rtc.bitrate import VideoBitrate


def test_unasked_it_is_as_aiortc_has_it() -> None:
    """Half a megabit to begin with, then what the receiver estimates, between 0.25 and 1.5 Mbit/s."""
    bitrate = VideoBitrate()
    targets = [bitrate.target_bps(estimate) for estimate in (None, 1, 700_000, 9_000_000)]
    assert targets == [500_000, 250_000, 700_000, 1_500_000]


def test_what_was_asked_for_is_the_start_and_the_most() -> None:
    """The receiver's estimate takes it down and never above."""
    bitrate = VideoBitrate(4_000_000)
    targets = [bitrate.target_bps(estimate) for estimate in (None, 1, 2_000_000, 9_000_000)]
    assert targets == [4_000_000, 250_000, 2_000_000, 4_000_000]


def test_less_than_the_least_may_be_asked_for() -> None:
    """Then that is what is sent, whatever the way would carry."""
    assert {VideoBitrate(90_000).target_bps(estimate) for estimate in (None, 1, 9_000_000)} == {90_000}


def test_a_limit_holds_whatever_was_asked() -> None:
    """The server's, for all sessions."""
    assert VideoBitrate(9_000_000, limit_bps=2_000_000).target_bps(None) == 2_000_000
    assert VideoBitrate(None, limit_bps=1_000_000).target_bps(9_000_000) == 1_000_000
