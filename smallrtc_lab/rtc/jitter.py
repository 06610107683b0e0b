"""Jitter buffers: from RTP packets as the network delivered them to encoded frames in order.

A video frame ends with the packet whose marker bit is set (RFC 3550 section 5.1, RFC 7741 section 4.1,
RFC 6184 section 5.1). aiortc 1.16 waits for the first packet of the *next* frame instead, which costs a whole
frame interval at every receiver. :class:`FrameAssembler` releases a frame at its marker, and at the
next timestamp when a sender sets no markers.

Everything here is pure: no clock, no thread, no socket; times come in as arguments. Sound has
:mod:`.playout`, which shares the unwrappers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["EncodedFrame", "FrameAssembler", "Release", "SequenceUnwrapper", "TimestampUnwrapper"]

CAPACITY = 512  # packets, as aiortc's buffer for video
MAX_MISORDER = 100  # packets; older ones may belong to a stream that started again
RESTART_RUN = 8  # packets in sequence that prove it
MAX_GAP_S = 0.4  # a retransmission takes a round trip; nothing that is later than this still helps


@dataclass(slots=True)
class EncodedFrame:
    """One encoded picture, or packet of sound: ``data`` without RTP headers, ``timestamp`` in RTP units."""

    data: bytes
    timestamp: int
    after_gap: bool = False  # a picture between the one before and this was lost


class Release(NamedTuple):
    """What one packet set free, and whether the picture was damaged (send a PLI, RFC 4585 section 6.3.1)."""

    frames: list[EncodedFrame]
    needs_keyframe: bool


class _Held(NamedTuple):
    timestamp: int
    marker: bool
    data: bytes
    arrived_s: float


class SequenceUnwrapper:
    """Extends 16-bit sequence numbers to integers that never wrap (RFC 3550 appendix A.1)."""

    def __init__(self) -> None:
        self._highest: int | None = None

    def unwrap(self, sequence_number: int) -> int:
        """The extended number nearest to the highest one seen."""
        if self._highest is None:
            self._highest = sequence_number + 0x10000  # room below, for packets older than the first one
            return self._highest
        delta = (sequence_number - self._highest + 0x8000) % 0x10000 - 0x8000
        extended = self._highest + delta
        self._highest = max(self._highest, extended)
        return extended

    def restart(self) -> None:
        """Forget everything; the next number begins a new stream."""
        self._highest = None


class TimestampUnwrapper:
    """Extends 32-bit RTP timestamps to integers that begin at 0 and never wrap."""

    def __init__(self) -> None:
        self.origin: int | None = None  # the first timestamp, which became 0
        self._last: int | None = None
        self._value = 0

    def unwrap(self, timestamp: int) -> int:
        """RTP units since the first timestamp."""
        if self._last is None:
            self.origin = timestamp
        else:
            self._value += (timestamp - self._last + 0x80000000) % 0x100000000 - 0x80000000
        self._last = timestamp
        return self._value


@dataclass
class FrameAssembler:
    """The jitter buffer of one video stream.

    Packets in order are consumed at once; others wait in ``_held``. Nothing passes a gap until it is filled,
    until it is older than ``max_gap_s``, or until ``capacity`` packets wait: then the damaged frame is
    left out and a keyframe asked for.
    """

    capacity: int = CAPACITY
    max_gap_s: float = MAX_GAP_S
    frames_released: int = 0
    gaps_skipped: int = 0
    packets_late: int = 0
    packets_duplicate: int = 0
    _sequence: SequenceUnwrapper = field(default_factory=SequenceUnwrapper)
    _next: int | None = None  # the extended sequence number that continues the stream
    _held: dict[int, _Held] = field(default_factory=dict)
    _gap_end: int | None = None  # the lowest number held, where the gap in front of it ends
    _parts: list[bytes] = field(default_factory=list)
    _timestamp: int | None = None  # of the frame being put together
    _damaged: bool = False  # its beginning is missing: it is consumed, not released
    _after_gap: bool = False  # the next frame that is released is the first one behind a gap
    _has_markers: bool = False  # whether this sender sets marker bits
    _old_last: int = 0  # the far too old packet seen last, and how many came in sequence
    _old_run: int = 0

    def add(self, sequence_number: int, timestamp: int, marker: bool, data: bytes, now_s: float) -> Release:
        """Take one packet; ``data`` is its payload without codec headers, ``now_s`` any monotonic time."""
        number = self._sequence.unwrap(sequence_number)
        if self._next is None:
            self._next = number
        release = Release([], False)
        if number < self._next:
            if not self._restarted(number):
                return release
            release = self._start_again(sequence_number)
            number = self._next
        self._old_run = 0
        packet = _Held(timestamp, marker, data, now_s)
        if number == self._next:
            self._consume(packet, release.frames)
        else:
            release = self._hold(number, packet, release)
        if self._held:
            self._drain(release.frames)
            release = self._skip_old_gap(now_s, release)
        self.frames_released += len(release.frames)
        return release

    def _restarted(self, number: int) -> bool:
        """Whether an old packet shows that the stream started again (RFC 3550 A.1, made stricter).

        One or two may be late retransmissions, which must not throw the stream back; a run of them with no
        current packet in between is a new stream.
        """
        assert self._next is not None
        self.packets_late += 1
        if self._next - number < MAX_MISORDER:
            return False
        self._old_run = self._old_run + 1 if number == self._old_last + 1 else 1
        self._old_last = number
        return self._old_run >= RESTART_RUN

    def _start_again(self, sequence_number: int) -> Release:
        self._sequence.restart()
        self._next = self._sequence.unwrap(sequence_number)
        self._held.clear()
        self._gap_end = None
        self._after_gap = True
        self._drop_frame()
        return Release([], True)

    def _hold(self, number: int, packet: _Held, release: Release) -> Release:
        assert self._next is not None
        if number in self._held:
            self.packets_duplicate += 1
            return release
        while number - self._next >= self.capacity and self._held:
            release = self._skip_gap(release)
        if number - self._next >= self.capacity:
            self._next = number
            self._after_gap = True
            self._drop_frame()
            release = Release(release.frames, True)
        self._held[number] = packet
        if self._gap_end is None or number < self._gap_end:
            self._gap_end = number
        return release

    def _drain(self, frames: list[EncodedFrame]) -> None:
        """Consume everything that continues the stream."""
        assert self._next is not None
        if self._gap_end != self._next:
            return
        while (packet := self._held.pop(self._next, None)) is not None:
            self._consume(packet, frames)
        self._gap_end = min(self._held) if self._held else None

    def _skip_old_gap(self, now_s: float, release: Release) -> Release:
        while self._gap_end is not None and now_s - self._held[self._gap_end].arrived_s > self.max_gap_s:
            release = self._skip_gap(release)
        return release

    def _skip_gap(self, release: Release) -> Release:
        """Give up the missing packets, and with them the frame they and their neighbours belong to."""
        assert self._gap_end is not None
        assert self._next is not None
        following = self._held[self._gap_end].timestamp
        # One missing packet in an unfinished frame was its end: then the next frame is whole.
        only_the_end = self._gap_end - self._next == 1 and self._timestamp not in (None, following)
        self.gaps_skipped += 1
        self._after_gap = True
        self._next = self._gap_end
        self._drop_frame()
        if not (only_the_end and self._has_markers):
            self._timestamp = following
            self._damaged = True
        self._drain(release.frames)
        return Release(release.frames, True)

    def _consume(self, packet: _Held, frames: list[EncodedFrame]) -> None:
        """Take the packet that continues the stream, and release the frame it completes."""
        assert self._next is not None
        self._next += 1
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            self._finish_frame(frames)  # a sender without marker bits: the next frame has begun
        if self._timestamp is None:
            if not packet.data:
                return  # padding between frames (RFC 3550 section 5.1): it must not make an empty frame
            self._timestamp = packet.timestamp
        if not self._damaged and packet.data:
            self._parts.append(packet.data)
        if packet.marker:
            self._has_markers = True
            self._finish_frame(frames)
        elif len(self._parts) > self.capacity:
            self._parts.clear()
            self._damaged = True

    def _finish_frame(self, frames: list[EncodedFrame]) -> None:
        assert self._timestamp is not None
        if self._parts and not self._damaged:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            frames.append(EncodedFrame(data, self._timestamp, self._after_gap))
            self._after_gap = False
        self._drop_frame()

    def _drop_frame(self) -> None:
        self._parts.clear()
        self._timestamp = None
        self._damaged = False
