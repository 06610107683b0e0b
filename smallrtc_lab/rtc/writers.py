"""Sound and pictures on their way out: whatever was written becomes what the encoders take, at the right pace."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import av
import numpy as np

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.frames import Samples
from smallrtc_lab.media.convert import Reformatter, from_picture
from smallrtc_lab.media.resample import Int16, Resampler, to_int16
from smallrtc_lab.params import TransportParams

from .accept import WrittenPicture, read_picture, read_sound
from .outgoing import AUDIO_RATE_HZ, OutputVideoTrack
from .pace import Pace
from .soundqueue import SoundQueue
from .still import StillVideoTrack
from .writtentrack import WrittenAudioTrack

__all__ = ["PictureConverter", "PictureWriter", "SoundWriter"]

PIECE_S = 0.02
REPEAT_S = 0.2  # how soon a picture that stands still is seen by who came late, or lost it
JUMP_S = 1.0  # written times that leave the present by more than that are another story's
INLINE_PIXELS = 640 * 480  # handing over a smaller picture to a thread costs as much as converting it


class SoundWriter:
    """Any sound, resampled by one resampler, into the queue of one track."""

    def __init__(self, params: TransportParams) -> None:
        self.volume = params.audio_out_volume
        self._rate = params.audio_out_sample_rate or AUDIO_RATE_HZ
        self._channels = params.audio_out_channels
        self._timeout_s = params.audio_out_write_timeout_secs
        self._resampler: Resampler | None = None
        self._writing = asyncio.Lock()
        self.queue = SoundQueue(
            params.audio_out_channels,
            gather_s=params.audio_out_10ms_chunks / 100,
            tail=self._flush,
            wake=lambda: self.track.resume(),
        )
        self.track = WrittenAudioTrack(self.queue, silence=params.audio_out_auto_silence)

    async def write(self, sound: Any) -> bool:
        """Queue all of ``sound``, waiting for room; False when it was cleared or closed meanwhile."""
        samples, rate = read_sound(sound, self._rate)
        if self.queue.closed:
            raise ClosedError("the connection is closed: nothing can be written to it any more")
        epoch = self.queue.epoch
        async with self._writing:
            piece = max(1, round(PIECE_S * rate))
            for first in range(0, len(samples), piece):
                if self.queue.epoch == epoch:
                    await self.queue.room(self._timeout_s)
                if self.queue.epoch != epoch:
                    return False
                self.queue.put(self._convert(samples[first : first + piece], rate))
        return True

    def close(self) -> None:
        """Play no more."""
        self.queue.close()
        self.track.stop()

    def _convert(self, samples: Samples, rate: int) -> Int16:
        stage = self._resampler
        if stage is not None and (stage.in_rate, stage.in_channels) == (rate, samples.shape[1]):
            return self._finish(stage.push(samples))
        rest = self._flush()
        self._resampler = stage = Resampler(rate, AUDIO_RATE_HZ, samples.shape[1], self._channels)
        return np.concatenate((rest, self._finish(stage.push(samples))))

    def _flush(self) -> Int16:
        if self._resampler is None:
            return np.empty((0, self._channels), np.int16)
        return self._finish(self._resampler.flush())

    def _finish(self, samples: Samples) -> Int16:
        return to_int16(samples if self.volume == 1.0 else samples * np.float32(self.volume))


class PictureWriter:
    """Any picture, scaled and converted, into one track: at most so many a second, the newest wins."""

    def __init__(self, params: TransportParams) -> None:
        self.track: OutputVideoTrack = (
            OutputVideoTrack() if params.video_out_is_live else StillVideoTrack(REPEAT_S)
        )
        self._format = params.picture_format
        self._size = params.picture_size
        self._pace = Pace(params.video_out_framerate)
        self._converter = PictureConverter(self._size)
        self._writing = asyncio.Lock()
        self._closed = asyncio.Event()
        self._shift_s: float | None = None  # from written times to now

    async def write(self, picture: Any) -> bool:
        """Hand ``picture`` to the encoder when its turn has come; False when the connection closed meanwhile."""
        written = read_picture(picture, self._format)
        if self._closed.is_set():
            raise ClosedError("the connection is closed: nothing can be written to it any more")
        async with self._writing:
            await self._turn()
            if self._closed.is_set():
                return False
            self.track.put(await self._converted(written), self._placed(written.time_s))
        return True

    def close(self) -> None:
        """Show no more."""
        self._closed.set()
        self.track.stop()

    async def _turn(self) -> None:
        early_s = self._pace.early_s(time.monotonic())
        if early_s > 0.0:
            try:
                async with asyncio.timeout(early_s):
                    await self._closed.wait()
            except TimeoutError:
                pass  # the usual case: its turn has come
        self._pace.take(time.monotonic())

    async def _converted(self, written: WrittenPicture) -> av.VideoFrame:
        if written.pixels <= INLINE_PIXELS:
            return self._converter.convert(written)
        try:
            return await asyncio.to_thread(self._converter.convert, written)
        except asyncio.CancelledError:
            self._converter = PictureConverter(self._size)  # the thread still works with the other one
            raise

    def _placed(self, time_s: float | None) -> float:
        """The moment a picture is shown: as even as it was written, and near the present."""
        now_s = time.monotonic()
        if time_s is None:
            return now_s
        if self._shift_s is None or abs(time_s + self._shift_s - now_s) > JUMP_S:
            self._shift_s = now_s - time_s
        return time_s + self._shift_s


class PictureConverter:
    """To yuv420p of one size, or of each picture's own; for one thread at a time, or swscale crashes."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self._to_yuv = Reformatter()
        self._scaler = Reformatter()

    def convert(self, written: WrittenPicture) -> av.VideoFrame:
        image = written.image
        if not isinstance(image, av.VideoFrame):
            image = from_picture(image, written.format, reformatter=self._to_yuv)
        width, height = self._size or (image.width, image.height)
        if (image.format.name, image.width, image.height) == ("yuv420p", width, height):
            return image
        return self._scaler.reformat(image, width, height, format="yuv420p", threads=1)
