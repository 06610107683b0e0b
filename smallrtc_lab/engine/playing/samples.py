"""Samples of the kernel's that are played once: the whole of them lies in the engine, so a busy cell harms nothing."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from smallrtc_lab.media.resample import Int16, Resampler, to_int16

from .clock import PlayState
from .sound import CHANNELS, RATE_HZ, Cursor
from .stage import Player, Stage

__all__ = ["SamplesPlayer"]

TAIL_S = 0.1  # the last samples are on their way when the clock is at the end


class SamplesPlayer(Player):
    """Sound of any rate; samples are handed over piece by piece, then :meth:`begin` plays them."""

    def __init__(self, number: int, stage: Stage, sample_rate: int, channels: int) -> None:
        super().__init__(number, stage)
        self._resampler = Resampler(sample_rate, RATE_HZ, channels, CHANNELS)
        self._pieces: list[Int16] = []
        self._samples: Int16 = np.empty((0, CHANNELS), np.int16)
        self._cursor = Cursor()
        self._end: asyncio.TimerHandle | None = None

    async def add(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        """More samples, (n, channels) float32, to be played after those before."""
        loop = asyncio.get_running_loop()
        self._pieces.append(await loop.run_in_executor(self._stage.executor, self._converted, samples))

    def begin(self) -> None:
        """All samples are there: play them."""
        self._pieces.append(to_int16(self._resampler.flush()))
        self._samples = np.concatenate(self._pieces)
        self._pieces.clear()
        self.duration_s = len(self._samples) / RATE_HZ
        self.clock.start(time.monotonic())
        self.become(PlayState.PLAYING)
        self._stage.heard(self, True)
        self._expect_end()

    def pause(self) -> None:
        """Silence; nothing of the sound is lost."""
        super().pause()
        self._expect_end()

    def resume(self) -> None:
        """Go on where it was paused."""
        self._cursor.forget()
        super().resume()
        self._expect_end()

    def seek(self, position_s: float) -> None:
        """Go on from ``position_s`` seconds."""
        running = self.clock.running
        self.clock.move(min(max(0.0, position_s), self.duration_s or 0.0))
        self._cursor.forget()
        if running:
            self.clock.start(time.monotonic())
        self._stage.tell(self)
        self._expect_end()

    def read(self, count: int, now_s: float) -> Int16 | None:
        """See :class:`~.sound.Voice`."""
        if not self.clock.running:
            return None
        at = self._cursor.place(round(self.clock.at(now_s) * RATE_HZ), count)
        samples = self._samples[at : at + count]
        if len(samples) == count:
            return samples
        return np.concatenate((samples, np.zeros((count - len(samples), CHANNELS), np.int16)))

    async def close(self) -> None:
        """Forget the samples."""
        self._expect_end()
        self._samples = self._samples[:0]

    def _converted(self, samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Int16:
        return to_int16(self._resampler.push(samples))

    def _expect_end(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self.state is PlayState.PLAYING:
            left_s = (self.duration_s or 0.0) - self.position_s + TAIL_S
            self._end = asyncio.get_running_loop().call_later(left_s, self._at_end)

    def _at_end(self) -> None:
        self.clock.move(self.duration_s or 0.0)
        self.become(PlayState.ENDED)
