"""How often and how soon a crashed engine is started again."""

from __future__ import annotations

from smallrtc_lab.engine.restarts import Restarts


def test_later_and_later_and_then_only_when_asked() -> None:
    """Two crashes are mended at once, the next after growing pauses, the sixth not by itself; each says what to do."""
    restarts = Restarts()
    seen = [restarts.crashed(1.0) for _ in range(7)]
    assert [one.delay_s for one in seen] == [0.0, 0.0, 10.0, 20.0, 40.0, None, None]
    assert [one.at_once for one in seen] == [True, True, False, False, False, False, False]
    assert seen[0].next_step == "It is started again by itself."
    assert (
        seen[2].next_step
        == "It ended 3 times in a row and is started again in 10 s; lab.start() does so at once."
    )
    assert "not started again by itself; lab.start() tries once more" in seen[5].next_step


def test_a_minute_without_a_crash_forgives() -> None:
    """An engine that ran for a minute is started again at once, whatever was before."""
    restarts = Restarts()
    for _ in range(6):
        restarts.crashed(1.0)
    assert restarts.crashed(61.0).at_once
    restarts.crashed(1.0)
    assert not restarts.crashed(1.0).at_once
    restarts.forgive()
    assert restarts.crashed(1.0).at_once
