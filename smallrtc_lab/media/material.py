"""What can be replayed: a take, arrays, clips, or a file. Always the same pictures and samples, at the same times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, TimeKind, VideoClip
from smallrtc_lab.processors.quota import codec_threads

from .encoded import TimedPacket
from .picture import check_picture
from .resample import to_float
from .ring import MissingSamples
from .take import Take
from .take_pictures import decoded
from .taken import TakenSound

__all__ = ["Material", "Shown", "of_arrays", "of_file", "of_take"]

_MOST_SOUND_BYTES = 2**30


class Shown(NamedTuple):
    """A picture of a source and its place; ``packet`` is what it was decoded from, where that is known."""

    frame: av.VideoFrame
    time_s: float
    sequence: int
    time_kind: TimeKind = "capture"
    packet: TimedPacket | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """``pictures`` gives, by source, an iterator over its pictures; each call begins anew."""

    start_s: float
    duration_s: float
    pictures: Mapping[str, Callable[[], Iterator[Shown]]] = field(default_factory=dict)
    sound: TakenSound | None = None
    shareable: bool = False


def of_take(take: Take) -> Material:
    """Everything in a take; sequence numbers count from its first picture."""
    sources = {
        source: lambda packets=pictures.packets: _of_packets(packets, take.start_s)
        for source, pictures in take._sources.items()
    }
    return Material(take.start_s, take.duration_s, sources, take._sound, take.shareable)


def of_arrays(
    video: npt.NDArray[Any] | VideoClip | None,
    frame_rate: float,
    sound: npt.NDArray[Any] | AudioClip | None,
    sample_rate: int,
) -> Material:
    """Pictures (n, H, W, 3) RGB or (n, H, W) uint8 and samples (n,) or (n, channels), both from time 0 on.

    Clips keep their own times, rates and format. Raises ``TypeError`` and ``ValueError`` for other arrays.
    """
    taken = None if sound is None else _taken(sound, sample_rate)
    clip = None if video is None else _clip(video, frame_rate)
    begins, ends = [], []
    if clip is not None and len(clip):
        begins.append(float(clip.times_s[0]))
        ends.append(float(clip.times_s[-1]) + _interval_s(clip, frame_rate))
    if taken is not None:
        begins.append(taken.start_s)
        ends.append(taken.end_s)
    start_s = min(begins, default=0.0)
    shareable = isinstance(sound, AudioClip) and sound.shareable and video is None
    pictures: dict[str, Callable[[], Iterator[Shown]]] = {}
    if clip is not None:
        pictures[clip.source] = lambda: _of_clip(clip)
    return Material(start_s, max(ends, default=start_s) - start_s, pictures, taken, shareable)


def of_file(path: Path) -> Material:
    """The first picture stream and the first sound of any file that can be read; times from its beginning.

    Raises ``FileNotFoundError``, and ``ValueError`` with a sentence for what is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with av.open(str(path), "r") as media:
            if not media.streams.video and not media.streams.audio:
                raise ValueError(f"{path} holds neither pictures nor sound")
            has_video = bool(media.streams.video)
            sound = _sound_of(media) if media.streams.audio else None
            length_s = 0.0 if media.duration is None else media.duration / av.time_base
    except av.error.FFmpegError as error:
        raise ValueError(f"{path} cannot be read as video or sound: {error.strerror}") from None
    length_s = max(length_s, 0.0 if sound is None else sound.end_s)
    return Material(0.0, length_s, {"camera": lambda: _of_file(path)} if has_video else {}, sound)


def _of_packets(packets: tuple[TimedPacket, ...], start_s: float) -> Iterator[Shown]:
    visible = ((timed, frame) for timed, frame in decoded(packets) if timed.time_s >= start_s)
    for sequence, (timed, frame) in enumerate(visible):
        yield Shown(frame, timed.time_s, sequence, timed.time_kind, timed)


