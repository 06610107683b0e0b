"""Kept pictures decoded: one after the other, or as one array."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from smallrtc_lab.frames import Picture, PixelFormat, VideoClip
from smallrtc_lab.processors.quota import codec_threads

from .convert import Reformatter, to_picture
from .encoded import TimedPacket
from .picture import picture_bytes
from .taken import TakenPictures

__all__ = ["MOST_BYTES", "clip_of", "decoded", "require_room"]

MOST_BYTES = 2**30  # of one array: 36 s of 640×480 at 30 a second, a quarter of that of 1280×720
_DECODERS = {
    "VP8": "libvpx",
    "H264": "h264",
    "JPEG": "mjpeg",
}  # those that decode live pictures, too: the same pixels
_MOST_PIXELS = 8192 * 8192


def decoded(packets: tuple[TimedPacket, ...]) -> Iterator[tuple[TimedPacket, av.VideoFrame]]:
    """Each picture that can be decoded, in order. What a decoder refuses is left out, as it was live."""
    chain: tuple[int, str] | None = None
    decoder: av.VideoCodecContext | None = None
    for index, timed in enumerate(packets):
        if (timed.epoch, timed.packet.codec) != chain:
            yield from _rest(decoder, packets)
            chain = (timed.epoch, timed.packet.codec)
            decoder = _decoder(timed.packet.codec)
        if decoder is not None and timed.packet.content:  # nothing at all would mean the end
            yield from _frames(decoder, index, packets)
    yield from _rest(decoder, packets)


def clip_of(
    pictures: TakenPictures,
    start_s: float,
    *,
    every: int = 1,
    width: int | None = None,
    format: PixelFormat = "rgb",
    most_bytes: int = MOST_BYTES,
) -> VideoClip:
    """The pictures from ``start_s`` on, each ``every``-th, as one array; all of the size of the first.

    ``width`` in pixels scales them. Raises ``ValueError``, which says how to ask for less, where the array were
    larger than ``most_bytes``.
    """
    wanted = -(-pictures.count(start_s) // every)
    images: Picture | None = None
    times_s = np.zeros(wanted)
    size, count, reformatter = (0, 0), 0, Reformatter()
    visible = (pair for pair in decoded(pictures.packets) if pair[0].time_s >= start_s)
    for number, (timed, frame) in enumerate(visible):
        if number % every:
            continue
        if images is None:
            size = _scaled(frame, width)
            require_room(wanted, size, format, most_bytes)
            shape = (size[1], size[0]) if format == "gray" else (size[1], size[0], 3)
            images = np.empty((wanted, *shape), np.uint8)
        to_picture(frame, format, size, images[count], reformatter=reformatter)
        times_s[count] = timed.time_s
        count += 1
    if images is None:
        images = np.empty((0, 0, 0) if format == "gray" else (0, 0, 0, 3), np.uint8)
    if count < wanted:  # some could not be decoded
        images, times_s = images[:count].copy(), times_s[:count].copy()
    return VideoClip(images, times_s, format, pictures.source)


def require_room(
    count: int, size: tuple[int, int], format: PixelFormat, most_bytes: int = MOST_BYTES
) -> None:
    """Raise ``ValueError`` when so many pictures of (width, height) are more than one array may take."""
    needed = count * picture_bytes(*size, format)
    if needed <= most_bytes:
        return
    factor = needed / most_bytes
    narrower = int(size[0] / factor**0.5) // 16 * 16
    raise ValueError(
        f"{count} pictures of {size[0]}×{size[1]} would be an array of {needed / 1e9:.1f} GB, and "
        f"{most_bytes / 1e9:.1f} GB is the most. Ask for fewer seconds, or for less of them: "
        f"every={int(-(-factor // 1))} takes each {_ordinal(int(-(-factor // 1)))} picture, width={narrower} makes "
        f'them smaller, format="gray" a third.'
    )


def _decoder(codec: str) -> av.VideoCodecContext | None:
    name = _DECODERS.get(codec)
    if name is None:
        return None
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.options = {"max_pixels": str(_MOST_PIXELS)}
    context.thread_count = codec_threads()
    return context


def _frames(
    decoder: av.VideoCodecContext, index: int, packets: tuple[TimedPacket, ...]
) -> Iterator[tuple[TimedPacket, av.VideoFrame]]:
    packet = av.Packet(packets[index].packet.content)
    packet.pts = index  # tells which packet a frame was made of, however late it comes out
    try:
        frames = decoder.decode(packet)
    except av.error.FFmpegError:
        return
    yield from _told_apart(frames, packets)


def _rest(
    decoder: av.VideoCodecContext | None, packets: tuple[TimedPacket, ...]
) -> Iterator[tuple[TimedPacket, av.VideoFrame]]:
    """What a decoder that reorders still holds."""
    if decoder is None:
        return
    try:
        frames = decoder.decode(None)
    except av.error.FFmpegError:
        return
    yield from _told_apart(frames, packets)


def _told_apart(
    frames: list[av.VideoFrame], packets: tuple[TimedPacket, ...]
) -> Iterator[tuple[TimedPacket, av.VideoFrame]]:
    for frame in frames:
        if frame.pts is not None and 0 <= frame.pts < len(packets):
            yield packets[frame.pts], frame


def _scaled(frame: av.VideoFrame, width: int | None) -> tuple[int, int]:
    if width is None:
        return frame.width, frame.height
    return width, max(2, round(frame.height * width / frame.width))


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
