"""One clock for everything: seconds since the session began.

A stream's timestamps (pts) count evenly but from anywhere, and its sender's crystal differs from ours by
some parts in a million; arrival times are ours, but late by a varying delay. The smallest arrival − pts of
the last seconds is the packet that was delayed least, so it tells the offset between the two (the idea of
the minimum filter in RFC 5905, section 10, and of WebRTC's own clock estimation).

RTCP sender reports (RFC 3550, section 6.4.1) say which time of the sender's own clock a pts belongs to. All streams
of a sender share that clock, so with one offset for all of them, estimated by the same filter, sound and picture of
one moment get one time, however differently they were delayed.
"""

from __future__ import annotations

import time
from collections import deque
from fractions import Fraction
from typing import NamedTuple

from smallrtc_lab.frames import TimeKind

__all__ = ["SenderClock", "SenderReport", "SessionClock", "StreamClock"]

_SMALLEST_STEP_S = 1e-6
_REPORTS = 3  # the earliest of so many: a sender that was busy while it wrote one errs to the late side
_CAPTURE_SLEW = 0.1  # seconds a second: a correction never turns time back, nor makes it rush
_SETTLED_S = 0.002
_ASTRAY_S = 0.02  # another stream's report told more of the sender's clock: not there yet
_PATIENCE_S = 0.5  # a burst after a stall passes sooner; a source that has paused stays late


class SenderReport(NamedTuple):
    """What a sender says of one stream: ``pts`` was the moment ``ntp_s`` of its clock; came at ``arrival_s``.

    ``pts`` is in RTP units on the axis of the stream's frames, ``ntp_s`` in seconds of the sender's NTP clock,
    ``arrival_s`` in seconds of :func:`time.monotonic`.
    """

    pts: int
    ntp_s: float
    arrival_s: float


class SessionClock:
    """Seconds since the session began, ``origin_monotonic_s`` on :func:`time.monotonic`'s clock."""

    def __init__(self, origin_monotonic_s: float) -> None:
        self.origin_monotonic_s = origin_monotonic_s
        self.sender = SenderClock()

    def now_s(self) -> float:
        """The session time now."""
        return time.monotonic() - self.origin_monotonic_s

    def to_session(self, monotonic_s: float) -> float:
        """The session time of a moment on :func:`time.monotonic`'s clock."""
        return monotonic_s - self.origin_monotonic_s

    def meet_sender(self) -> None:
        """A new connection: its sender's clock is another one."""
        self.sender = SenderClock()


class _LeastOffset:
    """The smallest offset of the last ``window_s`` seconds: falls at once, rises by ``slew`` seconds a second."""

    def __init__(self, window_s: float, slew: float) -> None:
        self.value_s = 0.0
        self._window_s = window_s
        self._slew = slew
        # (arrival, offset) with growing offsets: the first is the smallest of the window.
        self._offsets: deque[tuple[float, float]] = deque()
        self._arrival_s = 0.0

    @property
    def known(self) -> bool:
        return bool(self._offsets)

    def forget(self) -> None:
        self._offsets.clear()

    def follow(self, offset_s: float, arrival_s: float) -> None:
        offsets = self._offsets
        if not offsets:
            self.value_s = offset_s
        while offsets and offsets[-1][1] >= offset_s:
            offsets.pop()
        offsets.append((arrival_s, offset_s))
        while offsets[0][0] < arrival_s - self._window_s:
            offsets.popleft()
        rise_s = self._slew * max(0.0, arrival_s - self._arrival_s)
        self.value_s = min(offsets[0][1], self.value_s + rise_s)
        self._arrival_s = arrival_s


class SenderClock:
    """Where one sender's NTP clock lies on the session's axis: the least arrival − NTP time of all its reports.

    The least delay of the way itself cannot be known and stays in it, the same for all streams. Frames say nothing
    here: a source that hurries to make good for a stall would look like one that travels back in time.
    """

    def __init__(self, *, window_s: float = 20.0, slew: float = 0.05) -> None:
        self._window_s = window_s
        self._slew = slew
        self.restart()

    def restart(self) -> None:
        """The sender's clock was set: what was known is worth nothing."""
        self._least = _LeastOffset(self._window_s, self._slew)

    @property
    def offset_s(self) -> float:
        """Session time minus the sender's time, in seconds; 0 before the first :meth:`saw`."""
        return self._least.value_s

    def saw(self, ntp_s: float, arrival_s: float) -> None:
        """What was sent at the sender's moment ``ntp_s``, or after it, came at session time ``arrival_s``."""
        self._least.follow(arrival_s - ntp_s, arrival_s)


