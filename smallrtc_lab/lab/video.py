"""``lab.video`` and ``lab.screen``: pictures as arrays."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from smallrtc_lab.frames import PixelFormat, VideoClip, VideoFrame
from smallrtc_lab.framing import Header

from .access import Access
from .cell import progress
from .keeping import last_pictures
from .options import checks_keywords, whole
from .pulling import Puller

__all__ = ["Size", "VideoFrames", "VideoStream", "video_request"]

Size: TypeAlias = tuple[int, int] | Literal["native"] | None
_FORMATS = ("rgb", "bgr", "gray")
_GRAB_CREDITS = 6
_GRAB_DEPTH = 64
_LARGEST = 8192  # pixels across or down


class VideoFrames(Puller[VideoFrame]):
    """Newest frames, one each time the loop asks; what came in between is dropped (``.dropped``)."""

    source = "camera"

    def _item(self, header: Header, payload: bytes) -> VideoFrame:
        return self._access.frame(header, self.source)


@checks_keywords
class VideoStream:
    """The pictures of one source.

    >>> frame = lab.video.latest()          # newest picture
    >>> shots = lab.video.grab(50)          # 50 pictures in a row
    >>> for frame in lab.video.frames(): ...
    """

    def __init__(self, access: Access, source: Literal["camera", "screen"]) -> None:
        self._access = access
        self.source = source

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the browser granted (W3C ``MediaTrackSettings``), None before it did."""
        kind = "video" if self.source == "camera" else "screen"
        settings: dict[str, Any] | None = self._access.mirror.settings.get(kind)
        return settings

    def latest(self, *, format: PixelFormat = "rgb", size: Size = None) -> VideoFrame:
        """The newest picture; ``size`` is (width, height) when it is to be scaled.

        Works also right after a long computation: the engine answers, and it kept receiving. Raises
        :class:`NotLiveError` before the first picture.

        >>> lab.video.latest(format="gray", size=(320, 240)).image.shape
        (240, 320)
        """
        request = video_request(format, size)
        header = self._access.call("latest", source=self.source, format=format, size=request["size"])
        try:
            return self._access.frame(header, self.source)
        finally:
            self._access.client.free(header)

    def last(
        self, seconds: float, *, every: int = 1, width: int | None = None, format: PixelFormat = "rgb"
    ) -> VideoClip:
        """The pictures of the last ``seconds``, each ``every``-th, as one array; what there is when that is less.

        They were kept as they came and are decoded now, so it takes a moment; ``width`` in pixels makes them smaller.
        All have the size of the first. Raises :class:`NotLiveError` before the first picture, ``ValueError`` when
        the array were larger than 1 GB.

        >>> lab.video.last(2, every=2, width=320).images.shape
        (30, 240, 320, 3)
        """
        return last_pictures(self._access, self.source, seconds, every, width, format)

    def frames(
        self,
        *,
        timeout_s: float = 5.0,
        format: PixelFormat = "rgb",
        size: Size = None,
        max_rate_hz: float | None = None,
    ) -> VideoFrames:
        """Iterate over the newest frames; ``timeout_s`` is the longest gap, then :class:`StreamTimeout`.

        All have the size of the first, unless ``size`` is (width, height), or "native": each its own.

        >>> for frame in lab.video.frames(max_rate_hz=10):
        ...     if frame.image.mean() > 100: break
        """
        request = video_request(format, size, max_rate_hz) | {"source": self.source}
        frames = VideoFrames(self._access, "video", timeout_s, **request)
        frames.source = self.source
        return frames

    def grab(
        self,
        count: int,
        *,
        every: int = 1,
        format: PixelFormat = "rgb",
        size: Size = None,
        timeout_s: float = 5.0,
    ) -> VideoClip:
        """The next ``count`` pictures, each ``every``-th, as one array; blocks until they are there.

        All are scaled to the size of the first; with ``size="native"`` another size raises :class:`ValueError`.

        >>> lab.video.grab(50, every=2).images.shape
        (50, 480, 640, 3)
        """
        count, every = whole("count", count), whole("every", every)
        if count < 1 or every < 1:
            raise ValueError(f"count and every are at least 1, not {count} and {every}")
        request = video_request(format, size) | {"source": self.source, "every": every}
        images: np.ndarray[Any, np.dtype[np.uint8]] | None = None
        times_s = np.zeros(count)
        with (
            VideoFrames(
                self._access, "video", timeout_s, depth=_GRAB_DEPTH, credits=_GRAB_CREDITS, **request
            ) as frames,
            progress(f"grabbing {count} pictures") as show,
        ):
            for index in range(count):
                frame = next(frames)
                if images is None:
                    images = np.empty((count, *frame.image.shape), np.uint8)
                _require_same_size(frame, images)
                images[index] = frame.image
                times_s[index] = frame.time_s
                show((index + 1) / count)
        assert images is not None
        return VideoClip(images, times_s, format, self.source)


def video_request(picture_format: str, size: Size, max_rate_hz: float | None = None) -> dict[str, Any]:
    """A subscription's format, size and rate, checked."""
    if picture_format not in _FORMATS:
        raise ValueError(f"format is one of {', '.join(_FORMATS)}, not {picture_format!r}")
    request: dict[str, Any] = {"format": picture_format, "size": None}
    if max_rate_hz is not None:
        if not max_rate_hz > 0:
            raise ValueError(f"max_rate_hz is positive, not {max_rate_hz!r}")
        request["max_rate_hz"] = float(max_rate_hz)
    if isinstance(size, str) and size == "native":
        return request | {"native": True}
    return request if size is None else request | {"size": _pixels(size)}


def _pixels(size: Any) -> list[int]:
    refusal = f'size is (width, height) in pixels or "native", not {size!r}'
    try:
        width, height = (whole("size", n) for n in size)
    except (TypeError, ValueError):
        raise ValueError(refusal) from None
    if not 2 <= min(width, height) <= max(width, height) <= _LARGEST:
        raise ValueError(f"{refusal}; each is 2 to {_LARGEST}")
    return [width, height]


def _require_same_size(frame: VideoFrame, images: np.ndarray[Any, Any]) -> None:
    height, width = images.shape[1:3]
    if (frame.width, frame.height) != (width, height):
        raise ValueError(
            f"a picture of {frame.width}×{frame.height} came after those of {width}×{height}, and one array has one "
            'size: leave out size="native", or read lab.video.frames(size="native")'
        )
