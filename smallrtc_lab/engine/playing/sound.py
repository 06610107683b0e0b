"""Sound that Python plays by itself: any number of voices, added up over what callbacks or programs send.

The sum is limited in level, and where no voice sounds what lies beneath passes as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from smallrtc_lab.media.limiter import Limiter
from smallrtc_lab.media.mixing import Int32
from smallrtc_lab.media.resample import Int16
from smallrtc_lab.rtc.tracks import AudioPull, OutputAudioTrack

__all__ = ["Cursor", "SoundStage", "Voice"]

RATE_HZ = 48_000
CHANNELS = 2
TOLERANCE = RATE_HZ * 60 // 1000  # samples by which the order of reading may differ from the clock


class Voice(Protocol):
    """Somebody who is heard."""

    def read(self, count: int, now_s: float, /) -> Int16 | None:
        """The ``count`` samples (count, 2) that are due at ``now_s``; None while there is nothing to hear."""


class Cursor:
    """Which samples come next: gapless one after the other, but at the clock's place after a pause or a jump."""

    def __init__(self) -> None:
        self._next: int | None = None

    def place(self, due: int, count: int) -> int:
        """The first of ``count`` samples, when by the clock sample ``due`` has its turn."""
        at = self._next
        if at is None or abs(due - at) > TOLERANCE:
            at = due
        self._next = at + count
        return at

    def forget(self) -> None:
        """The clock was moved."""
        self._next = None


class SoundStage:
    """The voices of one session. On the engine's loop."""

    def __init__(self) -> None:
        self.voices: list[Voice] = []
        self._limiter = Limiter()
        self._resume: Callable[[], None] = lambda: None

    @property
    def limited(self) -> int:
        """Blocks that were turned down."""
        return self._limiter.limited

    def follow(self, track: OutputAudioTrack) -> None:
        """The track whose source is asked for the voices from now on."""
        self._resume = track.resume

    def has(self, voice: object) -> bool:
        """Whether somebody is heard."""
        return any(one is voice for one in self.voices)

    def add(self, voice: Voice) -> None:
        """Somebody begins."""
        self.voices.append(voice)
        self.wake()

    def remove(self, voice: Voice) -> None:
        """Somebody has ended."""
        self.voices[:] = [one for one in self.voices if one is not voice]

    def wake(self) -> None:
        """There may be something to hear again."""
        self._resume()

    def over(self, below: AudioPull) -> AudioPull:
        """``below`` and the voices over it."""
        return _Over(self, below)

    def sum(self, count: int) -> Int32 | None:
        """The voices' next ``count`` samples, (count, 2), of any loudness; None while all are silent."""
        now_s = time.monotonic()
        total: Int32 | None = None
        for voice in tuple(self.voices):
            samples = voice.read(count, now_s)
            if samples is None:
                continue
            if total is None:
                total = np.zeros((count, CHANNELS), np.int32)
            total += samples
        return total

    def limit(self, samples: Int32) -> Int16:
        """Within full scale."""
        return self._limiter.process(samples)


class _Over:
    def __init__(self, stage: SoundStage, below: AudioPull) -> None:
        self._stage = stage
        self._below = below

    def read(self, n_samples: int, /) -> Int16 | None:
        beneath = self._below.read(n_samples)
        total = self._stage.sum(n_samples)
        if total is None:
            return beneath
        if beneath is not None:
            total += beneath
        return self._stage.limit(total)
