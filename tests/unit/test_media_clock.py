"""Session times for a stream's frames."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from smallrtc_lab.media.clock import SenderClock, SessionClock, StreamClock

VIDEO = Fraction(1, 90000)


def simulated(
    seconds: float, *, jitter_s: float = 0.0, drift_ppm: float = 0.0, delay_s: float = 0.05, seed: int = 0
) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """pts, arrivals and true capture times (session seconds, without the delay) of frames at 30 a second."""
    rng = np.random.default_rng(seed)
    captured_s = 100 + np.arange(round(seconds * 30)) / 30
    pts = [round((t - 100) * (1 + drift_ppm * 1e-6) * 90000) + 123_456_789 for t in captured_s]
    arrivals_s = (
        captured_s + delay_s + rng.exponential(jitter_s, len(pts)) if jitter_s else captured_s + delay_s
    )
    return pts, np.maximum.accumulate(arrivals_s), captured_s + delay_s


def mapped(clock: StreamClock, pts: list[int], arrivals_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """All frames through a clock."""
    return np.array([clock.map(p, VIDEO, a) for p, a in zip(pts, arrivals_s, strict=True)])


def test_session_clock() -> None:
    """The session clock counts from its origin on the monotonic clock."""
    clock = SessionClock(time.monotonic() - 5.0)
    assert clock.now_s() == pytest.approx(5.0, abs=0.5)
    assert clock.to_session(clock.origin_monotonic_s + 2.5) == pytest.approx(2.5)


def test_an_even_stream_is_exact() -> None:
    """Without jitter the time is that of arrival."""
    pts, arrivals_s, _ = simulated(10)
    assert np.abs(mapped(StreamClock(), pts, arrivals_s) - arrivals_s).max() < 2e-5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("drift_ppm", [-200.0, 0.0, 200.0])
def test_jitter_disappears(seed: int, drift_ppm: float) -> None:
    """Under jitter and drift the times stay even, strictly growing, close to the truth, and never after arrival."""
    pts, arrivals_s, true_s = simulated(90, jitter_s=0.02, drift_ppm=drift_ppm, seed=seed)
    clock = StreamClock()
    times_s = mapped(clock, pts, arrivals_s)
    steps_s = np.diff(times_s)
    settled = slice(60, None)
    error_s = (times_s - true_s)[settled]
    print(f"drift {drift_ppm:+.0f} ppm: error {error_s.mean() * 1000:+.2f} ± {error_s.std() * 1000:.2f} ms")
    assert (steps_s > 0).all()
    assert (times_s <= arrivals_s + 1e-5).all()
    assert np.abs(error_s).max() < 0.005
    assert np.abs(steps_s[settled] - 1 / 30).max() < 0.003
    assert np.diff(arrivals_s).std() > 5 * steps_s[settled].std()
    assert clock.resets == 0


def test_a_longer_route_is_followed_smoothly() -> None:
    """When the path grows by 200 ms the times follow within seconds, without a step; when it shrinks, at once."""
    pts, arrivals_s, _ = simulated(60)
    arrivals_s[600:1200] += 0.2
    arrivals_s = np.maximum.accumulate(arrivals_s)
    times_s = mapped(StreamClock(), pts, arrivals_s)
    assert times_s[1199] == pytest.approx(arrivals_s[1199], abs=0.001)
    assert np.diff(times_s[:1200]).max() < 1 / 30 * 1.06
    assert (np.diff(times_s) > 0).all()
    assert np.abs(times_s[1215:] - arrivals_s[1215:]).max() < 0.001


@pytest.mark.parametrize("jump_s", [-1000.0, -0.5, 5.0, 47_000.0])
def test_a_jump_of_the_timestamps_begins_anew(jump_s: float) -> None:
    """Timestamps that jump, forth or back, lead to arrival times again, and time never goes back."""
    pts, arrivals_s, _ = simulated(20, jitter_s=0.005)
    jumped = [*pts[:300], *(p + round(jump_s * 90000) for p in pts[300:])]
    clock = StreamClock()
    times_s = mapped(clock, jumped, arrivals_s)
    assert (np.diff(times_s) > 0).all()
    assert clock.resets == 1
    assert np.abs(times_s - arrivals_s).max() < 0.06


def test_a_pause_keeps_its_length() -> None:
    """A stream that pauses and whose timestamps stood still meanwhile goes on at its arrival."""
    pts, arrivals_s, _ = simulated(20)
    arrivals_s[300:] += 5.0
    times_s = mapped(StreamClock(), pts, arrivals_s)
    assert np.abs(times_s - arrivals_s).max() < 1e-4


def test_the_same_timestamp_twice() -> None:
    """Two frames of one timestamp get different times."""
    clock = StreamClock()
    first = clock.map(1000, VIDEO, 1.0)
    assert clock.map(1000, VIDEO, 1.0) > first


def reported(
    clock: StreamClock,
    pts: list[int],
    arrivals_s: NDArray[np.float64],
    ntp_s: NDArray[np.float64],
    every: int = 30,
) -> NDArray[np.float64]:
    """All frames through a clock, with a report each ``every`` frames that came with the frame."""
    times_s = []
    for number, (p, arrival_s) in enumerate(zip(pts, arrivals_s, strict=True)):
        if number % every == every // 2:
            clock.report(p, VIDEO, float(ntp_s[number]), float(arrival_s))
        times_s.append(clock.map(p, VIDEO, float(arrival_s)))
    return np.array(times_s)


def test_reports_lead_to_the_time_of_capture() -> None:
    """A stream that is 200 ms late glides to its time of capture: ever growing, never rushing, and it says when."""
    pts, arrivals_s, true_s = simulated(20, jitter_s=0.01)
    captured_s = true_s - 0.05
    sender = SenderClock()
    for at_s in np.arange(100, 121):  # another stream of that sender comes with hardly any delay
        sender.saw(float(at_s) + 3.9e9, float(at_s) + 0.002)
    clock = StreamClock(sender)
    times_s = reported(clock, pts, arrivals_s + 0.15, captured_s + 3.9e9)
    assert (np.diff(times_s) > 0.8 / 30).all()
    assert np.diff(times_s[60:]).max() < 1.2 / 30
    assert clock.kind == "capture"
    assert np.abs(times_s[-100:] - captured_s[-100:] - 0.002).max() < 0.002
    assert StreamClock(sender).kind == "arrival"


def test_a_stream_that_is_late_by_itself_is_corrected_by_another() -> None:
    """Alone it takes its own delay for that of the way; when another stream tells better it says so, and glides."""
    pts, arrivals_s, true_s = simulated(20)
    sender = SenderClock()
    clock, kinds = StreamClock(sender), []
    for number, (p, arrival_s) in enumerate(zip(pts, arrivals_s + 0.15, strict=True)):
        if number % 30 == 15:
            clock.report(p, VIDEO, float(true_s[number]) - 0.05 + 3.9e9, float(arrival_s))
        if number == 200:
            sender.saw(float(true_s[number]) - 0.05 + 3.9e9, float(true_s[number]))
        time_s = clock.map(p, VIDEO, float(arrival_s))
        kinds.append(clock.kind)
    assert (kinds[190], kinds[210], kinds[-1]) == ("capture", "arrival", "capture")
    assert time_s == pytest.approx(true_s[-1], abs=0.003)


def test_reports_that_were_written_late_do_little() -> None:
    """A sender that was busy now and then reports a moment that is too late; the others correct it."""
    pts, arrivals_s, true_s = simulated(60, jitter_s=0.005)
    ntp_s = true_s - 0.05 + 3.9e9
    ntp_s[15::90] += 0.04
    clock = StreamClock()
    times_s = reported(clock, pts, arrivals_s, ntp_s)
    assert np.ptp((times_s - true_s)[300:]) < 0.01


def test_a_stall_does_not_disturb_capture_times() -> None:
    """Frames that come two seconds late in a burst keep their times, and the times stay those of capture."""
    pts, arrivals_s, true_s = simulated(20)
    arrivals_s[300:360] = arrivals_s[360]
    clock = StreamClock()
    times_s = reported(clock, pts, arrivals_s, true_s + 3.9e9)
    assert clock.kind == "capture"
    assert clock.resets == 0
    assert np.ptp((times_s - true_s)[200:]) < 0.005


def test_a_source_that_paused_with_its_timestamps_is_found_again() -> None:
    """A pts that stood still for 5 s: arrival times within a second, and capture times after the next report."""
    pts, arrivals_s, true_s = simulated(40)
    arrivals_s[300:] += 5.0
    ntp_s = true_s + 3.9e9
    ntp_s[300:] += 5.0
    clock = StreamClock()
    times_s = reported(clock, pts, arrivals_s, ntp_s)
    assert (np.diff(times_s) > 0).all()
    assert np.abs(times_s - arrivals_s)[340:].max() < 0.01
    assert clock.kind == "capture"


def test_a_sender_whose_clock_is_set_is_followed() -> None:
    """An hour forth or back on the sender's clock moves no time."""
    for hour_s in (3600.0, -3600.0):
        pts, arrivals_s, true_s = simulated(20)
        ntp_s = true_s + 3.9e9
        ntp_s[300:] += hour_s
        times_s = reported(StreamClock(), pts, arrivals_s, ntp_s)
        assert np.abs(times_s - arrivals_s).max() < 0.005


def test_a_new_connection_has_a_new_sender() -> None:
    """What was learnt of one sender's clock is not believed of the next."""
    clock = SessionClock(0.0)
    clock.sender.saw(1000.0, 5.0)
    assert clock.sender.offset_s == -995.0
    clock.meet_sender()
    clock.sender.saw(1001.0, 6.5)
    assert clock.sender.offset_s == -994.5


def test_a_stream_that_begins_late_has_no_times_of_the_future() -> None:
    """The first frames come together after a stall, with reports of each: no time is after its frame's arrival."""
    pts, arrivals_s, true_s = simulated(10)
    arrivals_s[:20] = arrivals_s[20]
    clock, times_s = StreamClock(), []
    for number, (p, arrival_s) in enumerate(zip(pts, arrivals_s, strict=True)):
        clock.report(p, VIDEO, float(true_s[number]) + 3.9e9, float(arrival_s))
        times_s.append(clock.map(p, VIDEO, float(arrival_s)))
    assert (np.array(times_s) <= arrivals_s + 1e-4).all()
    assert (np.diff(times_s) > 0).all()
    assert np.abs(np.array(times_s[60:]) - true_s[60:]).max() < 0.005
