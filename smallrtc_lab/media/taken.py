"""The parts of a take, small enough to keep many: pictures encoded as they came, sound as int16 samples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, Gap, TimeKind

from .encoded import TimedPacket
from .encoded_ring import since
from .resample import to_float
from .ring import MissingSamples

__all__ = ["TakenAll", "TakenEvent", "TakenMessage", "TakenPictures", "TakenSound"]


class TakenMessage(NamedTuple):
    """A message of the data channel: ``sender`` is ``"browser"`` or ``"python"``, ``message`` any JSON value."""

    time_s: float
    sender: str
    message: Any


class TakenEvent(NamedTuple):
    """What happened: ``name`` is ``"state"``, ``"problem"``, ``"control"`` or ``"values"``; ``details`` a dict."""

    time_s: float
    name: str
    details: dict[str, Any]


@dataclass(frozen=True, eq=False)
class TakenSound:
    """``samples`` (n, channels) from the session's sample ``position`` on: int16, or float32 for a replay's own.

    ``shifts`` are (position, seconds): from that position on a sample's time is ``position / sample_rate`` plus
    those seconds. ``gaps`` lie within, in samples; what is missing is zero.
    """

    samples: npt.NDArray[Any]
    sample_rate: int
    position: int
    shifts: tuple[tuple[int, float], ...] = ((0, 0.0),)
    gaps: tuple[MissingSamples, ...] = ()
    time_kind: TimeKind = "arrival"

    def shift_at(self, position: float) -> float:
        """As :meth:`SampleAxis.shift_at`."""
        index = bisect_right(self.shifts, position, key=lambda known: known[0])
        return self.shifts[max(0, index - 1)][1]

    @property
    def start_s(self) -> float:
        """Session time of the first sample in seconds."""
        return self.position / self.sample_rate + self.shift_at(self.position)

    @property
    def end_s(self) -> float:
        """Session time behind the last sample in seconds."""
        end = self.position + len(self.samples)
        return end / self.sample_rate + self.shift_at(end)

    def between(self, start_s: float, end_s: float) -> TakenSound:
        """The samples of that time."""
        first, last = (self._place(at_s) for at_s in (start_s, max(start_s, end_s)))
        begin, end = self.position + first, self.position + last
        gaps = ((max(g.position, begin), min(g.position + g.length, end)) for g in self.gaps)
        cut = tuple(MissingSamples(at, stop - at) for at, stop in gaps if at < stop)
        return replace(self, samples=self.samples[first:last].copy(), position=begin, gaps=cut)

    def clip(self, *, shareable: bool = False, publish: Any = None) -> AudioClip:
        """As an :class:`AudioClip` of all channels."""
        shift_s = self.shift_at(self.position)
        rate = self.sample_rate
        return AudioClip(
            to_float(self.samples),
            rate,
            self.position / rate + shift_s,
            tuple(Gap(g.position / rate + shift_s, g.length / rate) for g in self.gaps),
            time_kind=self.time_kind,
            shareable=shareable,
            _publish=publish,
            _shift_s=shift_s,
        )

    def _place(self, at_s: float) -> int:
        """How many samples come before that time."""
        end = self.position + len(self.samples)
        begins = [max(self.position, at) for at, _ in self.shifts]
        for (_, shift_s), first, last in zip(self.shifts, begins, [*begins[1:], end], strict=True):
            place = round((at_s - shift_s) * self.sample_rate)
            if place < last:
                return max(first, place) - self.position
        return len(self.samples)


@dataclass(frozen=True, eq=False)
class TakenPictures:
    """The encoded pictures of one source; the first is a keyframe, and may be older than what was asked for."""

    source: Literal["camera", "screen"]
    packets: tuple[TimedPacket, ...]

    @property
    def size_bytes(self) -> int:
        """What the pictures take."""
        return sum(len(timed.packet.content) for timed in self.packets)

    def count(self, start_s: float) -> int:
        """How many of them are at or after ``start_s``."""
        return sum(timed.time_s >= start_s for timed in self.packets)

    def between(self, start_s: float, end_s: float) -> TakenPictures:
        """Those of that time, and before them what is needed to decode the first."""
        until = tuple(timed for timed in self.packets if timed.time_s <= end_s)
        return replace(self, packets=since(until, start_s))


@dataclass(frozen=True, eq=False, repr=False)
class TakenAll:
    """Everything of some seconds; see :class:`~.take.Take`."""

    start_s: float
    duration_s: float
    messages: tuple[TakenMessage, ...] = ()
    events: tuple[TakenEvent, ...] = ()
    statistics: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(0, [("time_s", float)]))
    shareable: bool = False
    _sound: TakenSound | None = None
    _sources: Mapping[str, TakenPictures] = field(default_factory=dict)
    _publish: Callable[[AudioClip], str] | None = None
