"""What a program reads from a client: endless iterators, each with a bounded queue of its own."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.errors import ClosedError, StreamTimeout
from smallrtc_lab.frames import AudioClip, Gap, PixelFormat, TimeKind, VideoFrame
from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.blocks import Block, BlockCutter
from smallrtc_lab.media.convert import Reformatter, to_picture
from smallrtc_lab.media.streams import BoundedQueue, LatestSlot

from .pace import Pace

__all__ = [
    "AudioStream",
    "InputStream",
    "MessageStream",
    "PictureSourceName",
    "SoundPacket",
    "TimedPicture",
    "VideoStream",
]

logger = logging.getLogger(__name__)

PictureSourceName: TypeAlias = Literal["camera", "screen"]
R = TypeVar("R")
T = TypeVar("T")

STANDING_S = 1.0
STANDING_LEAST_S = 0.04
MESSAGES_BOUND = 1000
INLINE_PIXELS = 640 * 480  # handing over a smaller picture to a thread costs as much as converting it


class TimedPicture(NamedTuple):
    """A decoded picture with its place in the stream; ``time_s`` in seconds of the session."""

    frame: av.VideoFrame
    sequence: int
    time_s: float
    kind: TimeKind


class SoundPacket(NamedTuple):
    """``samples`` (n, channels) int16 at ``rate`` Hz, from ``position`` on, counted in samples.

    ``axis`` knows the session's time of each position.
    """

    samples: npt.NDArray[np.int16]
    rate: int
    position: int
    axis: SampleAxis


class InputStream(Generic[R, T]):
    """``async for`` over what a client sends, until the connection closes; then ``end_reason`` says why.

    ``dropped`` counts what came and was not read in time. An iterator that nobody holds any more gets nothing, so
    leaving the loop is enough. With ``timeout_s`` a silence of that length raises :class:`StreamTimeout`.
    """

    keeps_rest = False  # whether what waits when the connection closes can still be read

    def __init__(self, name: str, queue: BoundedQueue[R], timeout_s: float | None) -> None:
        self.name = name
        self.end_reason: str | None = None
        self._queue = queue
        self._timeout_s = timeout_s

    @property
    def dropped(self) -> int:
        """How many items this reader never got because it was busy."""
        return self._queue.dropped

    def __aiter__(self) -> InputStream[R, T]:
        return self

    async def __anext__(self) -> T:
        try:
            item = await self._next()
        except ClosedError:
            raise StopAsyncIteration from None
        finished = await self._finish(item)
        if self.end_reason is not None and not (self.keeps_rest and len(self._queue)):
            self._queue.close()
            if not self.keeps_rest:
                raise StopAsyncIteration  # it ended while this was made ready: nobody is there any more
        return finished

    def close(self) -> None:
        """Read no more; what waits is dropped."""
        self.end("closed by its reader")
        self._queue.close()

    def end(self, reason: str) -> None:
        """Nothing more will come."""
        if self.end_reason is None:
            self.end_reason = reason
            logger.info("no more %s: %s", self.name, reason)
        if not (self.keeps_rest and len(self._queue)):
            self._queue.close()

    async def _next(self) -> R:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._queue.get()
        except TimeoutError:
            raise StreamTimeout(
                f"no {self.name} came for {self._timeout_s:g} s: does the client send any?"
            ) from None

    async def _finish(self, item: R) -> T:
        raise NotImplementedError


class VideoStream(InputStream[TimedPicture, VideoFrame]):
    """The newest picture of a camera or a screen each time one is asked for."""

    def __init__(
        self,
        source: PictureSourceName,
        format: PixelFormat,
        max_rate_hz: float | None,
        timeout_s: float | None,
    ) -> None:
        super().__init__(f"pictures of the {source}", LatestSlot(), timeout_s)
        self.source = source
        self._format = format
        self._pace = Pace(max_rate_hz)
        self._reformatter = Reformatter()

    def limit(self, max_rate_hz: float | None) -> None:
        """Take at most so many a second from now on."""
        self._pace = Pace(max_rate_hz)

    def offer(self, picture: TimedPicture) -> None:
        """A picture came in; called by the transport."""
        if self._pace.due(picture.time_s):
            self._queue.put(picture)

    async def _finish(self, item: TimedPicture) -> VideoFrame:
        frame = item.frame
        if frame.width * frame.height <= INLINE_PIXELS:
            image = to_picture(frame, self._format, reformatter=self._reformatter)
        else:
            image = await self._in_a_thread(frame)
        return VideoFrame(image, item.time_s, self.source, item.sequence, self._format, item.kind)

    async def _in_a_thread(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        reformatter = self._reformatter
        try:
            return await asyncio.to_thread(to_picture, frame, self._format, reformatter=reformatter)
        except asyncio.CancelledError:
            self._reformatter = Reformatter()  # the thread still works with the other one
            raise


class AudioStream(InputStream[AudioClip, AudioClip]):
    """Blocks of sound, gapless: what was lost on the way is silence in a marked gap.

    A reader that is as fast as the sound, but no faster, such as an echo, would keep for ever what piled up while its
    program stood still. So what waits for a whole second without end (compare RFC 8289, CoDel) is dropped, and counted.
    """

    def __init__(
        self, sample_rate: int, channels: int, *, block_ms: float, bound_s: float, timeout_s: float | None
    ) -> None:
        bound = max(2, round(bound_s * 1000 / block_ms))
        super().__init__("sound", BoundedQueue(bound), timeout_s)
        self.sample_rate = sample_rate
        self.channels = channels
        self._block = max(1, round(sample_rate * block_ms / 1000))
        self._cutter: BlockCutter | None = None
        self._format = (0, 0)
        self._block_s = self._block / sample_rate
        self._taken = 0
        self._least_waiting = 0  # in the second of now
        self._told = 0  # dropped blocks that were marked as a gap already

    def begin(self) -> None:
        """Another track: positions begin anew. Called by the transport."""
        self._cutter = None

    def offer(self, packet: SoundPacket) -> None:
        """Sound came in; called by the transport."""
        for block in self._cutter_for(packet).push(packet.samples, packet.position):
            self._queue.put(self._clip(block, packet))

    def _cutter_for(self, packet: SoundPacket) -> BlockCutter:
        form = (packet.rate, packet.samples.shape[1])
        if self._cutter is None or form != self._format:
            self._format = form
            self._cutter = BlockCutter(
                in_rate=packet.rate,
                in_channels=form[1],
                out_rate=self.sample_rate,
                out_channels=self.channels,
                block=self._block,
            )
        return self._cutter

    def _clip(self, block: Block, packet: SoundPacket) -> AudioClip:
        shift_s = packet.axis.shift_at(round(block.start_s * packet.rate))
        gaps = tuple(Gap(start_s + shift_s, length_s) for start_s, length_s in block.gaps)
        return AudioClip(block.samples, self.sample_rate, block.start_s + shift_s, gaps, packet.axis.kind)

    async def _finish(self, item: AudioClip) -> AudioClip:
        lost, self._told = self.dropped - self._told, self.dropped
        self._drop_what_stands()  # which lies behind this one
        if not lost:
            return item
        lost_s = lost * self._block_s
        return replace(item, gaps=(Gap(item.start_s - lost_s, lost_s), *item.gaps))

    def _drop_what_stands(self) -> None:
        self._least_waiting = min(self._least_waiting, len(self._queue))
        self._taken += 1
        if self._taken * self._block_s < STANDING_S:
            return
        if self._least_waiting * self._block_s > STANDING_LEAST_S:
            for _ in range(self._least_waiting):
                self._queue.get_nowait()
            self._queue.dropped += self._least_waiting
        self._taken, self._least_waiting = 0, len(self._queue)


class MessageStream(InputStream[tuple[Any], Any]):
    """The client's messages, in order; those that came before it left are all there."""

    keeps_rest = True

    def __init__(self, timeout_s: float | None) -> None:
        super().__init__("messages", BoundedQueue(MESSAGES_BOUND), timeout_s)

    def offer(self, message: Any) -> None:
        """A message came; called by the transport."""
        if len(self._queue) == MESSAGES_BOUND:
            logger.warning("a message of the client was dropped: its reader does not keep up")
        self._queue.put((message,))

    async def _finish(self, item: tuple[Any]) -> Any:
        return item[0]
