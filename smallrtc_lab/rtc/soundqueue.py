"""Written sound that waits to be played: bounded, gathered a little before it begins, gone at once when cleared."""

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
    """The source of an :class:`OutputAudioTrack`: (n, channels) int16 at 48 kHz, on the media loop.

    A stretch of sound begins when ``gather_s`` of it are there, or that long after its first sample, so that what
    comes in pieces plays without holes. It ends when the queue runs dry. Between stretches there is silence, or, with
    ``silence`` False, nothing. ``tail`` gives what a resampler still holds when a stretch ends, ``wake`` is called when
    there is something to play again. At most twice ``gather_s`` waits here, but 0.06 s
    always may.
    """

    def __init__(
        self,
        channels: int,
        *,
        gather_s: float,
        silence: bool,
        tail: Callable[[], Int16],
        wake: Callable[[], None],
    ) -> None:
        self.epoch = 0  # how often it was cleared: a writer from before writes no more
        self.played = 0
        self.cleared = 0
        self.closed = False
        self._channels = channels
        self._gather_s = gather_s
        self._silence = silence
        self._tail = tail
        self._wake = wake
        self._bound = round(max(LEAST_BOUND_S, 2 * gather_s) * AUDIO_RATE_HZ)
        self._pieces: deque[Int16] = deque()
        self._level = 0
        self._first_s: float | None = None  # when the stretch that is being gathered began
        self._playing = False
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that wait."""
        return self._level / AUDIO_RATE_HZ

    async def room(self, timeout_s: float) -> None:
        """Wait until more may be put; raises :class:`StreamTimeout` when nothing is played for so long."""
        try:
            await asyncio.wait_for(self._room.wait(), timeout_s)
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
        if not self._playing:
            self._gather()

    def clear(self) -> None:
        """Forget what waits; the next read is silence."""
        self.epoch += 1
        self.cleared += self._level
        self._pieces.clear()
        self._level = 0
        self._tail()  # what it gives belongs to what was cleared
        self._end_stretch()

    def close(self) -> None:
        """Play no more and let every writer go."""
        self.closed = True
        self.clear()

    async def idle(self, timeout_s: float) -> None:
        """Wait until everything was played; raises ``TimeoutError``."""
        await asyncio.wait_for(self._idle.wait(), timeout_s)

    def read(self, n_samples: int, /) -> Int16 | None:
        """See :class:`~.outgoing.AudioPull`."""
        if n_samples != SAMPLES:
            return (
                None  # the track leaves out the time of a stall; what was written is played later, not lost
            )
        if not self._playing and not self._may_begin():
            return self._nothing()
        self._playing = True
        if self._level < SAMPLES:
            self._append(self._tail())
        if not self._level:
            self._end_stretch()
            return self._nothing()
        return self._take()

    def _append(self, samples: Int16) -> None:
        if len(samples):
            self._pieces.append(samples)
            self._level += len(samples)

    def _take(self) -> Int16:
        out = np.zeros((SAMPLES, self._channels), np.int16)
        filled = 0
        while self._pieces and filled < SAMPLES:
            piece = self._pieces.popleft()
            taken = min(len(piece), SAMPLES - filled)
            out[filled : filled + taken] = piece[:taken]
            filled += taken
            if taken < len(piece):
                self._pieces.appendleft(piece[taken:])
        self._level -= filled
        self.played += filled
        if self._level < self._bound:
            self._room.set()
        return out

    def _gather(self) -> None:
        if self._first_s is None:
            self._first_s = time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(self._gather_s, self._wake)
        if self._may_begin():
            self._wake()

    def _may_begin(self) -> bool:
        if self._first_s is None:
            return False
        gathered = self._level >= min(self._gather_s * AUDIO_RATE_HZ, self._bound)
        # A millisecond of tolerance: a timer may fire a moment early.
        return gathered or time.monotonic() - self._first_s >= self._gather_s - 0.001

    def _end_stretch(self) -> None:
        self._playing = False
        self._first_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._room.set()
        self._idle.set()

    def _nothing(self) -> Int16 | None:
        return np.zeros((SAMPLES, self._channels), np.int16) if self._silence else None
