"""A take between two processes: a JSON header and bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .encoded import EncodedPacket, TimedPacket
from .ring import MissingSamples
from .take import Take
from .taken import TakenEvent, TakenMessage, TakenPictures, TakenSound

__all__ = ["pack_take", "unpack_take"]

Header = dict[str, Any]


def pack_take(take: Take) -> tuple[Header, bytes]:
    """``(header, payload)`` for :func:`unpack_take`: sound, then pictures by source, then statistics."""
    parts: list[bytes] = []
    header: Header = {
        "start_s": take.start_s,
        "duration_s": take.duration_s,
        "shareable": take.shareable,
        "messages": [list(one) for one in take.messages],
        "events": [list(one) for one in take.events],
        "sound": None,
        "sources": {},
        "statistics": {"names": list(take.statistics.dtype.names or ()), "rows": len(take.statistics)},
    }
    sound = take._sound
    if sound is not None:
        parts.append(np.ascontiguousarray(sound.samples).tobytes())
        header["sound"] = {
            "shape": list(sound.samples.shape),
            "sample_rate": sound.sample_rate,
            "position": sound.position,
            "shifts": [list(one) for one in sound.shifts],
            "gaps": [list(one) for one in sound.gaps],
            "time_kind": sound.time_kind,
        }
    for source, pictures in take._sources.items():
        header["sources"][source] = [_row(timed) for timed in pictures.packets]
        parts += [timed.packet.content for timed in pictures.packets]
    parts.append(np.ascontiguousarray(take.statistics).tobytes())
    return header, b"".join(parts)


def unpack_take(header: Header, payload: bytes, publish: Any = None) -> Take:
    """What :func:`pack_take` packed."""
    view = _Reader(payload)
    sound = None if header["sound"] is None else _sound(header["sound"], view)
    sources: dict[str, TakenPictures] = {}
    for source, rows in header["sources"].items():
        packets = tuple(_packet(row, view) for row in rows)
        sources[source] = TakenPictures(source, packets)
    described = header["statistics"]
    kind = np.dtype([(name, np.float64) for name in described["names"]])
    rows = np.frombuffer(view.take(described["rows"] * kind.itemsize), kind).copy()
    return Take(
        header["start_s"],
        header["duration_s"],
        tuple(TakenMessage(*one) for one in header["messages"]),
        tuple(TakenEvent(*one) for one in header["events"]),
        rows,
        header["shareable"],
        _sound=sound,
        _sources=sources,
        _publish=publish,
    )


class _Reader:
    """Takes pieces off a buffer."""

    def __init__(self, content: bytes) -> None:
        self._view = memoryview(content)
        self._at = 0

    def take(self, size: int) -> bytes:
        self._at += size
        return bytes(self._view[self._at - size : self._at])


def _sound(described: Header, view: _Reader) -> TakenSound:
    count, channels = described["shape"]
    samples = np.frombuffer(view.take(2 * count * channels), np.int16).reshape(count, channels).copy()
    return TakenSound(
        samples,
        described["sample_rate"],
        described["position"],
        tuple((int(at), float(by_s)) for at, by_s in described["shifts"]),
        tuple(MissingSamples(*one) for one in described["gaps"]),
        described["time_kind"],
    )


def _row(timed: TimedPacket) -> list[Any]:
    packet = timed.packet
    return [
        len(packet.content),
        packet.codec,
        packet.clock_hz,
        packet.pts,
        packet.keyframe,
        timed.time_s,
        timed.time_kind,
        timed.arrival_s,
        timed.epoch,
    ]


def _packet(row: list[Any], view: _Reader) -> TimedPacket:
    size, codec, clock_hz, pts, keyframe, time_s, time_kind, arrival_s, epoch = row
    packet = EncodedPacket(view.take(size), codec, clock_hz, pts, keyframe)
    return TimedPacket(packet, time_s, time_kind, arrival_s, epoch)
