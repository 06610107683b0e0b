"""The jitter buffer for sound: packets in order, as early as the network lets them, each exactly once.

A packet that continues the stream passes at once; only packets behind a missing one wait for it. How
long follows the network: a packet's *playout time* is the moment it would have come had it travelled as fast as
the fastest of the last seconds, plus ``depth_s``, and ``depth_s`` covers 99 of 100 packets of those
seconds (the principle of the delay histogram of WebRTC's NetEq, on an exact window). At that time whatever is
missing before it is given up. So a calm network pays nothing, one that reorders pays what its own reordering costs,
and everything that is addressed by timestamp stays complete.

A jump in the timestamps marks a gap: FFmpeg's Opus decoder offers neither concealment nor forward error
correction, and nothing is invented here. A jump without a missing number is no loss (RFC 3550 section 4.1:
discontinuous transmission). aiortc 1.16 holds four packets always, and up to sixteen for good after a loss.

Everything here is pure: no clock, no thread, no socket; times come in as arguments, in seconds of one
monotonic clock.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from .jitter import EncodedFrame, SequenceUnwrapper, TimestampUnwrapper

__all__ = ["ArrivalDelays", "AudioJitterBuffer", "AudioPacket"]

CAPACITY = 100  # packets that wait behind a gap: two seconds of 20 ms
MAX_MISORDER = 100  # older than this, or newer than MAX_DROPOUT, is another stream (RFC 3550 appendix A.1)
MAX_DROPOUT = 3000
REMEMBERED = 512  # numbers given up, to tell a late packet from a duplicate

QUANTILE = 0.99
WINDOW_PACKETS = 500  # ten seconds of 20 ms
LEARNT_PACKETS = 50  # fewer say too little: START_DEPTH_S at least
START_DEPTH_S = 0.06
MIN_DEPTH_S = 0.02  # neighbours that change places on an otherwise calm network
MAX_DEPTH_S = 0.4
JUMP_S = 1.0  # a source that paused with its timestamps, or a machine that slept: measured anew
DEFAULT_STEP_S = 0.02


class AudioPacket(NamedTuple):
    """One RTP packet of sound; ``data`` is its payload, ``timestamp`` counts in 1/``clock_hz``."""

    ssrc: int
    sequence_number: int
    timestamp: int
    clock_hz: int
    data: bytes

    @property
    def source(self) -> tuple[int, int]:
        """What stays the same within one stream."""
        return self.ssrc, self.clock_hz


class _Held(NamedTuple):
    frame: EncodedFrame
    arrived_s: float


class ArrivalDelays:
    """The transit times of the last ``WINDOW_PACKETS`` packets, against the shortest of them.

    A transit time is arrival − timestamp: its absolute value means nothing, for the clocks are two.
    """

    def __init__(self) -> None:
        self._in_order: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, transit_s: float) -> None:
        """Count one packet, also one that came too late: it is the one to learn from."""
        if self._sorted and abs(transit_s - self._sorted[len(self._sorted) // 2]) > JUMP_S:
            self.clear()
        self._in_order.append(transit_s)
        insort(self._sorted, transit_s)
        if len(self._in_order) > WINDOW_PACKETS:
            del self._sorted[bisect_left(self._sorted, self._in_order.popleft())]

    def clear(self) -> None:
        """Forget everything."""
        self._in_order.clear()
        self._sorted.clear()

    @property
    def shortest_s(self) -> float:
        """The transit time of the fastest packet; raises ``IndexError`` before the first."""
        return self._sorted[0]

    @property
    def depth_s(self) -> float:
        """How much longer than the fastest 99 of 100 packets took, within the bounds of this module."""
        if not self._sorted:
            return START_DEPTH_S
        spread_s = self._sorted[int(QUANTILE * (len(self._sorted) - 1))] - self._sorted[0]
        least_s = MIN_DEPTH_S if len(self._sorted) >= LEARNT_PACKETS else START_DEPTH_S
        return min(MAX_DEPTH_S, max(least_s, spread_s))


@dataclass
class AudioJitterBuffer:
    """The packets of one receiver; belongs to one thread.

    The timestamps of what comes out begin at 0 and never wrap; a new stream of the sender's (another SSRC, clock
    or far-off number) continues them where the time that passed meanwhile puts it.
    """

    released: int = 0
    packets_late: int = 0  # came after they had been given up
    packets_duplicate: int = 0
    packets_stray: int = 0  # of another stream than this one, which did not become the stream
    packets_given_up: int = 0  # were missing at the playout time of what followed
    gaps_skipped: int = 0
    restarts: int = 0
    _delays: ArrivalDelays = field(default_factory=ArrivalDelays)
    _sequence: SequenceUnwrapper = field(default_factory=SequenceUnwrapper)
    _timestamps: TimestampUnwrapper = field(default_factory=TimestampUnwrapper)
    _source: tuple[int, int] | None = None
    _candidate: AudioPacket | None = None  # the first packet of what may be a new stream
    _next: int = 0  # the extended number that continues the stream
    _held: dict[int, _Held] = field(default_factory=dict)
    _given_up: dict[int, None] = field(default_factory=dict)
    _origin: int = 0  # the stream's first RTP timestamp, and what it became
    _offset: int = 0
    _last: int = 0  # the newest timestamp released, and when that was
    _last_s: float = 0.0

    @property
    def depth_s(self) -> float:
        """How long after its time a missing packet is still waited for; what a player should lag behind."""
        return self._delays.depth_s

    @property
    def rtp_origin(self) -> int | None:
        """The RTP timestamp, modulo 2**32, of what comes out with timestamp 0; None before the first packet."""
        return None if self._source is None else (self._origin - self._offset) % 2**32

    @property
    def waiting(self) -> int:
        """Packets that wait behind a gap."""
        return len(self._held)

    @property
    def due_s(self) -> float | None:
        """When ``poll`` has something to do if no packet comes before; None while nothing waits."""
        return self._due(min(self._held)) if self._held else None

    def add(self, packet: AudioPacket, now_s: float) -> list[EncodedFrame]:
        """Take a packet that came at ``now_s``; what it set free, in order."""
        if self._source is None:
            self._begin(packet)
        if packet.source != self._source:
            return self._suspect(packet, now_s)
        number = self._sequence.unwrap(packet.sequence_number)
        if not -MAX_MISORDER <= number - self._next <= MAX_DROPOUT:
            return self._suspect(packet, now_s)
        self._candidate = None
        timestamp = self._offset + self._timestamps.unwrap(packet.timestamp)
        out: list[EncodedFrame] = []
        if self._is_copy(number):
            self.packets_duplicate += 1
        else:
            self._delays.add(now_s - timestamp / packet.clock_hz)
            self._accept(number, EncodedFrame(packet.data, timestamp), out, now_s)
        return out + self.poll(now_s)

    def poll(self, now_s: float) -> list[EncodedFrame]:
        """Give up what is missing before packets whose playout time has come; what that set free."""
        out: list[EncodedFrame] = []
        while self._held:
            first = min(self._held)
            if now_s < self._due(first) and len(self._held) <= CAPACITY:
                break
            self._give_up(first)
            self._drain(out, now_s)
        return out

    def _is_copy(self, number: int) -> bool:
        return number in self._held or (number < self._next and number not in self._given_up)

    def _accept(self, number: int, frame: EncodedFrame, out: list[EncodedFrame], now_s: float) -> None:
        if number < self._next:
            del self._given_up[number]
            self.packets_late += 1
            return
        self._held[number] = _Held(frame, now_s)
        self._drain(out, now_s)

    def _due(self, number: int) -> float:
        assert self._source is not None
        held, clock_hz = self._held[number], self._source[1]
        playout_s = self._delays.shortest_s + held.frame.timestamp / clock_hz + self._delays.depth_s
        return min(playout_s, held.arrived_s + MAX_DEPTH_S)  # timestamps may jump ahead of time

    def _drain(self, out: list[EncodedFrame], now_s: float) -> None:
        """Release everything that continues the stream."""
        while (held := self._held.pop(self._next, None)) is not None:
            self._next += 1
            if not held.frame.data:
                continue  # padding (RFC 3550 section 5.1); FFmpeg's decoders take it for the end of the stream
            self._last, self._last_s = held.frame.timestamp, now_s
            self.released += 1
            out.append(held.frame)

    def _give_up(self, first: int) -> None:
        self.gaps_skipped += 1
        self.packets_given_up += first - self._next
        for number in range(max(self._next, first - REMEMBERED), first):
            self._given_up[number] = None
        while len(self._given_up) > REMEMBERED:
            del self._given_up[next(iter(self._given_up))]
        self._next = first

    # A new stream

    def _suspect(self, packet: AudioPacket, now_s: float) -> list[EncodedFrame]:
        """One packet proves nothing; two in sequence, with none of the stream between them, are a new stream."""
        before, self._candidate = self._candidate, packet
        if before is None:
            return []
        follows = (packet.sequence_number - before.sequence_number) % 0x10000 == 1
        if packet.source != before.source or not follows:
            self.packets_stray += 1
            return []
        out = [held.frame for _, held in sorted(self._held.items()) if held.frame.data]
        self.released += len(out)
        self._restart(before, now_s)
        return out + self.add(before, now_s) + self.add(packet, now_s)

    def _restart(self, first: AudioPacket, now_s: float) -> None:
        assert self._source is not None
        old_hz, new_hz = self._source[1], first.clock_hz
        last = max([self._last, *(held.frame.timestamp for held in self._held.values())])
        passed_s = max(now_s - self._last_s, DEFAULT_STEP_S)
        self.restarts += 1
        self._begin(first)
        self._offset = last * new_hz // old_hz + round(passed_s * new_hz)

    def _begin(self, first: AudioPacket) -> None:
        self._source = first.source
        self._candidate = None
        self._held.clear()
        self._given_up.clear()
        self._delays.clear()
        self._sequence.restart()
        self._timestamps = TimestampUnwrapper()
        self._origin = first.timestamp
        self._next = self._sequence.unwrap(first.sequence_number)
