"""Pictures and sound as they came: encoded, before anything is decoded, for whoever keeps or hands them on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from smallrtc_lab.frames import TimeKind

__all__ = ["EncodedPacket", "Tap", "TimedPacket"]


class EncodedPacket(NamedTuple):
    """One picture, or one packet of sound, in decoding order.

    ``codec`` is the name in SDP: ``"VP8"`` and ``"H264"`` (Annex B), ``"opus"`` or another. ``pts`` is in
    ``1/clock_hz`` s since the stream's first; without those before it only a ``keyframe`` can be decoded.
    """

    content: bytes
    codec: str
    clock_hz: int
    pts: int
    keyframe: bool


class TimedPacket(NamedTuple):
    """An encoded packet and its place on the session's clock.

    ``arrival_s`` is session time; ``time_s`` that of capture where ``time_kind`` says so, which the same packet's
    decoded frame may know a little better. ``epoch`` counts the tracks that the source has had: pts go on within one
    only, and the first packet of the next may have another codec.
    """

    packet: EncodedPacket
    time_s: float
    time_kind: TimeKind
    arrival_s: float
    epoch: int


Tap: TypeAlias = Callable[[TimedPacket], None]
