"""``lab.video`` and ``lab.screen``: pictures as arrays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from smallrtc_lab.frames import PixelFormat, VideoClip, VideoFrame
from smallrtc_lab.framing import Header

from .access import Access
from .cell import progress
from .pulling import Puller

__all__ = ["VideoFrames", "VideoStream", "video_request"]

Size = tuple[int, int] | Literal["native"] | None
_FORMATS = ("rgb", "bgr", "gray")
_GRAB_CREDITS = 6
_GRAB_DEPTH = 64


class VideoFrames(Puller[VideoFrame]):
    """Newest frames, one each time the loop asks; what came in between is dropped (``.dropped``)."""

    source = "camera"

    def _item(self, header: Header, payload: bytes) -> VideoFrame:
        return self._access.frame(header, self.source)


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

    def latest(self, *, format: PixelFormat = "rgb", size: tuple[int, int] | None = None) -> VideoFrame:
        """The newest picture; ``size`` is (width, height) when it is to be scaled.

        Works also right after a long computation: the engine answers, and it kept receiving. Raises
        :class:`NotLiveError` before the first picture.
        """
        request = video_request(format, size)
        header = self._access.call("latest", source=self.source, format=format, size=request["size"])
        try:
            return self._access.frame(header, self.source)
        finally:
            self._access.client.free(header)

    def frames(
        self,
        *,
        timeout_s: float = 5.0,
        format: PixelFormat = "rgb",
        size: Size = None,
        max_rate_hz: float | None = None,
    ) -> VideoFrames:
        """Iterate over the newest frames; ``timeout_s`` is the longest gap, then :class:`StreamTimeout`."""
        request = video_request(format, size) | {"source": self.source, "max_rate_hz": max_rate_hz}
        frames = VideoFrames(self._access, "video", timeout_s, **request)
        frames.source = self.source
        return frames

    def grab(
        self,
        count: int,
        *,
        every: int = 1,
        format: PixelFormat = "rgb",
        size: tuple[int, int] | None = None,
        timeout_s: float = 5.0,
    ) -> VideoClip:
        """The next ``count`` pictures, each ``every``-th, as one array; blocks until they are there."""
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
                images[index] = frame.image
                times_s[index] = frame.time_s
                show((index + 1) / count)
        assert images is not None
        return VideoClip(images, times_s, format, self.source)


def video_request(picture_format: str, size: Size) -> dict[str, Any]:
    """A subscription's format and size, checked."""
    if picture_format not in _FORMATS:
        raise ValueError(f"format is one of {', '.join(_FORMATS)}, not {picture_format!r}")
    if size == "native":
        return {"format": picture_format, "native": True, "size": None}
    if size is not None and (len(size) != 2 or min(size) < 2):
        raise ValueError(f"size is (width, height) in pixels, not {size!r}")
    return {"format": picture_format, "size": None if size is None else [int(size[0]), int(size[1])]}
