"""What Python gives back: processed pictures and sound on their way to the browser.

Late is late. While a video processor runs longer than ``LATE_S`` the unprocessed pictures pass, and sound that is
not ready when its turn to be played comes is replaced by the original; both are counted. An engine never waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.framing import Header
from smallrtc_lab.media.convert import Reformatter, from_picture
from smallrtc_lab.media.resample import Resampler, to_int16
from smallrtc_lab.media.ring import AudioRing
from smallrtc_lab.rtc.tracks import AudioPull, OutputAudioTrack, OutputVideoTrack

from .arena import SlotRef
from .bridge import Bridge
from .inbound import AUDIO_CHANNELS, AUDIO_RATE, AudioInbound
from .sound_subscription import AudioSubscription
from .stages import Spread
from .subscriptions import TimedFrame, VideoSubscription

__all__ = ["LATE_S", "AudioReturn", "VideoReturn"]

logger = logging.getLogger(__name__)

LATE_S = 0.5
_ROUNDING = 2  # samples
_AUDIO_MARGIN_S = 0.08  # beyond the length of a block: the jitter of cell, bridge and callback


class VideoReturn:
    """The picture the browser sees come back."""

    def __init__(self, bridge: Bridge, executor: Executor) -> None:
        self.track = OutputVideoTrack()
        self.late = 0
        self.is_late = False
        self.returning = Spread()  # from a result to what the encoder can take
        self.processor: VideoSubscription | None = None
        self._bridge = bridge
        self._executor = executor
        self._in_work: tuple[TimedFrame, float] | None = None
        self._reformatter = Reformatter()
        self._reading = asyncio.Lock()  # swscale crashes when two threads share one reformatter

    def new_track(self) -> OutputVideoTrack:
        """A track for a new connection; the one before gets no more pictures."""
        self.track = OutputVideoTrack()
        return self.track

    def use(self, processor: VideoSubscription | None) -> None:
        """Show this processor's pictures from now on, or none."""
        self.processor = processor
        self._in_work = None
        self.is_late = False
        if processor is not None:
            processor.on_delivery = self._delivered

    def on_frame(self, timed: TimedFrame) -> None:
        """A frame came in: pass it on as it is while the processor is late."""
        if self.processor is None:
            return
        self.is_late = self.is_late or self._waited_s() > LATE_S
        if self.is_late:
            self.late += 1
            self.track.put(timed.frame, timed.time_s)

    def _delivered(self, timed: TimedFrame) -> None:
        self._in_work = (timed, asyncio.get_running_loop().time())

    def _waited_s(self) -> float:
        """How long the processor has been at work on its frame."""
        return 0.0 if self._in_work is None else asyncio.get_running_loop().time() - self._in_work[1]

    def result(self, header: Header) -> Coroutine[Any, Any, None]:
        """The kernel's answer to a frame: a picture in a slot of its own, or nothing, then the original passes.

        One that comes in time ends the lateness; a function that is always late is never between two states. What is
        returned shows the picture; to be called before the next frame is delivered, and run after.
        """
        late, self.is_late = self.is_late, self.is_late and self._waited_s() > LATE_S
        work, self._in_work = self._in_work, None
        # When late newer pictures have passed already: time does not run backwards.
        return self._show(None if work is None or late else work[0], header)

    async def _show(self, timed: TimedFrame | None, header: Header) -> None:
        if timed is None:
            self._bridge.free_result(header)
            return
        if "slot" not in header:
            self.track.put(timed.frame, timed.time_s)
            return
        ref = SlotRef.from_json(header["slot"])
        shape = tuple(header["shape"])
        came_s = time.monotonic()
        try:
            async with self._reading:
                loop = asyncio.get_running_loop()
                frame = await loop.run_in_executor(self._executor, self._read, ref, shape, header["format"])
        finally:
            self._bridge.free(ref)
        self.track.put(frame, timed.time_s)
        self.returning.add(time.monotonic() - came_s)

    def _read(self, ref: SlotRef, shape: tuple[int, ...], picture_format: PixelFormat) -> av.VideoFrame:
        view = self._bridge.attachments.view(ref)
        picture = np.frombuffer(view, np.uint8).reshape(shape)
        return from_picture(picture, picture_format, reformatter=self._reformatter)