def _of_clip(clip: VideoClip) -> Iterator[Shown]:
    av_format = {"rgb": "rgb24", "bgr": "bgr24", "gray": "gray"}[clip.format]
    for sequence, (image, time_s) in enumerate(zip(clip.images, clip.times_s, strict=True)):
        yield Shown(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), av_format), float(time_s), sequence
        )


def _of_file(path: Path) -> Iterator[Shown]:
    with av.open(str(path), "r") as media:
        stream = media.streams.video[0]
        stream.codec_context.thread_count = codec_threads()
        begin_s = _begin_s(media)
        last_s = float("-inf")
        for sequence, frame in enumerate(media.decode(stream)):
            time_s = last_s if frame.time is None else frame.time - begin_s
            last_s = max(time_s, last_s + 1e-6)  # a damaged file may turn back
            yield Shown(frame, last_s, sequence)


def _begin_s(media: av.container.InputContainer) -> float:
    return 0.0 if media.start_time is None else media.start_time / av.time_base


def _sound_of(media: av.container.InputContainer) -> TakenSound:
    stream = media.streams.audio[0]
    channels = min(2, stream.codec_context.channels)
    resampler = av.AudioResampler(
        "flt", "mono" if channels == 1 else "stereo", stream.codec_context.sample_rate
    )
    blocks: list[npt.NDArray[np.float32]] = []
    first_s, size = 0.0, 0
    for frame in media.decode(stream):
        if not blocks and frame.time is not None:
            first_s = max(0.0, frame.time - _begin_s(media))
        for piece in resampler.resample(frame):
            blocks.append(piece.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False))
            size += blocks[-1].nbytes
        if size > _MOST_SOUND_BYTES:
            raise ValueError("its sound is more than 1 GB: cut the file first")
    rate = stream.codec_context.sample_rate
    samples = np.concatenate(blocks) if blocks else np.zeros((0, channels), np.float32)
    return TakenSound(samples, rate, round(first_s * rate), time_kind="capture")


def _clip(video: npt.NDArray[Any] | VideoClip, frame_rate: float) -> VideoClip:
    if isinstance(video, VideoClip):
        return video
    if not frame_rate > 0:
        raise ValueError(f"frame_rate is positive, not {frame_rate!r}")
    if video.ndim not in (3, 4) or (video.ndim == 4 and video.shape[3] != 3):
        raise ValueError(f"pictures are (n, H, W, 3) or (n, H, W), got {video.shape}")
    if len(video):
        check_picture(video[0])
    images = video.astype(np.uint8) * 255 if video.dtype == bool else video
    return VideoClip(images, np.arange(len(video)) / frame_rate, "rgb" if video.ndim == 4 else "gray")


def _interval_s(clip: VideoClip, frame_rate: float) -> float:
    return float(clip.times_s[-1] - clip.times_s[-2]) if len(clip) > 1 else 1.0 / frame_rate


def _taken(sound: npt.NDArray[Any] | AudioClip, sample_rate: int) -> TakenSound:
    if isinstance(sound, AudioClip):
        rate, shift_s = sound.sample_rate, sound._shift_s
        position = round((sound.start_s - shift_s) * rate)
        exact_s = sound.start_s - position / rate  # the whole of it, so that times stay what they were
        gaps = tuple(
            MissingSamples(round((gap.start_s - exact_s) * rate), round(gap.duration_s * rate))
            for gap in sound.gaps
        )
        return TakenSound(sound.samples, rate, position, ((position, exact_s),), gaps, sound.time_kind)
    if not 4000 <= sample_rate <= 192000:
        raise ValueError(f"sample_rate is 4000 to 192000 Hz, not {sample_rate!r}")
    samples = to_float(sound)
    if samples.shape[1] > 2:
        hint = "; transpose it?" if samples.shape[0] <= 2 else ""
        raise ValueError(f"sound has one or two channels, got {np.asarray(sound).shape}{hint}")
    return TakenSound(samples, int(sample_rate), 0, time_kind="capture")
