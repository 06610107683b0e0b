"""The queue between the media loop and one decoder thread, bounded in a way a decoder can live with.

A picture that is left out breaks every one after it up to the next keyframe, so an overfull video queue
drops *until a keyframe* and says that one is wanted. Overfull is not a matter of number alone: a dozen pictures that
come at once, behind a packet that was lost and sent again, are decoded in no time; a decoder that is too slow is known
by the age of what waits. Sound has no such chain: the oldest packet goes.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any

__all__ = ["DecoderQueue"]

LATE_S = 0.27  # eight pictures of thirty a second


class DecoderQueue:
    """At most ``limit`` encoded frames between ``put`` (media loop) and ``get`` (decoder thread).

    Pictures wait for ``late_s`` seconds at most when the next one is put.
    """

    def __init__(self, *, video: bool, limit: int, late_s: float = LATE_S) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._put_s: deque[float] = (
            deque()
        )  # of those that wait, and of one more for a moment; a deque needs no lock
        self._video = video
        self._limit = limit
        self._late_s = late_s
        self._ended = False
        self.wants_keyframe = False
        self.dropped = 0

    def get(self) -> Any:
        """Wait for the next item; None means the end. Called by the decoder thread alone."""
        item = self._items.get()
        if self._put_s:
            self._put_s.popleft()
        return item

    def put(self, item: Any, *, keyframe: bool = True) -> None:
        """Add an encoded frame, or None to end the decoder as soon as its current frame is done."""
        if self._ended:
            return
        if item is None:
            self._end()
        elif self._video:
            self._put_video(item, keyframe)
        else:
            self._put_audio(item)

    @property
    def ended(self) -> bool:
        """Whether the end was put: nothing more is taken."""
        return self._ended

    def qsize(self) -> int:
        """How many frames wait."""
        return self._items.qsize()

    def _put_video(self, item: Any, keyframe: bool) -> None:
        if self._items.qsize() >= self._limit or self._waits_too_long():
            self.wants_keyframe = True
        elif keyframe:
            self.wants_keyframe = False
        if self.wants_keyframe:
            self.dropped += 1
            return
        self._put_s.append(time.monotonic())
        self._items.put(item)

    def _waits_too_long(self) -> bool:
        try:
            return time.monotonic() - self._put_s[0] > self._late_s
        except IndexError:
            return False

    def _put_audio(self, item: Any) -> None:
        if self._items.qsize() >= self._limit:
            self.dropped += self._discard_one()
        self._items.put(item)

    def _end(self) -> None:
        # What waits is not decoded any more: whoever joins the thread waits for one frame at the most.
        self._ended = True
        while self._discard_one():
            self.dropped += 1
        self._items.put(None)

    def _discard_one(self) -> int:
        try:
            self._items.get_nowait()
        except queue.Empty:
            return 0
        return 1
