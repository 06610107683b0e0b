"""Pictures and sound that the kernel hands over one by one: a picture that stands still, or a stream of them."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.media.fit import Fitter
from smallrtc_lab.media.mixing import BLOCK, VoiceQueue
from smallrtc_lab.media.resample import Int16, Resampler, to_int16

from .clock import PlayState
from .sound import CHANNELS, RATE_HZ
from .stage import Player, Stage

__all__ = ["ShownPlayer", "StreamPlayer"]

GATHERED = RATE_HZ * 60 // 1000  # samples before a stretch of a stream's sound begins: see engine/outlets.py
BOUND = RATE_HZ  # samples that wait at most

_AV_FORMATS = {"rgb": "rgb24", "bgr": "bgr24", "gray": "gray"}


class ShownPlayer(Player):
    """A picture that stands still until another is shown."""

    name: ClassVar[str] = "lab.show"

    def __init__(self, number: int, stage: Stage, wanted_bps: int | None = None) -> None:
        super().__init__(number, stage, wanted_bps)
        self._fitter = Fitter(stage.most_size)
        self._reading = asyncio.Lock()  # pictures in the order in which they came; swscale is for one thread

    async def show(
        self, ref: SlotRef, shape: tuple[int, ...], format: PixelFormat, time_s: float
    ) -> tuple[int, int]:
        """The picture in a slot of the kernel's, due at ``time_s``; (width, height) as it is sent."""
        try:
            async with self._reading:
                loop = asyncio.get_running_loop()
                frame = await loop.run_in_executor(self._stage.executor, self._read, ref, shape, format)
        finally:
            self._stage.bridge.free(ref)
        if not self.state.final:
            self._begin()
            self._stage.show(self)
            self._stage.pictures.put(self.number, frame, time_s)
        return frame.width, frame.height

    def _begin(self) -> None:
        if self.state is PlayState.LOADING:
            self.clock.start(time.monotonic())
            self.become(PlayState.PLAYING)

    def _read(self, ref: SlotRef, shape: tuple[int, ...], format: PixelFormat) -> av.VideoFrame:
        view = self._stage.bridge.attachments.view(ref)
        picture = np.frombuffer(view, np.uint8).reshape(shape)
        av_format = "gray" if len(shape) == 2 else _AV_FORMATS[format]
        # A copy: the slot goes back to the kernel, and a picture that is converted already would be a view of it.
        return self._fitter.fit(av.VideoFrame.from_ndarray(picture, format=av_format))


class StreamPlayer(ShownPlayer):
    """Pictures that follow one another, or blocks of sound."""

    name: ClassVar[str] = "lab.stream"

    def __init__(self, number: int, stage: Stage, wanted_bps: int | None = None) -> None:
        super().__init__(number, stage, wanted_bps)
        self._voice = VoiceQueue(GATHERED, BOUND)
        self._resampler: Resampler | None = None

    def sound(self, samples: npt.NDArray[np.float32], sample_rate: int) -> None:
        """A block, (n, channels) float32, to be heard after those before."""
        if self.state.final:
            return
        form = (sample_rate, samples.shape[1])
        stage = self._resampler
        if stage is None or (stage.in_rate, stage.in_channels) != form:
            self._resampler = stage = Resampler(form[0], RATE_HZ, form[1], CHANNELS)
        self._voice.put(to_int16(stage.push(samples)))
        self._begin()
        self._stage.heard(self, True)
        self._stage.sound.wake()

    def read(self, count: int, now_s: float) -> Int16 | None:
        """See :class:`~.sound.Voice`."""
        if not self.clock.running:
            return None
        blocks = [self._voice.take() for _ in range(count // BLOCK)]
        if all(block is None for block in blocks) and not self._voice.level:
            return None
        silence = np.zeros((BLOCK, CHANNELS), np.int16)
        return np.concatenate([silence if block is None else block for block in blocks])

    def stats(self) -> dict[str, object]:
        """With ``sound_dropped_s``: what came faster than it could be played."""
        return super().stats() | {"sound_dropped_s": round(self._voice.dropped / RATE_HZ, 3)}
