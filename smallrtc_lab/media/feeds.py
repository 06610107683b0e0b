"""The items that functions get of replayed material: the same pictures and blocks, cut and converted as live."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, Gap, VideoFrame

from .blocks import Block, BlockCutter
from .convert import Reformatter, to_picture
from .material import Material, Shown
from .pace import FramePace
from .resample import FILTER_TAPS
from .taken import TakenSound

__all__ = ["PictureFeed", "SoundFeed", "SoundPiece", "Step", "steps"]

_PIECE_S = 0.02  # as sound comes live


class SoundPiece(NamedTuple):
    """(n, channels) samples of a stretch without a gap, the first at ``position``."""

    samples: npt.NDArray[Any]
    position: int


class Step(NamedTuple):
    """What comes at ``time_s``: a picture of ``source``, or (then "sound") a piece of sound."""

    time_s: float
    source: str
    what: Shown | SoundPiece


def steps(material: Material) -> Iterator[Step]:
    """Everything in the order in which it would come live: a piece of sound when its last sample is there."""
    streams = [_pictures(source, begin) for source, begin in sorted(material.pictures.items())]
    if material.sound is not None:
        streams.append(_pieces(material.sound))
    return heapq.merge(*streams, key=lambda step: step.time_s)


class PictureFeed:
    """The frames of one function, by its ``format``, ``size``, ``native``, ``max_rate_hz`` and ``every``."""

    def __init__(self, request: Mapping[str, Any], material: Material, publish: Callable[..., str]) -> None:
        self.source: Any = request.get("source", "camera")
        self._format = request.get("format", "rgb")
        self._native = bool(request.get("native"))
        size = request.get("size")
        self._size: tuple[int, int] | None = None if size is None else (size[0], size[1])
        self._pace = FramePace(request.get("every", 1), request.get("max_rate_hz"))
        self._reformatter = Reformatter()
        self._shareable = material.shareable
        self._publish = publish

    def take(self, shown: Shown) -> VideoFrame | None:
        """The frame for the function, whose array is its own, or None when this picture is not due."""
        if not self._pace.due(shown.time_s):
            return None
        frame = shown.frame
        if self._size is None and not self._native:
            self._size = (frame.width, frame.height)
        return VideoFrame(
            image=to_picture(frame, self._format, self._size, reformatter=self._reformatter).copy(),
            time_s=shown.time_s,
            source=self.source,
            sequence=shown.sequence,
            format=self._format,
            time_kind=shown.time_kind,
            shareable=self._shareable,
            _publish=self._publish,
        )


class SoundFeed:
    """The blocks of one function, by its ``block``, ``hop``, ``sample_rate`` and ``channels``."""

    def __init__(self, request: Mapping[str, Any], material: Material, publish: Callable[..., str]) -> None:
        assert material.sound is not None
        self._sound = material.sound
        self._shareable = material.shareable
        self._publish = publish
        self._end = self._sound.position + len(self._sound.samples)
        self._cutter = BlockCutter(
            in_rate=self._sound.sample_rate,
            in_channels=self._sound.samples.shape[1],
            out_rate=request["sample_rate"],
            out_channels=request["channels"],
            block=request["block"],
            hop=request["hop"],
        )

    def take(self, piece: SoundPiece) -> Iterator[AudioClip]:
        """The blocks that are complete with this piece."""
        return map(self._clip, self._cutter.push(piece.samples, piece.position))

    def rest(self) -> Iterator[AudioClip]:
        """The blocks that end with the material: silence pushes them through the resampler."""
        cutter = self._cutter
        if cutter.in_rate == cutter.out_rate:
            return
        reach = 2 * FILTER_TAPS * (1 + max(cutter.in_rate, cutter.out_rate) // cutter.out_rate)
        silence = np.zeros((reach, self._sound.samples.shape[1]), self._sound.samples.dtype)
        end_s = self._end / cutter.in_rate + 0.5 / cutter.out_rate
        for block in cutter.push(silence, self._end):
            if block.start_s + cutter.block_s <= end_s:
                yield self._clip(block)

    def _clip(self, block: Block) -> AudioClip:
        shift_s = self._sound.shift_at(round(block.start_s * self._cutter.in_rate))
        return AudioClip(
            block.samples,
            self._cutter.out_rate,
            block.start_s + shift_s,
            tuple(Gap(start_s + shift_s, duration_s) for start_s, duration_s in block.gaps),
            time_kind=self._sound.time_kind,
            shareable=self._shareable,
            _publish=self._publish,
            _shift_s=shift_s,
        )


def _pictures(source: str, begin: Callable[[], Iterator[Shown]]) -> Iterator[Step]:
    for shown in begin():
        yield Step(shown.time_s, source, shown)


def _pieces(sound: TakenSound) -> Iterator[Step]:
    """20 ms each, cut where a gap is."""
    piece = max(1, round(_PIECE_S * sound.sample_rate))
    for first, last in _stretches(sound):
        for at in range(first, last, piece):
            stop = min(at + piece, last)
            samples = sound.samples[at - sound.position : stop - sound.position]
            time_s = stop / sound.sample_rate + sound.shift_at(stop)
            yield Step(time_s, "sound", SoundPiece(samples, at))


def _stretches(sound: TakenSound) -> Iterator[tuple[int, int]]:
    """(begin, end) positions of what is there between the gaps."""
    at, end = sound.position, sound.position + len(sound.samples)
    for gap in sorted(sound.gaps):
        if gap.position > at:
            yield at, gap.position
        at = max(at, gap.position + gap.length)
    if at < end:
        yield at, end
