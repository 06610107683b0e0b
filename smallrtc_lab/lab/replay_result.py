"""What came out of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, Gap, PixelFormat, VideoClip

__all__ = ["Failure", "Replay", "joined_pictures", "joined_sound"]


class Failure(NamedTuple):
    """What a function raised for the item of that time."""

    time_s: float
    error: BaseException


@dataclass(frozen=True, eq=False)
class Replay:
    """What each function returned, in order.

    ``video`` and ``audio`` are what would have been seen and heard: the results of ``on_video`` and ``on_audio``, and
    the original where there was none; None without such a function. ``results`` and ``times_s`` are by the
    function's name: what it returned for each item (None also where it failed), and the item's session time.
    ``errors`` has the names of functions that failed, with a ``(time_s, error)`` for each time.
    """

    results: dict[str, list[Any]] = field(default_factory=dict)
    times_s: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    errors: dict[str, list[Failure]] = field(default_factory=dict)
    video: VideoClip | None = None
    audio: AudioClip | None = None

    def __repr__(self) -> str:
        calls = ", ".join(f"{name} {len(results)} times" for name, results in self.results.items())
        failed = sum(map(len, self.errors.values()))
        return f"Replay({calls or 'no function is registered'}{f'; {failed} errors' if failed else ''})"


def joined_pictures(
    shown: Sequence[tuple[float, npt.NDArray[np.uint8]]],
    format: PixelFormat,
    source: Literal["camera", "screen"],
) -> VideoClip | None:
    """The pictures that were shown at those times as a clip of the first one's size and of one format."""
    if not shown:
        return None
    from smallrtc_lab.media.replayed import same_size

    images = [image for _, image in shown]
    gray = all(image.ndim == 2 for image in images)
    times_s = np.array([time_s for time_s, _ in shown])
    return VideoClip(same_size(images, gray), times_s, "gray" if gray else format, source)


def joined_sound(heard: Sequence[tuple[AudioClip, npt.NDArray[np.float32]]]) -> AudioClip | None:
    """What was heard, for these blocks, as one clip: each result stands for its block's last samples."""
    if not heard:
        return None
    (first, head), last = heard[0], heard[-1][0]
    rate = first.sample_rate
    begin = _place(first, len(head))
    samples = np.zeros((_place(last, 0) - begin, max(part.shape[1] for _, part in heard)), np.float32)
    for clip, part in heard:
        at = _place(clip, len(part)) - begin
        samples[at : at + len(part)] = part
    shift_s = first._shift_s
    gaps = dict.fromkeys(
        Gap(round(gap.start_s - clip._shift_s + shift_s, 6), gap.duration_s)
        for clip, _ in heard
        for gap in clip.gaps
    )
    return AudioClip(
        samples,
        rate,
        first.start_s + (len(first) - len(head)) / rate,
        tuple(gaps),
        time_kind=first.time_kind,
        shareable=first.shareable,
        _publish=first._publish,
        _shift_s=shift_s,
    )


def _place(clip: AudioClip, before_end: int) -> int:
    """The position, by the count of samples, of what is so many samples before the end of a block."""
    return round((clip.start_s - clip._shift_s) * clip.sample_rate) + len(clip) - before_end
