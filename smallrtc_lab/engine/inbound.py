"""What comes from the browser, one object a source, for the whole life of a session.

A connection comes and goes; its tracks are pumped into these streams, which keep the newest picture and the
last seconds of sound, and offer each piece to their subscribers. Everything runs on the engine's loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.clock import SessionClock, StreamClock
from smallrtc_lab.media.level import level_db
from smallrtc_lab.media.resample import from_av
from smallrtc_lab.media.ring import AudioRing
from smallrtc_lab.rtc.tracks import InputTrack

from .subscriptions import AudioSubscription, TimedFrame, VideoSubscription

__all__ = ["AUDIO_CHANNELS", "AUDIO_RATE", "AudioInbound", "VideoInbound"]

logger = logging.getLogger(__name__)

AUDIO_RATE = 48000  # Opus decodes to 48 kHz stereo, whatever the microphone had
AUDIO_CHANNELS = 2
_EARLY_S = 0.5  # before its arrival a sample cannot have been recorded: the pts has jumped
_LATE_S = 1.0  # so late at once: the source has paused
_DRIFT_S = 0.1  # so late all the time: it has paused for a little, or its clock is slower than ours
_DRIFT_WINDOW_S = 3.0
_VIDEO_TIME_BASE = Fraction(1, 90000)


class _Inbound:
    """A source and whoever listens to it."""

    def __init__(self, source: str, clock: SessionClock) -> None:
        self.source = source
        self.received = 0
        self._clock = clock
        self._first = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._track: InputTrack | None = None

    @property
    def connected(self) -> bool:
        """Whether the current connection has a track for it."""
        return self._track is not None

    @property
    def flowing(self) -> bool:
        """Whether anything has come since the current connection was made."""
        return self._first.is_set()

    async def wait_flowing(self) -> None:
        """Wait for the first piece of the current connection."""
        await self._first.wait()

    @property
    def dropped(self) -> int:
        """Pieces that were decoded but not read in time, of the current track."""
        return 0 if self._track is None else self._track.dropped

    def follow(self, track: InputTrack) -> None:
        """Read this track from now on; the one before is no longer read."""
        if track is self._track:
            return
        if self._pump is not None:
            self._pump.cancel()
        self._track = track
        self._first.clear()
        self._connected()
        self._pump = asyncio.get_running_loop().create_task(self._run(track), name=f"inbound-{self.source}")

    async def disconnect(self) -> None:
        """The connection has gone; what was received stays readable."""
        self._first.clear()
        self._track = None
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None

    def _connected(self) -> None:
        raise NotImplementedError

    def _accept(self, frame: object, decoded_s: float) -> None:
        raise NotImplementedError

    async def _run(self, track: InputTrack) -> None:
        try:
            while True:
                frame, decoded_s = await track.recv_timed()
                self._accept(frame, decoded_s)
                self.received += 1
                self._first.set()
        except MediaStreamError:
            logger.debug("%s ended", self.source)


class VideoInbound(_Inbound):
    """A camera or a screen."""

    def __init__(self, source: str, clock: SessionClock) -> None:
        super().__init__(source, clock)
        self.latest: TimedFrame | None = None
        self.subscriptions: dict[int, VideoSubscription] = {}
        self.on_frame: Callable[[TimedFrame], None] | None = None
        self._stream_clock = StreamClock()

    def _connected(self) -> None:
        self._stream_clock = StreamClock()

    def _accept(self, frame: object, decoded_s: float) -> None:
        assert isinstance(frame, av.VideoFrame)
        arrival_s = self._clock.to_session(decoded_s)
        time_s = self._stream_clock.map(frame.pts or 0, frame.time_base or _VIDEO_TIME_BASE, arrival_s)
        timed = TimedFrame(frame, self.received, time_s, decoded_s)
        self.latest = timed
        if self.on_frame is not None:
            self.on_frame(timed)
        for subscription in self.subscriptions.values():
            subscription.offer(timed)


class AudioInbound(_Inbound):
    """The microphone: a ring of its last seconds, addressed by samples since the session began."""

    def __init__(self, clock: SessionClock, *, ring_s: float = 30.0) -> None:
        super().__init__("microphone", clock)
        self.ring = AudioRing(AUDIO_RATE, AUDIO_CHANNELS, ring_s)
        self.subscriptions: dict[int, AudioSubscription] = {}
        self.on_samples: Callable[[npt.NDArray[np.int16], int], None] | None = None
        self._base: int | None = None
        self._least_late_s = float("inf")  # in the window of now
        self._window_end_s = 0.0
        self._begin = 0  # position of the connection's first sample
        self._samples = 0  # how many have come since

    def _connected(self) -> None:
        self._base = None

    @property
    def loss(self) -> float:
        """Share of the samples since the connection was made that never came, 0 to 1."""
        expected = self.ring.end - self._begin
        return 1.0 - self._samples / expected if expected > 0 else 0.0

    def level_db(self) -> float:
        """RMS level of the last tenth of a second in dBFS."""
        samples, _, _ = self.ring.last(0.1)
        return level_db(samples)

    def _accept(self, frame: object, decoded_s: float) -> None:
        assert isinstance(frame, av.AudioFrame)
        arrival_s = self._clock.to_session(decoded_s)
        samples = from_av(frame)
        position = self._position(frame, len(samples), arrival_s)
        self.ring.append(samples, position)
        self._samples += len(samples)
        if self.on_samples is not None:
            self.on_samples(samples, position)
        for subscription in self.subscriptions.values():
            subscription.offer(samples, position)

    def _position(self, frame: av.AudioFrame, count: int, arrival_s: float) -> int:
        """Where these samples belong: by pts within a connection, by arrival where that leads astray.

        Samples that are late for once, because this process or the network stood still, keep their place.
        """
        pts = frame.pts or 0
        by_arrival = round(arrival_s * AUDIO_RATE) - count
        base = self._base
        if base is None:
            self._begin, self._samples = max(by_arrival, self.ring.end), 0
            base = self._rebase(by_arrival, pts, arrival_s)
        late_s = (by_arrival - base - pts) / AUDIO_RATE
        self._least_late_s = min(self._least_late_s, late_s)
        drifted = arrival_s > self._window_end_s and self._least_late_s > _DRIFT_S
        if drifted or not -_EARLY_S <= late_s <= _LATE_S:
            base = self._rebase(by_arrival, pts, arrival_s)
        elif arrival_s > self._window_end_s:
            self._begin_window(arrival_s)
        return base + pts

    def _rebase(self, by_arrival: int, pts: int, arrival_s: float) -> int:
        self._base = base = max(by_arrival, self.ring.end) - pts
        self._begin_window(arrival_s)
        return base

    def _begin_window(self, arrival_s: float) -> None:
        self._least_late_s = float("inf")
        self._window_end_s = arrival_s + _DRIFT_WINDOW_S
