"""What the kernel asked for, handed over by credit; and pictures, which are converted after the drop.

The kernel holds at most ``credits`` items of a subscription at a time and says ``done`` for each. Between two
dones the subscription's queue keeps what comes in: one frame where the newest counts, more where every frame
does. What does not fit is dropped oldest first and counted. Sound is in :mod:`.sound_subscription`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import av

from smallrtc_lab.frames import PixelFormat, TimeKind
from smallrtc_lab.framing import Header
from smallrtc_lab.media.convert import Reformatter, picture_bytes, to_picture
from smallrtc_lab.media.pace import FramePace
from smallrtc_lab.media.streams import BoundedQueue

from .bridge import Bridge
from .stages import Delivered, Stages

__all__ = [
    "Shareable",
    "Subscription",
    "TimedFrame",
    "VideoRequest",
    "VideoSubscription",
    "convert_to_slot",
]

logger = logging.getLogger(__name__)

# So small a picture is converted on the loop, in a quarter of a millisecond: handing it to a thread and back costs
# as much again (hand-over of 640×480 to a callback: median 1.4 ms instead of 1.7, p95 1.6 instead of 2.2).
INLINE_BYTES = 640 * 480 * 3


class Shareable(Protocol):
    """Knows whether what is seen may be saved with the notebook."""

    @property
    def shareable(self) -> bool:
        """False for pictures and sound of a person, unless the person's lab allows it."""


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded picture with its place in the stream.

    ``time_s`` is in seconds of the session, ``decoded_s`` in seconds of :func:`time.monotonic`; when decoded it was
    ``age_s`` old.
    """

    frame: av.VideoFrame
    sequence: int
    time_s: float
    decoded_s: float
    time_kind: TimeKind = "arrival"
    age_s: float = 0.0


@dataclass(frozen=True)
class VideoRequest:
    """What a subscriber of pictures asked for; ``size`` None keeps the size of its first frame."""

    format: PixelFormat = "rgb"
    size: tuple[int, int] | None = None
    native: bool = False
    every: int = 1
    max_rate_hz: float | None = None
    depth: int = 1
    credits: int = 1
    label: str | None = None


class Subscription:
    """A queue whose items are handed over one by one while the other side has credit."""

    def __init__(self, number: int, credit: int, label: str | None) -> None:
        self.number = number
        self.label = label
        self.worker: str | None = None  # of the function in the kernel; None for what a cell reads
        self.delivered = 0
        self.answered_s = 0.0  # when the kernel last answered, in seconds of time.monotonic()
        self._credits = asyncio.Semaphore(credit)
        self.stages = Stages()
        self._unanswered: deque[Delivered] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        """What the kernel never saw because it was busy."""
        raise NotImplementedError

    @property
    def oldest_s(self) -> float | None:
        """When the item was delivered that the kernel has kept longest; None when it keeps none."""
        return self._unanswered[0].at_s if self._unanswered else None

    def done(self, began_s: float | None = None, ran_s: float = 0.0) -> Delivered | None:
        """The kernel is finished with one item, which is returned when a function got it.

        The function began with it at ``began_s`` of ``time.monotonic`` and took ``ran_s``.
        """
        self.answered_s = time.monotonic()
        item = self._unanswered.popleft() if self._unanswered else None
        self._credits.release()
        if item is None or began_s is None:
            return None
        self.stages.finished(item, began_s, ran_s)
        return item

    def _delivering(self, ready_s: float | None = None, age_s: float = 0.0) -> None:
        now_s = time.monotonic()
        self._unanswered.append(Delivered(now_s, now_s if ready_s is None else ready_s, age_s))

    def _start(self, name: str) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def _run(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Stop handing over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class VideoSubscription(Subscription):
    """One subscriber of one source's pictures."""

    def __init__(
        self, number: int, request: VideoRequest, bridge: Bridge, executor: Executor, owner: Shareable
    ) -> None:
        super().__init__(number, request.credits, request.label)
        self.request = request
        self.on_delivery: Callable[[TimedFrame], None] | None = None
        self._owner = owner
        self._bridge = bridge
        self._executor = executor
        self._pace = FramePace(request.every, request.max_rate_hz)
        self._queue: BoundedQueue[TimedFrame] = BoundedQueue(request.depth)
        self._size = request.size
        self._starved = 0
        self._reformatter = Reformatter()
        self._failed = False
        self._start(f"video-subscription-{number}")

    @property
    def dropped(self) -> int:
        """Frames this subscriber never saw because it was busy."""
        return self._queue.dropped + self._starved

    def offer(self, timed: TimedFrame) -> None:
        """A new frame came in."""
        if self._pace.due(timed.time_s):
            self._queue.put(timed)

    async def _run(self) -> None:
        while True:
            await self._credits.acquire()
            timed = await self._queue.get()
            header = await self._converted(timed.frame)
            if header is None:
                self._starved += 1
                self._credits.release()
                continue
            header |= {
                "sequence": timed.sequence,
                "time_s": timed.time_s,
                "time_kind": timed.time_kind,
                "decoded_s": timed.decoded_s,
                "dropped": self.dropped,
                "shareable": self._owner.shareable,
            }
            if self.on_delivery is not None:
                self.on_delivery(timed)
            self.delivered += 1
            self._delivering(timed.decoded_s, timed.age_s)
            self._bridge.deliver(self.number, header)

    async def _converted(self, frame: av.VideoFrame) -> Header | None:
        """The frame in a slot; None when every slot is with the kernel, which will say so by its dones."""
        try:
            return await convert_to_slot(
                frame,
                self.request.format,
                self._target(frame),
                self._bridge,
                self._executor,
                self._reformatter,
            )
        except Exception:  # border: a picture that cannot be converted must not end the subscription
            if not self._failed:
                logger.exception("a picture could not be converted; more of them are only counted")
            self._failed = True
            return None

    def _target(self, frame: av.VideoFrame) -> tuple[int, int]:
        if self.request.native:
            return frame.width, frame.height
        if self._size is None:
            self._size = (frame.width, frame.height)
        return self._size


async def convert_to_slot(
    frame: av.VideoFrame,
    picture_format: PixelFormat,
    size: tuple[int, int],
    bridge: Bridge,
    executor: Executor,
    reformatter: Reformatter | None = None,
) -> Header | None:
    """Convert a frame straight into shared memory; None when no slot is free."""
    width, height = size
    slot = bridge.pool.acquire(picture_bytes(width, height, picture_format))
    if slot is None:
        return None
    ref, memory = slot
    try:
        if ref.used <= INLINE_BYTES:
            to_picture(frame, picture_format, size, memory, reformatter=reformatter)
        else:
            conversion = asyncio.get_running_loop().run_in_executor(
                executor, lambda: to_picture(frame, picture_format, size, memory, reformatter=reformatter)
            )
            await asyncio.shield(conversion)
    except asyncio.CancelledError:  # the thread still writes: the slot is free only after that
        conversion.add_done_callback(lambda _: bridge.pool.release(ref))
        raise
    except BaseException:
        bridge.pool.release(ref)
        raise
    return {"slot": list(ref), "width": width, "height": height, "format": picture_format}
