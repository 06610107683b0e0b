"""Sound that the kernel asked for: blocks of one kind, handed over by credit, up to five seconds of them waiting."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from smallrtc_lab.framing import Header
from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.blocks import Block, BlockCutter
from smallrtc_lab.media.streams import BoundedQueue

from .bridge import Bridge
from .subscriptions import Shareable, Subscription

__all__ = ["AudioSubscription"]

AUDIO_BOUND_S = 5.0
AUDIO_BOUND_BYTES = 16_000_000  # blocks that overlap hold the same sound again and again


class AudioSubscription(Subscription):
    """One subscriber of the sound: blocks of one length, rate and channel count, without a gap that is hidden."""

    def __init__(
        self,
        number: int,
        cutter: BlockCutter,
        bridge: Bridge,
        owner: Shareable,
        *,
        credits: int,
        label: str | None,
        axis: SampleAxis,
    ) -> None:
        super().__init__(number, credits, label)
        self._owner = owner
        self._axis = axis
        self._cutter = cutter
        self._bridge = bridge
        self._queue: BoundedQueue[tuple[Block, float]] = BoundedQueue(
            _bound(cutter)
        )  # and when it was complete
        self._lost = 0
        self._start(f"audio-subscription-{number}")

    @property
    def dropped(self) -> int:
        """Blocks this subscriber never got because it was busy for longer than the bound."""
        return self._queue.dropped

    @property
    def hop_s(self) -> float:
        """From the beginning of a block to that of the next, in seconds: as much sound comes back for each."""
        return self._cutter.hop_s

    def offer(self, samples: npt.NDArray[np.int16], position: int) -> None:
        """Sound came in: (n, channels) int16 at the stream's rate, at a position in the session."""
        for block in self._cutter.push(samples, position):
            self._queue.put((block, time.monotonic()))

    async def _run(self) -> None:
        while True:
            await self._credits.acquire()
            block, ready_s = await self._queue.get()
            self._delivering(ready_s, 0.0)
            self._bridge.deliver(self.number, self._header(block), block.samples.tobytes())
            self.delivered += 1

    def _header(self, block: Block) -> Header:
        gaps = list(block.gaps)
        lost, self._lost = self.dropped - self._lost, self.dropped
        if lost:
            # Blocks that overlap hold much of what those before them held: missing is what no block had.
            missing_s = (lost + 1) * self.hop_s - self._cutter.block_s
            if missing_s > 0:
                gaps.insert(0, (block.start_s - missing_s, missing_s))
        return {
            "sample_rate": self._cutter.out_rate,
            "channels": block.samples.shape[1],
            "start_s": block.start_s,
            "shift_s": self._axis.shift_at(round(block.start_s * self._cutter.in_rate)),
            "time_kind": self._axis.kind,
            "gaps": gaps,
            "dropped": self.dropped,
            "shareable": self._owner.shareable,
        }


def _bound(cutter: BlockCutter) -> int:
    """How many blocks may wait."""
    block_bytes = cutter.block * cutter.out_channels * np.dtype(np.float32).itemsize
    return max(2, min(round(AUDIO_BOUND_S / cutter.hop_s), AUDIO_BOUND_BYTES // block_bytes))
