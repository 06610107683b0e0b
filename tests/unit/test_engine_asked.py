"""What a lab asks of the browser, held against the server's limits."""

from __future__ import annotations

from smallrtc_lab.engine.asked import beyond_limits

LIMITS = {"max_width": 1920, "max_height": 1080, "max_frame_rate": 60}


def test_nothing_is_said_within_the_limits() -> None:
    """What is allowed, not asked, or no camera at all needs no word."""
    assert beyond_limits({"width": {"ideal": 1920}, "frameRate": 30}, LIMITS) == ""
    assert beyond_limits(False, LIMITS) == ""
    assert beyond_limits({"width": {"ideal": 8000}}, {}) == ""


def test_each_exceeded_limit_is_named_with_what_was_asked() -> None:
    """The person learns which number was too large, and the largest that is allowed."""
    said = beyond_limits(
        {"width": {"ideal": 1280, "max": 3840}, "height": 2160, "frameRate": {"exact": 30}}, LIMITS
    )
    assert said == "1920 pixels across (asked: 3840) and 1080 pixels down (asked: 2160)"
