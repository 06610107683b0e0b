"""Pictures between decoder, NumPy and encoder, at the speed of swscale.

Colours follow ITU-R BT.601 with video range (16..235) on the YUV side, as WebRTC's codecs do, unless the
frame says otherwise, and full range (0..255) on the array side. Gray is the luma plane stretched to full
range; it never passes through RGB.

A :class:`~av.video.reformatter.VideoReformatter` keeps swscale's tables: give one to calls that convert
the same kind of frame again and again (it is not thread-safe, and one is needed for each size and format).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from smallrtc_lab.frames import Picture, PixelFormat

from .picture import check_format, check_picture, picture_bytes, picture_shape

__all__ = ["Reformatter", "from_picture", "picture_bytes", "to_picture"]

Reformatter: TypeAlias = VideoReformatter

_AV_FORMATS = {"rgb": "rgb24", "bgr": "bgr24", "gray": "gray"}
# Chroma is the mean of its 2×2 pixels: no bleeding over edges that lie on even columns (mean error 1.2 levels on
# coloured blocks, against 5.1). From BGR swscale has a short cut that darkens by 2.5 levels; exact rounding avoids it.
_TO_YUV = {
    "rgb24": Interpolation.AREA,
    "bgr24": Interpolation.AREA | Interpolation.ACCURATE_RND,
    "gray": Interpolation.POINT,
}


def to_picture(
    frame: av.VideoFrame,
    format: PixelFormat,
    size: tuple[int, int] | None = None,
    out: Picture | memoryview | None = None,
    *,
    reformatter: VideoReformatter | None = None,
) -> Picture:
    """The pixels of ``frame`` as uint8 (H, W, 3), or (H, W) for ``"gray"``; C-contiguous and writable.

    ``size`` is (width, height) in pixels, the frame's own when None. With ``out``, a writable contiguous
    buffer of at least :func:`picture_bytes`, the pixels are written to its beginning and the result is a
    view of it; else the result is private. Raises ``ValueError`` when ``out`` is too small or read-only.
    """
    check_format(format)
    width, height = size or (frame.width, frame.height)
    target = None if out is None else _view_of(out, width, height, format)
    if reformatter is None:
        reformatter = VideoReformatter()
    # One thread: at 720p swscale's own threads win a tenth of a millisecond and cost half as much CPU again.
    converted = reformatter.reformat(frame, width, height, _AV_FORMATS[format], threads=1)
    pixels = _pixels(converted, format)
    if target is not None:
        target[...] = pixels
        return target
    if converted is frame or not pixels.flags.c_contiguous:
        return pixels.copy()
    return pixels


def from_picture(
    image: Any, format: PixelFormat = "rgb", *, reformatter: VideoReformatter | None = None
) -> av.VideoFrame:
    """``image`` as a yuv420p frame for an encoder; BT.601, video range.

    ``image`` is uint8 or bool; (H, W) is gray whatever ``format`` says, (H, W, 3) is BGR for ``"bgr"`` and
    else RGB. Any strides will do. An odd width or height loses its last column or row, for 4:2:0 chroma
    needs even ones; a single row or column is doubled instead. Raises as
    :func:`~smallrtc_lab.media.picture.check_picture` does.
    """
    check_format(format)
    pixels = _even(check_picture(image))
    av_format = "gray" if pixels.ndim == 2 else "bgr24" if format == "bgr" else "rgb24"
    source = av.VideoFrame.from_numpy_buffer(_with_whole_rows(pixels), format=av_format)
    if reformatter is None:
        reformatter = VideoReformatter()
    return reformatter.reformat(
        source,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.MPEG,
        interpolation=_TO_YUV[av_format],
        threads=1,
    )


def _pixels(frame: av.VideoFrame, format: PixelFormat) -> Picture:
    """A view of a packed frame's pixels without the padding at the end of its lines."""
    plane = frame.planes[0]
    lines: Picture = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    row_bytes = picture_bytes(frame.width, 1, format)
    return lines[: frame.height, :row_bytes].reshape(picture_shape(frame.width, frame.height, format))


def _view_of(out: Picture | memoryview, width: int, height: int, format: PixelFormat) -> Picture:
    needed = picture_bytes(width, height, format)
    got = out.nbytes
    if got < needed:
        raise ValueError(f"out has {got} bytes; {width}×{height} {format} needs {needed}")
    view = np.frombuffer(out, np.uint8, count=needed)
    if not view.flags.writeable:
        raise ValueError("out is read-only; pass a writable buffer")
    return view.reshape(picture_shape(width, height, format))


def _even(pixels: Picture) -> Picture:
    for axis in (0, 1):
        length = pixels.shape[axis]
        if length == 1:
            pixels = np.repeat(pixels, 2, axis=axis)
        elif length % 2:
            pixels = pixels[:-1] if axis == 0 else pixels[:, :-1]
    return pixels


def _with_whole_rows(pixels: Picture) -> Picture:
    """``pixels`` themselves where swscale can read them in place: packed rows, from top to bottom."""
    row = pixels[0]
    in_place = row.flags.c_contiguous and pixels.strides[0] >= row.nbytes and pixels.flags.writeable
    return pixels if in_place else np.ascontiguousarray(pixels)
