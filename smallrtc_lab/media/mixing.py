"""Sound of many added up, once for all who listen: each hears the sum without its own part.

Blocks are 20 ms at 48 kHz and are numbered; each is added up when it is first asked for. Everything here is NumPy and
counts samples; it knows neither time nor threads.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .resample import Int16

__all__ = ["BLOCK", "CHANNELS", "Int32", "Mix", "MixedBlock", "VoiceQueue"]

BLOCK = 960  # 20 ms at 48 kHz
CHANNELS = 2
KEPT = 25  # blocks, for those who listen a little later than others
WATCHED = 50  # blocks: what stands in a queue for so long is delay and nothing else

Int32: TypeAlias = npt.NDArray[np.int32]


class VoiceQueue:
    """Samples of one voice, (n, 2) int16 at 48 kHz, until their block is added up.

    A stretch begins when ``gather`` samples are there, or have had that long to come, so that jitter makes no holes.
    ``ran_dry`` counts the ends of stretches, ``taken`` and ``dropped`` samples: what is above ``most``, and what stood
    in the queue for a whole second.
    """

    def __init__(self, gather: int, most: int) -> None:
        self.ran_dry = self.taken = self.dropped = self.level = 0
        self._gather = gather
        self._most = max(most, gather + 2 * BLOCK)
        self._pieces: deque[Int16] = deque()
        self._begun = False
        self._waited = 0  # samples' time since the first of a stretch that is being gathered
        self._lowest = self._most
        self._watched = 0

    def put(self, samples: Int16) -> None:
        """Add samples; the oldest are dropped when there are too many."""
        if not len(samples):
            return
        self._pieces.append(samples)
        self.level += len(samples)
        if self.level > self._most:
            self.drop(self.level - self._gather)

    def take(self) -> Int16 | None:
        """The next block, (960, 2), its end filled with silence if need be; None for a silent one."""
        if not self._begun and not self._may_begin():
            return None
        self._begun = self.level >= BLOCK
        if not self._begun:
            self.ran_dry += 1
            self._waited = 0
        block = self._cut() if self.level else None
        self._watch()
        return block

    def drop(self, count: int) -> None:
        """Forget so many of the oldest samples, as far as there are any."""
        count = min(count, self.level)
        self.level -= count
        self.dropped += count
        while count:
            piece = self._pieces.popleft()
            if len(piece) > count:
                self._pieces.appendleft(piece[count:])
            count = max(0, count - len(piece))

    def skip(self, blocks: int) -> None:
        """That many blocks were not asked for: their sound is old, but for what is being gathered."""
        self.drop(min(blocks * BLOCK, max(0, self.level - self._gather)))

    def _may_begin(self) -> bool:
        if not self.level:
            return False
        self._waited += BLOCK
        return self.level >= self._gather or self._waited > self._gather

    def _cut(self) -> Int16:
        block = np.zeros((BLOCK, CHANNELS), np.int16)
        filled = 0
        while self._pieces and filled < BLOCK:
            piece = self._pieces.popleft()
            count = min(len(piece), BLOCK - filled)
            block[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        self.level -= filled
        self.taken += filled
        return block

    def _watch(self) -> None:
        self._lowest = min(self._lowest, self.level)
        self._watched += 1
        if self._watched >= WATCHED or not self._begun:
            self.drop(max(0, self._lowest - self._gather) // BLOCK * BLOCK)
            self._lowest, self._watched = self._most, 0


@dataclass(frozen=True, slots=True)
class MixedBlock:
    """``total`` (960, 2) is the sum of ``parts``, which leave out who is silent."""

    total: Int32
    parts: Mapping[VoiceQueue, Int16] = field(default_factory=dict)

    def without(self, voice: VoiceQueue | None) -> Int32:
        """What ``voice`` hears, (960, 2): the others. Exactly, for whole numbers are taken away from whole numbers."""
        own = None if voice is None else self.parts.get(voice)
        return self.total if own is None else self.total - own


class Mix:
    """Voices, and the blocks of their sum."""

    def __init__(self) -> None:
        self.voices: list[VoiceQueue] = []
        self.blocks_mixed = 0
        self._blocks: OrderedDict[int, MixedBlock] = OrderedDict()
        self._newest = -1

    def block(self, number: int) -> MixedBlock:
        """Block ``number``, added up when it is first asked for; silence where that is long ago."""
        if number <= self._newest:
            return self._blocks.get(number, _SILENCE)
        if number > self._newest + 1:
            for voice in self.voices:
                voice.skip(number - self._newest - 1)
        self._newest = number
        block = self._blocks[number] = self._add_up()
        if len(self._blocks) > KEPT:
            self._blocks.popitem(last=False)
        return block

    def _add_up(self) -> MixedBlock:
        self.blocks_mixed += 1
        parts = {voice: part for voice in self.voices if (part := voice.take()) is not None}
        total = np.zeros((BLOCK, CHANNELS), np.int32)
        for part in parts.values():
            total += part
        return MixedBlock(total, parts)


_SILENCE = MixedBlock(np.zeros((BLOCK, CHANNELS), np.int32))
