"""The last seconds of a picture stream as they came: encoded, a hundredth of what arrays would take.

A picture that is no keyframe needs all those before it up to one, so pictures are kept and forgotten in *groups*,
each from one keyframe to the next. Nothing is decoded here.
"""

from __future__ import annotations

from collections import deque
from itertools import dropwhile

from smallrtc_lab.frames import TimeKind

from .encoded import TimedPacket

__all__ = ["EncodedRing", "since"]

_SMALLEST_STEP_S = 1e-6
_CORRECTABLE = 128  # a decoder is never further behind than that: four seconds


class _Kept:
    """A packet, and whether its time is that of its decoded picture already."""

    __slots__ = ("known", "timed")

    def __init__(self, timed: TimedPacket) -> None:
        self.timed = timed
        self.known = False


class _Group:
    """A keyframe and the pictures that follow it."""

    __slots__ = ("items", "size_bytes")

    def __init__(self) -> None:
        self.items: list[_Kept] = []
        self.size_bytes = 0

    def append(self, timed: TimedPacket) -> None:
        self.items.append(_Kept(timed))
        self.size_bytes += len(timed.packet.content)


class EncodedRing:
    """At least the last ``seconds``, from a keyframe on, in at most ``most_bytes``. Belongs to one thread.

    ``left_out`` counts pictures that nobody could decode, for no keyframe came before them. A single group that
    is larger than the bound is forgotten; then, too, nothing is kept before the next keyframe.
    """

    def __init__(self, seconds: float, most_bytes: int) -> None:
        if seconds <= 0 or most_bytes < 1:
            raise ValueError("a ring keeps some seconds and some bytes")
        self.seconds = seconds
        self.most_bytes = most_bytes
        self.size_bytes = 0
        self.left_out = 0
        self.keyframe_s: float | None = None  # arrival of the newest keyframe
        self._groups: deque[_Group] = deque()
        self._chain: tuple[int, str] | None = None  # epoch and codec of what can be continued

    @property
    def wants_keyframe(self) -> bool:
        """Whether what comes next can be kept only after a keyframe."""
        return self._chain is None

    @property
    def kept_s(self) -> float:
        """From the arrival of the oldest picture to that of the newest, in seconds."""
        if not self._groups:
            return 0.0
        return self._groups[-1].items[-1].timed.arrival_s - self._groups[0].items[0].timed.arrival_s

    def __len__(self) -> int:
        return sum(len(group.items) for group in self._groups)

    def add(self, timed: TimedPacket) -> None:
        """The next picture of the stream, in decoding order."""
        chain = (timed.epoch, timed.packet.codec)
        if timed.packet.keyframe:
            self._groups.append(_Group())
            self._chain, self.keyframe_s = chain, timed.arrival_s
        elif chain != self._chain:
            self._chain = None
            self.left_out += 1
            return
        self._groups[-1].append(timed)
        self.size_bytes += len(timed.packet.content)
        self._trim(timed.arrival_s)

    def correct(self, epoch: int, pts: int, time_s: float, kind: TimeKind) -> None:
        """That picture was decoded, and its time is known better than when it came."""
        left = _CORRECTABLE
        for group in reversed(self._groups):
            for kept in reversed(group.items):
                if (kept.timed.epoch, kept.timed.packet.pts) == (epoch, pts) and not kept.known:
                    kept.timed = kept.timed._replace(time_s=time_s, time_kind=kind)
                    kept.known = True
                    return
                left -= 1
                if not left:
                    return

    def clear(self) -> None:
        """Forget everything; what comes next is kept from a keyframe on."""
        self._groups.clear()
        self.size_bytes = 0
        self._chain = None

    @property
    def packets(self) -> tuple[TimedPacket, ...]:
        """Everything kept, oldest first, with times that grow strictly."""
        return _settled([(kept.timed, kept.known) for group in self._groups for kept in group.items])

    def last(self, seconds: float) -> tuple[TimedPacket, ...]:
        """The pictures of the last ``seconds``, and before them what is needed to decode the first of them."""
        packets = self.packets
        return since(packets, packets[-1].time_s - seconds) if packets else ()

    def _trim(self, now_s: float) -> None:
        groups = self._groups
        while len(groups) > 1 and (
            groups[1].items[0].timed.arrival_s <= now_s - self.seconds or self.size_bytes > self.most_bytes
        ):
            self.size_bytes -= groups.popleft().size_bytes
        if self.size_bytes > self.most_bytes:
            self.clear()


def since(packets: tuple[TimedPacket, ...], start_s: float) -> tuple[TimedPacket, ...]:
    """From the newest keyframe that is not after the first picture at or after ``start_s``."""
    first = next((n for n, timed in enumerate(packets) if timed.time_s >= start_s), len(packets))
    while 0 < first < len(packets) and not packets[first].packet.keyframe:
        first -= 1
    return tuple(dropwhile(lambda timed: not timed.packet.keyframe, packets[first:]))


def _settled(packets: list[tuple[TimedPacket, bool]]) -> tuple[TimedPacket, ...]:
    """Packets whose time is not known for certain get it by their pts from their neighbours', between both."""
    settled: list[TimedPacket] = []
    offset: tuple[int, float] | None = None  # of an epoch
    for timed, known in packets:
        pts_s = timed.packet.pts / timed.packet.clock_hz
        if known:
            offset = timed.epoch, timed.time_s - pts_s
        elif offset is not None and offset[0] == timed.epoch:
            timed = timed._replace(time_s=pts_s + offset[1])
        settled.append(timed)
    limit_s = float("inf")
    for index in range(len(settled) - 1, -1, -1):
        if settled[index].time_s >= limit_s and not packets[index][1]:
            settled[index] = settled[index]._replace(time_s=limit_s - _SMALLEST_STEP_S)
        limit_s = settled[index].time_s
    for index in range(1, len(settled)):
        least_s = settled[index - 1].time_s + _SMALLEST_STEP_S
        if settled[index].time_s < least_s:
            settled[index] = settled[index]._replace(time_s=least_s)
    return tuple(settled)