class StreamClock:
    """Session times for the frames of one stream: as even as its pts, strictly growing, never after arrival.

    Before the first sender report the offset is the smallest of the last ``window_s`` seconds. It falls at once,
    which cannot turn time back, for the frame that makes it fall gets its own arrival as its time; it rises, after
    drift or a longer route, by at most ``slew`` seconds a second. A pts that goes back, or is off by more than
    ``jump_s``, begins anew.

    With reports the times glide to those of capture and ``kind`` says when they are there. Frames that come late
    then change nothing; a source that stays late by ``jump_s`` has paused, and the clock begins anew, by arrival.
    Belongs to one thread.
    """

    def __init__(
        self,
        sender: SenderClock | None = None,
        *,
        window_s: float = 10.0,
        jump_s: float = 1.0,
        slew: float = 0.05,
    ) -> None:
        self.resets = 0
        self.kind: TimeKind = "arrival"
        self._sender = SenderClock() if sender is None else sender
        self._jump_s = jump_s
        self._least = _LeastOffset(window_s, slew)
        self._soonest = _LeastOffset(window_s, slew)  # no capture is later than the frame that came soonest
        self._offset_s = 0.0
        self._pts_s = float("-inf")
        self._last_s = float("-inf")
        self._reports: deque[float] = deque(maxlen=_REPORTS)  # the sender's time minus pts
        self._late_since_s: float | None = None

    @property
    def reported(self) -> bool:
        """Whether sender reports tell this stream's times, or will once it has glided there."""
        return bool(self._reports)

    def report(self, pts: int, time_base: Fraction, ntp_s: float, arrival_s: float) -> None:
        """A sender report of this stream came at session time ``arrival_s``."""
        to_ntp_s = ntp_s - _seconds(pts, time_base)
        before_s = min(self._reports, default=to_ntp_s)
        self._reports.append(to_ntp_s)
        if abs(min(self._reports) - before_s) > self._jump_s:
            self._begin_anew()  # it paused with its timestamps, or its clock was set
            self._sender.restart()
            self._reports.append(to_ntp_s)
        if (
            to_ntp_s - min(self._reports) <= self._jump_s
        ):  # else it hurries after a stall, or the next ones say the same
            self._sender.saw(ntp_s, arrival_s)

    def map(self, pts: int, time_base: Fraction, arrival_s: float, *, duration_s: float = 0.0) -> float:
        """The session time in seconds of a frame with this ``pts`` that arrived at session time ``arrival_s``.

        A piece of sound has a ``duration_s``: its first sample was there that much earlier, at the latest.
        """
        pts_s = _seconds(pts, time_base)
        step_s = pts_s - self._pts_s
        if step_s < 0:
            self._begin_anew()
        if not (self._reports and self._glide(pts_s, step_s, arrival_s)):
            self._by_arrival(pts_s, arrival_s - duration_s)
        self._soonest.follow(arrival_s - pts_s, arrival_s)
        self._pts_s = pts_s
        self._last_s = max(pts_s + self._offset_s, self._last_s + _SMALLEST_STEP_S)
        return self._last_s

    def estimate(self, pts: int, time_base: Fraction, arrival_s: float) -> float:
        """As :meth:`map`, as far as it is known yet: for a frame that is not decoded, and counts only when it is."""
        return min(arrival_s, _seconds(pts, time_base) + self._offset_s) if self._least.known else arrival_s

    def _by_arrival(self, pts_s: float, arrival_s: float) -> None:
        offset_s = arrival_s - pts_s
        if abs(offset_s - self._offset_s) > self._jump_s:
            self._begin_anew()
        self._least.follow(offset_s, arrival_s)
        self._offset_s = self._least.value_s

    def _glide(self, pts_s: float, step_s: float, arrival_s: float) -> bool:
        """Towards the time of capture; False when the stream is no longer what was reported of it."""
        if not self._least.known:
            return False  # the first frame of all: there is nothing to glide from
        to_ntp_s = min(self._reports)
        late_s = arrival_s - pts_s - to_ntp_s - self._sender.offset_s
        if late_s < -self._jump_s or self._stays_late(late_s, arrival_s):
            self._begin_anew()
            return False
        missing_s = min(to_ntp_s + self._sender.offset_s, self._soonest.value_s) - self._offset_s
        most_s = _CAPTURE_SLEW * step_s
        self._offset_s += min(max(missing_s, -most_s), most_s)
        self._offset_s = min(self._offset_s, arrival_s - pts_s)  # a frame that came is not of the future
        if abs(missing_s) < _SETTLED_S:
            self.kind = "capture"
        elif abs(missing_s) > _ASTRAY_S:
            self.kind = "arrival"
        return True

    def _stays_late(self, late_s: float, arrival_s: float) -> bool:
        if late_s <= self._jump_s:
            self._late_since_s = None
            return False
        if self._late_since_s is None:
            self._late_since_s = arrival_s
        return arrival_s - self._late_since_s > _PATIENCE_S

    def _begin_anew(self) -> None:
        self.resets += self._least.known
        self._least.forget()
        self._soonest.forget()
        self._reports.clear()
        self._late_since_s = None
        self.kind = "arrival"


def _seconds(pts: int, time_base: Fraction) -> float:
    return pts * time_base.numerator / time_base.denominator
