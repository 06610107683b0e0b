"""Pictures of a broadcast: the newest is encoded once for each codec and size that somebody reads."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

import av
import numpy as np

from .accept import WrittenPicture
from .encoders import make_picture_encoder
from .outgoing import VIDEO_TIME_BASE
from .packetqueue import PacketQueue
from .writers import PictureConverter

__all__ = ["PictureLane", "Size"]

logger = logging.getLogger(__name__)

Size: TypeAlias = tuple[int, int]

QUEUE_PICTURES = 30
KEYFRAME_INTERVAL_S = 0.3  # a keyframe is for all: more of them cost everybody's bitrate
STILL_S = 0.1  # no new picture for so long: the last one is shown again to who needs a keyframe
JUMP_S = 1.0  # written times that leave the present by more than that are another story's


class _Shown(NamedTuple):
    picture: WrittenPicture
    time_s: float  # of time.monotonic()


class _Rendition:
    """One codec and size: its encoder and its readers."""

    def __init__(self, codec: str | None, size: Size | None, bitrate_bps: int) -> None:
        self.queues: list[PacketQueue] = []
        self.keyframe_wanted = False
        self.keyframe_s = float("-inf")
        self._encoder = make_picture_encoder(codec, bitrate_bps)
        self._size = size
        self._converters: dict[Size, PictureConverter] = {}
        self._pts = -1
        self.encoded = self.keyframes = 0

    @property
    def read(self) -> bool:
        return any(queue.reading for queue in self.queues)

    def keyframe_in_s(self, now_s: float) -> float:
        """How long to wait until another keyframe may be made."""
        return max(0.0, self.keyframe_s + KEYFRAME_INTERVAL_S - now_s)

    def show(self, shown: _Shown) -> None:
        now_s = time.monotonic()
        keyframe = self.keyframe_wanted and self.keyframe_in_s(now_s) == 0.0
        piece = self._encoder.encode(self._frame(shown), keyframe=keyframe)
        if piece is None:
            return
        self.encoded += 1
        if piece.keyframe:
            self.keyframe_wanted, self.keyframe_s = False, now_s
            self.keyframes += 1
        for queue in tuple(self.queues):
            queue.put(piece)

    def _frame(self, shown: _Shown) -> av.VideoFrame:
        """The picture as yuv420p of an even size, in memory that nobody else has."""
        image = shown.picture.image
        width, height = self._size or (
            (image.width, image.height) if isinstance(image, av.VideoFrame) else image.shape[1::-1]
        )
        size = (width & ~1, height & ~1)
        if size not in self._converters:
            self._converters = {size: PictureConverter(size)}
        frame = self._converters[size].convert(shown.picture)
        if frame is image:
            frame = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
        self._pts = frame.pts = max(self._pts + 1, round(shown.time_s / VIDEO_TIME_BASE))
        frame.time_base = VIDEO_TIME_BASE
        return frame


class PictureLane:
    """Takes pictures from any thread, encodes on a thread of its own, hands packets to any loop."""

    def __init__(self, bitrate_bps: int) -> None:
        self._bitrate_bps = bitrate_bps
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "smallrtc broadcast video")
        self._renditions: dict[tuple[str | None, Size | None], _Rendition] = {}
        self._next: _Shown | None = None  # what waits for the encoder
        self._last: _Shown | None = None
        self._submitted_s = 0.0
        self._working = False
        self._shift_s: float | None = None  # from written times to time.monotonic()
        self._failure: Exception | None = None
        self._gone = {"encoded": 0, "keyframes": 0, "dropped": 0}
        self.put_count = self.replaced = 0
        self.closed = False

    def put(self, picture: WrittenPicture) -> None:
        """Show a picture from now on; raises what the encoder raised for an earlier one."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        image = picture.image
        if isinstance(image, np.ndarray):
            picture = picture._replace(image=image.copy())
        with self._lock:
            if self.closed:
                return
            self.put_count += 1
            self.replaced += self._next is not None
            self._submit(_Shown(picture, self._placed(picture)))

    def subscribe(self, codec: str | None, size: Size | None) -> PacketQueue:
        """A queue for one connection; raises ``ValueError`` for a codec that there is no encoder for."""
        queue = PacketQueue(QUEUE_PICTURES, lambda: self.ask_keyframe(queue))
        with self._lock:
            rendition = self._renditions.get((codec, size))
            if rendition is None:
                rendition = self._renditions[codec, size] = _Rendition(codec, size, self._bitrate_bps)
            rendition.queues = [*rendition.queues, queue]
        return queue

    def unsubscribe(self, queue: PacketQueue) -> None:
        """The connection reads no more."""
        queue.close()
        with self._lock:
            for key, rendition in list(self._renditions.items()):
                if queue in rendition.queues:
                    rendition.queues = [other for other in rendition.queues if other is not queue]
                    self._gone["dropped"] += queue.dropped
                    if not rendition.queues:
                        self._gone["encoded"] += rendition.encoded
                        self._gone["keyframes"] += rendition.keyframes
                        del self._renditions[key]

    def ask_keyframe(self, queue: PacketQueue) -> None:
        """One of the next pictures is to be a keyframe, for all; called on the reader's loop.

        Where none comes by itself, the last one is shown again.
        """
        with self._lock:
            for rendition in self._renditions.values():
                if queue in rendition.queues:
                    rendition.keyframe_wanted = True
                    soon_s = max(STILL_S, rendition.keyframe_in_s(time.monotonic()))
                    asyncio.get_running_loop().call_later(soon_s, self._show_again)

    def stats(self) -> dict[str, int]:
        """Counts since the beginning; encoders and tracks are those of now."""
        with self._lock:
            now = list(self._renditions.values())
            queues = [queue for rendition in now for queue in rendition.queues]
            return {
                "put": self.put_count,
                "replaced": self.replaced,
                "encoded": self._gone["encoded"] + sum(one.encoded for one in now),
                "keyframes": self._gone["keyframes"] + sum(one.keyframes for one in now),
                "encoders": sum(one.read for one in now),
                "tracks": len(queues),
                "dropped": self._gone["dropped"] + sum(queue.dropped for queue in queues),
            }

    def close(self) -> None:
        """Encode no more; every reader is told."""
        with self._lock:
            self.closed = True
            queues = [queue for rendition in self._renditions.values() for queue in rendition.queues]
        for queue in queues:
            self.unsubscribe(queue)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _show_again(self) -> None:
        with self._lock:
            wanted = any(one.keyframe_wanted and one.read for one in self._renditions.values())
            if not wanted or self._last is None or self.closed:
                return
            now_s = time.monotonic()
            if now_s - self._submitted_s >= STILL_S:
                self._submit(self._last._replace(time_s=now_s))
            else:
                asyncio.get_running_loop().call_later(STILL_S, self._show_again)

    def _submit(self, shown: _Shown) -> None:
        self._next = self._last = shown
        self._submitted_s = time.monotonic()
        if not self._working:
            self._working = True
            self._thread.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                shown, self._next = self._next, None
                renditions = [one for one in self._renditions.values() if one.read]
                if shown is None:
                    self._working = False
                    return
            try:
                for rendition in renditions:
                    rendition.show(shown)
            except Exception as error:  # border: the next put() raises it where it is seen
                logger.exception("a picture could not be encoded")
                self._failure = error

    def _placed(self, picture: WrittenPicture) -> float:
        """The moment it is shown: as even as the source's times, and near the present."""
        now_s, time_s, image = time.monotonic(), picture.time_s, picture.image
        if isinstance(image, av.VideoFrame) and image.pts is not None and image.time_base is not None:
            time_s = float(image.pts * image.time_base)
        if time_s is None:
            return now_s
        if self._shift_s is None or abs(time_s + self._shift_s - now_s) > JUMP_S:
            self._shift_s = now_s - time_s
        return time_s + self._shift_s
