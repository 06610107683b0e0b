"""A client's camera, screen and microphone, each read once and handed to any number of readers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from weakref import WeakSet

import av

from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.clock import SessionClock, StreamClock
from smallrtc_lab.media.resample import from_av

from .client import ClientTrack
from .pump import Arrived, SourcePump
from .reading import AudioStream, SoundPacket, TimedPicture, VideoStream
from .speech import SpeechWatch

__all__ = ["PictureSource", "SoundSource"]

_VIDEO_TIME_BASE = Fraction(1, 90_000)
KEPT_S = 2  # blocks being cut are not older
_JUMP_S = 1.0  # pts that go back or leap by more than that begin anew


class _Times:
    """Session times of one track's frames."""

    def __init__(self, clock: SessionClock) -> None:
        self._clock = clock
        self.stream = StreamClock(clock.sender)

    def map(self, arrived: Arrived, time_base: Fraction, duration_s: float = 0.0) -> float:
        arrival_s = self._clock.to_session(arrived.at_s)
        report = arrived.report
        if report is not None:
            self.stream.report(report.pts, time_base, report.ntp_s, self._clock.to_session(report.arrival_s))
        pts = arrived.frame.pts
        if pts is None:
            return arrival_s - duration_s
        return self.stream.map(pts, time_base, arrival_s, duration_s=duration_s)


class PictureSource:
    """A camera or a screen."""

    def __init__(self, name: str, track_of: Callable[[], ClientTrack | None], clock: SessionClock) -> None:
        self.pump = SourcePump(name, track_of, self)
        self.streams: WeakSet[VideoStream] = WeakSet()
        self.received = 0
        self._clock = clock
        self._times = _Times(clock)

    def begin(self) -> None:
        """See :class:`~.pump.FrameSink`."""
        self._times = _Times(self._clock)

    def accept(self, arrived: Arrived) -> None:
        """See :class:`~.pump.FrameSink`."""
        frame = arrived.frame
        assert isinstance(frame, av.VideoFrame)
        time_s = self._times.map(arrived, frame.time_base or _VIDEO_TIME_BASE)
        picture = TimedPicture(frame, self.received, time_s, self._times.stream.kind)
        self.received += 1
        for stream in tuple(self.streams):
            stream.offer(picture)


class SoundSource:
    """A microphone; positions count its samples since the session began."""

    def __init__(self, name: str, track_of: Callable[[], ClientTrack | None], clock: SessionClock) -> None:
        self.pump = SourcePump(name, track_of, self)
        self.streams: WeakSet[AudioStream] = WeakSet()
        self.speech: SpeechWatch | None = None
        self.received = 0
        self._clock = clock
        self._times = _Times(clock)
        self._base: int | None = None  # position of pts 0
        self._end = 0
        self._axis = SampleAxis(0)
        self._rate = 0

    def begin(self) -> None:
        """See :class:`~.pump.FrameSink`."""
        self._times = _Times(self._clock)
        self._base = None
        for stream in tuple(self.streams):
            stream.begin()

    def accept(self, arrived: Arrived) -> None:
        """See :class:`~.pump.FrameSink`."""
        frame = arrived.frame
        assert isinstance(frame, av.AudioFrame)
        samples, rate = from_av(frame), frame.sample_rate
        time_s = self._times.map(arrived, frame.time_base or Fraction(1, rate), len(samples) / rate)
        if rate != self._rate:
            self._begin_rate(rate)
        position = self._position(frame, rate, time_s)
        self._axis.follow(position, len(samples), time_s, self._times.stream.kind)
        self._axis.forget(position - KEPT_S * rate)
        self._end = position + len(samples)
        self.received += 1
        packet = SoundPacket(samples, rate, position, self._axis)
        if self.speech is not None:
            self.speech.offer(packet)
        for stream in tuple(self.streams):
            stream.offer(packet)

    def _begin_rate(self, rate: int) -> None:
        self._end = round(self._end * rate / self._rate) if self._rate else 0
        self._rate = rate
        self._axis = SampleAxis(rate)
        self._base = None

    def _position(self, frame: av.AudioFrame, rate: int, time_s: float) -> int:
        """By the sender's count, which knows what is missing; where it leads astray, right after what came."""
        if frame.pts is None or frame.time_base is None:
            return self._end if self._base is not None else self._rebase(0, rate, time_s)
        pts = round(frame.pts * frame.time_base * rate)
        if self._base is None:
            return self._rebase(pts, rate, time_s)
        position = self._base + pts
        if abs(position / rate - time_s) > _JUMP_S:  # it has paused, or its clock was set
            return self._rebase(pts, rate, time_s)
        return position

    def _rebase(self, pts: int, rate: int, time_s: float) -> int:
        position = max(round(time_s * rate), self._end)
        self._base = position - pts
        return position