class AudioReturn:
    """The sound that can be listened to: the processor's where it is ready, the original where it is not.

    Played from one timeline, that of the session's samples, a fixed delay behind the microphone: one hop of the
    processor (its block, unless blocks overlap) and a margin. So every sample played is either the processed or the
    original one of the same moment.
    """

    def __init__(self, inbound: AudioInbound) -> None:
        self.late_s = 0.0
        self.processor: AudioSubscription | None = None
        self._inbound = inbound
        self._processed = AudioRing(AUDIO_RATE, AUDIO_CHANNELS, 5.0)
        self._resampler: Resampler | None = None
        self._next = 0  # session position of the resampler's next sample
        self._play_at: int | None = None
        self.track = OutputAudioTrack(self)

    @property
    def delay_s(self) -> float:
        """How far behind the microphone the returned sound plays, without the network."""
        return (self.processor.hop_s if self.processor else 0.0) + _AUDIO_MARGIN_S

    def new_track(self, over: Callable[[AudioPull], AudioPull]) -> OutputAudioTrack:
        """A track for a new connection, with what is laid ``over`` this."""
        self.track = OutputAudioTrack(over(self))
        if self.processor is not None:
            self.track.resume()
        return self.track

    def use(self, processor: AudioSubscription | None) -> None:
        """Play this processor's sound from now on, or nothing."""
        self.processor = processor
        self._resampler = None
        self._play_at = None
        self._processed = AudioRing(AUDIO_RATE, AUDIO_CHANNELS, 5.0)
        if processor is not None:
            self.track.resume()

    def result(self, samples: npt.NDArray[np.float32], sample_rate: int, start_s: float) -> None:
        """A processed block, (n, channels) float32, that belongs at ``start_s`` of the session."""
        start = round(start_s * AUDIO_RATE)
        resampler = self._resampler
        # Blocks are gapless, so the resampler's own count of samples is exact, until a block was dropped.
        if (
            resampler is None
            or resampler.in_channels != samples.shape[1]
            or abs(start - self._due(resampler)) > _ROUNDING
        ):
            resampler = Resampler(sample_rate, AUDIO_RATE, samples.shape[1], AUDIO_CHANNELS)
            self._resampler, self._next = resampler, start
        ready = to_int16(resampler.push(samples))
        if len(ready):
            self._processed.append(ready, self._next)
            self._next += len(ready)

    def _due(self, resampler: Resampler) -> int:
        """The session position that the next block has when none is missing."""
        return self._next + round(resampler.delay_s * AUDIO_RATE)

    def passed(self, start_s: float, duration_s: float) -> None:
        """The processor returned nothing for this stretch, or failed: the original is what is heard."""
        position, count = round(start_s * AUDIO_RATE), round(duration_s * AUDIO_RATE)
        self._resampler = None
        self._processed.append(self._inbound.ring.read(position, count)[0], position)

    def read(self, count: int) -> npt.NDArray[np.int16] | None:
        """The next samples to play, (n, 2) int16, or None while there is nothing to play (see OutputAudioTrack)."""
        if self.processor is None or not self._inbound.flowing:
            self._play_at = None
            return None if self.processor is None else np.zeros((count, AUDIO_CHANNELS), np.int16)
        end = self._inbound.ring.end
        delay = round(self.delay_s * AUDIO_RATE)
        if self._play_at is None or not 0 <= end - self._play_at <= 2 * delay + AUDIO_RATE // 5:
            self._play_at = end - delay
        at, self._play_at = self._play_at, self._play_at + count
        samples, gaps = self._processed.read(at, count)
        if not gaps:
            return samples
        self.late_s += count / AUDIO_RATE
        return self._inbound.ring.read(at, count)[0]
