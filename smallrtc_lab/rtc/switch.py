"""The one track a sender has for its whole life; sources come, go and end behind it.

aiortc's sender waits in ``track.recv()``, never looks at a replaced track until that returns, polls every
20 ms without a track, and ends for ever with the first track that ends. So each sender has one
:class:`SwitchedTrack` for its whole life, and sources come and go behind it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

__all__ = ["SwitchedTrack"]

logger = logging.getLogger(__name__)


class SwitchedTrack(MediaStreamTrack):
    """Passes on the frames of whatever source is set, and waits while there is none.

    pts keep growing when a source is replaced, and sound always leaves as 48 kHz stereo s16: aiortc's
    encoder cannot change its mind about either. A source that raises is logged and taken out.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._source: MediaStreamTrack | None = None
        self._changed = asyncio.Event()
        self._pending: asyncio.Task[Any] | None = None
        self._clock = _Continuity(90_000 if kind == "video" else 48_000)
        self._resampler: _ToStereo | None = None if kind == "video" else _ToStereo()

    @property
    def source(self) -> MediaStreamTrack | None:
        """What is being sent."""
        return self._source

    def replace(self, source: MediaStreamTrack | None) -> None:
        """Send ``source`` from now on, or nothing; raises ``ValueError`` for one of another kind."""
        if source is not None and source.kind != self.kind:
            raise ValueError(f"an {source.kind} track cannot be sent where {self.kind} is expected")
        if source is self._source:
            return
        self._source = source
        self._clock.source_changed()
        self._changed.set()
        if self._pending is not None:
            self._pending.cancel()

    async def recv(self) -> Any:
        """The next frame of the source there is then."""
        while self.readyState == "live":
            source = self._source
            if source is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            frame = await self._next_of(source)
            if frame is not None and self._resampler is not None and isinstance(frame, av.AudioFrame):
                frame = self._resampler.convert(frame)
            if frame is not None:
                return self._clock.stamp(frame)
        raise MediaStreamError("the track was stopped")

    def stop(self) -> None:
        """End the track; its source is left as it is."""
        super().stop()
        self._changed.set()
        if self._pending is not None:
            self._pending.cancel()

    async def _next_of(self, source: MediaStreamTrack) -> Any:
        """A frame, or None when the source was replaced, ended or failed meanwhile."""
        # A task of its own, for the sender itself must not be cancelled when the source is replaced.
        pending = self._pending = asyncio.ensure_future(source.recv())
        try:
            await asyncio.wait({pending})
        finally:
            self._pending = None
            pending.cancel()
        if pending.cancelled() or source is not self._source:
            return None
        error = pending.exception()
        if error is None:
            return pending.result()
        if not isinstance(error, MediaStreamError):
            logger.error("a %s source failed and is not sent any more", self.kind, exc_info=error)
        self._source = None
        self._clock.source_changed()
        return None


class _Continuity:
    """Makes pts of successive sources one line that only grows."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._time_base = Fraction(1, rate_hz)
        self._offset: int | None = 0
        self._last: int | None = None
        self._last_s = 0.0

    def source_changed(self) -> None:
        if self._last is not None:
            self._offset = None

    def stamp(self, frame: Any) -> Any:
        now_s = time.monotonic()
        pts = self._read(frame, now_s)
        if self._offset is None:
            assert self._last is not None
            passed = max(1, round((now_s - self._last_s) * self._rate_hz))
            self._offset = self._last + passed - pts
        pts += self._offset
        if self._last is not None:
            pts = max(pts, self._last + 1)
        if frame.pts != pts or frame.time_base != self._time_base:
            frame.pts = pts
            frame.time_base = self._time_base
        self._last, self._last_s = pts, now_s
        return frame

    def _read(self, frame: Any, now_s: float) -> int:
        if frame.pts is None or frame.time_base is None:
            return round(now_s * self._rate_hz)
        if frame.time_base == self._time_base:
            return int(frame.pts)
        return int(frame.pts * Fraction(frame.time_base) * self._rate_hz)


class _ToStereo:
    """48 kHz stereo s16 of any audio frame; frames that are so already pass untouched."""

    def __init__(self) -> None:
        self._format: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def convert(self, frame: av.AudioFrame) -> av.AudioFrame | None:
        """The converted frame, or None while the resampler still collects."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form == ("s16", "stereo", 48_000):
            return frame
        mono = frame.layout.nb_channels == 1
        if self._resampler is None or form != self._format:
            layout = "mono" if mono else "stereo"
            self._resampler = av.AudioResampler(format="s16", layout=layout, rate=48_000)
            self._format = form
        frames = self._resampler.resample(frame)
        if not frames:
            return None
        return _doubled(frames[0]) if mono else frames[0]


def _doubled(frame: av.AudioFrame) -> av.AudioFrame:
    """One channel as two equal ones; FFmpeg's own conversion takes 3 dB away."""
    doubled = np.repeat(frame.to_ndarray().reshape(-1), 2)
    stereo = av.AudioFrame(format="s16", layout="stereo", samples=frame.samples)
    stereo.planes[0].update(doubled.tobytes())
    stereo.sample_rate, stereo.pts, stereo.time_base = frame.sample_rate, frame.pts, frame.time_base
    return stereo
