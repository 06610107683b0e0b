"""What goes to a client: sources that cost nothing while they are silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.video.frame import PictureType

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.streams import LatestSlot

__all__ = ["AudioPull", "OutputAudioTrack", "OutputVideoTrack"]


VIDEO_TIME_BASE = Fraction(1, 90_000)
AUDIO_RATE_HZ = 48_000
AUDIO_TIME_BASE = Fraction(1, AUDIO_RATE_HZ)
SAMPLES = 960  # 20 ms at 48 kHz, what an Opus packet holds
CATCH_UP_S = 0.06  # later than this is a stall: those samples are left out, not sent in a burst


class OutputVideoTrack(MediaStreamTrack):
    """Pictures to send: the newest one put wins, and nothing is sent while none is put.

    ``sent`` counts the frames that went to the encoder, ``dropped`` those that newer ones replaced.
    """

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._slot: LatestSlot[tuple[av.VideoFrame, float]] = LatestSlot()
        self._last_pts = -1
        self.sent = 0
        self.newest: tuple[av.VideoFrame, float] | None = None  # what was put last, for who looks on
        self.on_put: Callable[[], None] | None = None

    @property
    def dropped(self) -> int:
        """Frames that were put and never sent."""
        return self._slot.dropped

    def put(self, frame: av.VideoFrame, time_s: float) -> None:
        """Offer ``frame``, shown at ``time_s`` seconds of any clock that does not run backwards."""
        self.newest = (frame, time_s)
        self._slot.put((frame, time_s))
        if self.on_put is not None:
            self.on_put()

    async def recv(self) -> av.VideoFrame:
        """The next frame, its pts in 1/90000 s; a browser shows nothing once pts did not grow."""
        try:
            frame, time_s = await self._slot.get()
        except ClosedError:
            raise MediaStreamError("the track was stopped") from None
        self._last_pts = max(self._last_pts + 1, round(time_s / VIDEO_TIME_BASE))
        frame.pts = self._last_pts
        frame.time_base = VIDEO_TIME_BASE
        frame.pict_type = (
            PictureType.NONE
        )  # sent once as a keyframe it would be one each time it is shown again
        self.sent += 1
        return frame

    def stop(self) -> None:
        """End the track."""
        self._slot.close()
        super().stop()


class AudioPull(Protocol):
    """Where an :class:`OutputAudioTrack` takes its sound from."""

    def read(self, n_samples: int, /) -> npt.NDArray[np.int16] | None:
        """Exactly ``n_samples`` at 48 kHz as (n_samples, channels) int16, 1 or 2 channels; None when idle."""
        ...


class OutputAudioTrack(MediaStreamTrack):
    """Sound to send: 20 ms frames of 48 kHz stereo s16, pulled from ``source`` at the pace of a clock.

    A source that answers None is asked again after ``resume()``. After a stall of more than 60 ms the
    samples of that time are read and left out (``skipped``, in frames), so that delay never builds up.
    """

    kind = "audio"

    def __init__(self, source: AudioPull) -> None:
        super().__init__()
        self._source = source
        self._epoch_s: float | None = None  # when sample 0 of this stretch is due; None while idle
        self._sample = 0  # the next sample of this stretch
        self._pts = 0
        self._idle_since_s: float | None = None
        self._wake = asyncio.Event()
        self.sent = 0
        self.skipped = 0

    @property
    def dropped(self) -> int:
        """Frames that were left out after a stall."""
        return self.skipped

    def resume(self) -> None:
        """The source has samples again. Call on the media loop."""
        self._wake.set()

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms, not before they are due."""
        while self.readyState == "live":
            await self._wait_until_due()
            self._wake.clear()
            samples = self._source.read(SAMPLES)
            if samples is not None:
                return self._frame(samples)
            self._idle_since_s = self._idle_since_s or time.monotonic()
            self._epoch_s = None
            await self._wake.wait()
        raise MediaStreamError("the track was stopped")

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._wake.set()

    async def _wait_until_due(self) -> None:
        now_s = time.monotonic()
        if self._epoch_s is None:
            self._begin_stretch(now_s)
            return
        late_s = now_s - (self._epoch_s + self._sample / AUDIO_RATE_HZ)
        if late_s < 0:
            await asyncio.sleep(-late_s)
        elif late_s > CATCH_UP_S:
            self._skip(int(late_s * AUDIO_RATE_HZ) // SAMPLES)

    def _begin_stretch(self, now_s: float) -> None:
        # The silence takes its time in pts, too: the receiver's clock has gone on.
        if self._idle_since_s is not None:
            self._pts += round((now_s - self._idle_since_s) * AUDIO_RATE_HZ / SAMPLES) * SAMPLES
            self._idle_since_s = None
        self._epoch_s = now_s
        self._sample = 0

    def _skip(self, frames: int) -> None:
        self._source.read(frames * SAMPLES)
        self._sample += frames * SAMPLES
        self._pts += frames * SAMPLES
        self.skipped += frames

    def _frame(self, samples: npt.NDArray[np.int16]) -> av.AudioFrame:
        if samples.shape != (SAMPLES, 2):
            samples = _as_stereo(samples)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
        frame.planes[0].update(np.ascontiguousarray(samples, dtype=np.int16).tobytes())
        frame.sample_rate = AUDIO_RATE_HZ
        frame.pts = self._pts
        frame.time_base = AUDIO_TIME_BASE
        self._sample += SAMPLES
        self._pts += SAMPLES
        self.sent += 1
        return frame


def _as_stereo(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """(960, 2) of what a source gave: one channel is doubled, a short answer padded with silence."""
    columns = samples.reshape(len(samples), -1)
    stereo = np.zeros((SAMPLES, 2), dtype=np.int16)
    stereo[: len(columns)] = columns[:SAMPLES, :2]
    return stereo
