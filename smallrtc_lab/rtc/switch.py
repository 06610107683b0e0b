"""The one track a sender has for its whole life; sources come, go and end behind it.

aiortc's sender waits in ``track.recv()``, never looks at a replaced track until that returns, polls every
20 ms without a track, and ends for ever with the first track that ends. So each sender has one
:class:`SwitchedTrack` for its whole life, and sources come and go behind it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

__all__ = ["EncodedSource", "SwitchedTrack"]

logger = logging.getLogger(__name__)


@runtime_checkable
class EncodedSource(Protocol):
    """A source that can give packets of the connection's codec (:class:`av.Packet`) instead of frames."""

    def use_codec(self, name: str | None, /) -> None:
        """The codec of the connection it is sent in from now on: "VP8", "H264", "opus" or another."""

    def request_keyframe(self) -> None:
        """The receiver needs a picture that it can decode without another."""


class SwitchedTrack(MediaStreamTrack):
    """Passes on the frames of whatever source is set, and waits while there is none.

    pts keep growing when a source is replaced, and sound always leaves as 48 kHz stereo s16: aiortc's
    encoder cannot change its mind about either. A source that raises is logged and taken out. An
    :class:`EncodedSource` is told the codec, and when the receiver asks for a keyframe; ``renew()`` is called when
    frames follow on packets, for the sender's own encoder knows nothing of those.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._source: MediaStreamTrack | None = None
        self._changed = asyncio.Event()
        self._pending: asyncio.Task[Any] | None = None
        self._clock = _Continuity(90_000 if kind == "video" else 48_000)
        self._resampler: _ToStereo | None = None if kind == "video" else _ToStereo()
        self.renew: Callable[[], None] | None = None
        self._codec: str | None = None
        self._encoded = False  # the last thing sent was a packet
        self._opus = _OpusClock()

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
        if (encoded := _as_encoded(source)) is not None:
            encoded.use_codec(self._codec)
        self._changed.set()
        if self._pending is not None:
            self._pending.cancel()

    def use_codec(self, name: str | None) -> None:
        """What this connection negotiated; call before there is a source."""
        self._codec = name

    def keyframe_asked(self) -> None:
        """The receiver needs a keyframe."""
        if (encoded := _as_encoded(self._source)) is not None:
            encoded.request_keyframe()

    async def recv(self) -> Any:
        """The next frame of the source there is then, or its next packet."""
        while self.readyState == "live":
            packet = self._opus.take_held()
            if packet is not None:
                return packet
            source = self._source
            if source is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            frame = await self._next_of(source)
            if frame is not None and self._resampler is not None and isinstance(frame, av.AudioFrame):
                frame = self._resampler.convert(frame)
            if frame is not None:
                return self._passed(self._clock.stamp(frame))
        raise MediaStreamError("the track was stopped")

    def stop(self) -> None:
        """End the track; its source is left as it is."""
        super().stop()
        self._changed.set()
        if self._pending is not None:
            self._pending.cancel()

    def _passed(self, frame: Any) -> Any:
        encoded = isinstance(frame, av.Packet)
        if self.kind == "audio":
            return self._opus.passed(frame, encoded)
        if self._encoded and not encoded and self.renew is not None:
            self.renew()
        self._encoded = encoded
        return frame

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


def _as_encoded(source: object) -> EncodedSource | None:
    return source if isinstance(source, EncodedSource) else None


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


class _OpusClock:
    """One line of timestamps for packets and frames of sound.

    aiortc's Opus encoder counts from the first frame it was given, whatever its pts; a packet's own pts is used as it
    is. So a silent frame goes before the first packet, and packets are counted from the first frame, too.
    """

    def __init__(self) -> None:
        self._origin: int | None = None
        self._held: Any = None

    def take_held(self) -> Any:
        held, self._held = self._held, None
        return held

    def passed(self, frame: Any, encoded: bool) -> Any:
        if not encoded:
            self._origin = frame.pts if self._origin is None else self._origin
            return frame
        silence = None
        if self._origin is None:
            silence = av.AudioFrame(format="s16", layout="stereo", samples=960)
            silence.planes[0].update(bytes(960 * 4))
            self._origin = silence.pts = frame.pts - 960
            silence.sample_rate, silence.time_base = 48_000, frame.time_base
            self._held = frame
        frame.pts -= self._origin
        return silence or frame


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
