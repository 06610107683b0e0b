"""Written sound that waits to be sent: bounded, gathered a little before it begins, gone at once when cleared."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from smallrtc_lab.errors import StreamTimeout
from smallrtc_lab.media.resample import Int16

from .outgoing import AUDIO_RATE_HZ, SAMPLES

__all__ = ["SoundQueue"]

LEAST_BOUND_S = 0.06


class SoundQueue:
    """Samples (n, channels) int16 at 48 kHz in, frames of 20 ms out; belongs to the media loop.

    A stretch of sound begins when ``gather_s`` of it are there, or that long after its first sample, so that what
    comes in pieces plays without holes; :meth:`finish` ends it. ``tail`` gives what a resampler still holds then,
    ``wake`` is called when there may be something to take. At most twice ``gather_s`` waits here; 0.06 s always may.
    """

    def __init__(
        self, channels: int, *, gather_s: float, tail: Callable[[], Int16], wake: Callable[[], None]
    ) -> None:
        self.epoch = 0  # how often it was cleared: a writer from before writes no more
        self.taken = 0
        self.cleared = 0
        self.closed = False
        self.channels = channels
        self._gather_s = gather_s
        self._tail = tail
        self._wake = wake
        self._bound = round(max(LEAST_BOUND_S, 2 * gather_s) * AUDIO_RATE_HZ)
        self._pieces: deque[Int16] = deque()
        self._level = 0
        self._first_s: float | None = None  # when the stretch that is being gathered began
        self._begun = False
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that wait."""
        return self._level / AUDIO_RATE_HZ

    @property
    def ready(self) -> bool:
        """Whether :meth:`take` gives a frame."""
        return self._level >= SAMPLES and (self._begun or self._may_begin())

    async def room(self, timeout_s: float) -> None:
        """Wait until more may be put; raises :class:`StreamTimeout` when nothing is taken for so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._room.wait()
        except TimeoutError:
            raise StreamTimeout(
                f"the client has taken no sound for {timeout_s:g} s: it is not connected, or its offer has no sound"
            ) from None

    def put(self, samples: Int16) -> None:
        """Add samples; they may exceed the bound by one piece."""
        self._append(samples)
        self._idle.clear()
        if self._level >= self._bound:
            self._room.clear()
        if not self._begun and self._first_s is None:
            self._first_s = time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(self._gather_s, self._wake)
        if self.ready:
            self._wake()

    def take(self) -> Int16 | None:
        """The next 20 ms, (960, channels); None while there are not as many, or more are being gathered."""
        if not self.ready:
            return None
        self._begun = True
        return self._cut()

    def finish(self) -> Int16 | None:
        """Nothing more came in time: the rest of the stretch, filled with silence, or None when there is none."""
        if not (self._begun or self._may_begin()):
            return None
        self._append(self._tail())
        last = self._cut() if self._level else None
        if not self._level:
            self._end_stretch()
        return last

    def clear(self) -> None:
        """Forget what waits."""
        self.epoch += 1
        self.cleared += self._level
        self._pieces.clear()
        self._level = 0
        self._tail()  # what it gives belongs to what was cleared
        self._end_stretch()

    def close(self) -> None:
        """Give nothing more and let every writer go."""
        self.closed = True
        self.clear()

    async def idle(self, timeout_s: float) -> None:
        """Wait until everything was taken; raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            await self._idle.wait()

    def _append(self, samples: Int16) -> None:
        if len(samples):
            self._pieces.append(samples)
            self._level += len(samples)

    def _cut(self) -> Int16:
        out = np.zeros((SAMPLES, self.channels), np.int16)
        filled = 0
        while self._pieces and filled < SAMPLES:
            piece = self._pieces.popleft()
            count = min(len(piece), SAMPLES - filled)
            out[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        self._level -= filled
        self.taken += filled
        if self._level < self._bound:
            self._room.set()
        return out

    def _may_begin(self) -> bool:
        if self._first_s is None:
            return False
        gathered = self._level >= self._gather_s * AUDIO_RATE_HZ
        # A millisecond of tolerance: a timer may fire a moment early.
        return gathered or time.monotonic() - self._first_s >= self._gather_s - 0.001

    def _end_stretch(self) -> None:
        self._begun = False
        self._first_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._room.set()
        self._idle.set()
