"""Where a playback is."""

from __future__ import annotations

from smallrtc_lab.engine.playing.clock import PlayClock, PlayState


def test_it_stands_runs_and_stands_again() -> None:
    """Only the time between start and stop counts; starting twice changes nothing."""
    clock = PlayClock()
    assert clock.at(100.0) == 0.0
    clock.start(100.0)
    clock.start(150.0)
    assert clock.running
    assert clock.at(102.5) == 2.5
    clock.stop(103.0)
    assert not clock.running
    assert clock.at(500.0) == 3.0
    clock.start(600.0)
    assert clock.at(601.0) == 4.0


def test_it_is_moved_and_tells_the_moment_of_a_position() -> None:
    """A moved clock stands; one that runs knows when it will be, or was, somewhere."""
    clock = PlayClock()
    clock.start(10.0)
    clock.move(30.0)
    assert not clock.running
    assert clock.when(99.0, 12.0) == 12.0
    clock.start(20.0)
    assert clock.when(31.5, 20.0) == 21.5
    assert clock.when(29.0, 20.0) == 19.0


def test_what_is_final() -> None:
    """Three states go on, all others are for good."""
    going = {state for state in PlayState if not state.final}
    assert going == {PlayState.LOADING, PlayState.PLAYING, PlayState.PAUSED}
