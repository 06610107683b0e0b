"""The pictures and sound of a take in a Matroska container, and out of it: nothing is encoded again."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .encoded import EncodedPacket, TimedPacket
from .resample import Int16
from .take_pictures import decoded
from .taken import TakenPictures, TakenSound

__all__ = ["ROW", "demux", "mux", "rows_of"]

ROW = np.dtype(
    [
        ("track", "<i4"),
        ("epoch", "<i4"),
        ("pts", "<i8"),
        ("time_s", "<f8"),
        ("arrival_s", "<f8"),
        ("captured", "?"),  # the time is that of capture
        ("keyframe", "?"),
    ]
)

_CODECS = {"VP8": "vp8", "H264": "h264", "VP9": "vp9", "AV1": "av1"}
_MILLISECOND = Fraction(1, 1000)  # Matroska's own
_FLAC_BLOCK = 4608
_LAYOUTS = {1: "mono", 2: "stereo"}

Track = dict[str, Any]


def rows_of(pictures: TakenPictures) -> npt.NDArray[np.void]:
    """What is to be known of each packet beside its bytes."""
    tracks = _tracks_of(pictures)
    rows = np.zeros(len(pictures.packets), ROW)
    for row, timed in zip(rows, pictures.packets, strict=True):
        row["track"] = tracks.index((timed.packet.codec, timed.packet.clock_hz))
        row["epoch"], row["pts"] = timed.epoch, timed.packet.pts
        row["time_s"], row["arrival_s"] = timed.time_s, timed.arrival_s
        row["captured"], row["keyframe"] = timed.time_kind == "capture", timed.packet.keyframe
    return rows


def mux(sources: Mapping[str, TakenPictures], sound: TakenSound | None) -> tuple[list[Track], bytes]:
    """``(tracks, container)``: what is said of each track of pictures, in the container's order; sound comes last.

    Raises ``ValueError`` for a codec that Matroska has no place for.
    """
    out = io.BytesIO()
    begin_s = _begin_s(sources, sound)
    tracks: list[Track] = []
    with av.open(out, "w", format="matroska") as container:
        packets: list[av.Packet[Any]] = []
        for source, pictures in sources.items():
            for codec, clock_hz in _tracks_of(pictures):
                own = [
                    one
                    for one in pictures.packets
                    if (one.packet.codec, one.packet.clock_hz) == (codec, clock_hz)
                ]
                packets += _packets(_stream(container, codec, own, source), own, begin_s)
                tracks.append({"source": source, "codec": codec, "clock_hz": clock_hz})
        stream = None if sound is None else _sound_stream(container, sound)
        for packet in packets:
            container.mux(packet)
        if sound is not None and stream is not None:
            for block in _flac(stream, sound, round((sound.start_s - begin_s) * sound.sample_rate)):
                container.mux(block)
    return tracks, out.getvalue()


def demux(
    container: bytes,
    tracks: list[Track],
    rows: Mapping[str, npt.NDArray[np.void]],
    sound_shape: tuple[int, ...] | None,
) -> tuple[Int16 | None, dict[str, tuple[TimedPacket, ...]]]:
    """``(samples, packets by source)``; raises ``ValueError`` when the container does not hold what the rows say."""
    if not container:
        return None, {}
    with av.open(io.BytesIO(container), "r", format="matroska") as media:
        if len(media.streams.video) != len(tracks):
            raise ValueError("its pictures are not those it speaks of")
        pieces = _pieces(media, len(tracks))
    packets = {source: _timed(rows[source], _of(source, tracks, pieces)) for source in rows}
    if sound_shape is None:
        return None, packets
    with av.open(io.BytesIO(container), "r", format="matroska") as media:
        return _samples(media, sound_shape), packets


def _pieces(media: av.container.InputContainer, count: int) -> list[list[bytes]]:
    pieces: list[list[bytes]] = [[] for _ in range(count)]
    numbers = {stream.index: number for number, stream in enumerate(media.streams.video)}
    for packet in media.demux(media.streams.video) if count else ():
        if packet.size:
            pieces[numbers[packet.stream.index]].append(bytes(packet))
    return pieces


def _of(source: str, tracks: list[Track], pieces: list[list[bytes]]) -> list[tuple[Track, Iterator[bytes]]]:
    return [
        (track, iter(own)) for track, own in zip(tracks, pieces, strict=True) if track["source"] == source
    ]


def _timed(rows: npt.NDArray[np.void], own: list[tuple[Track, Iterator[bytes]]]) -> tuple[TimedPacket, ...]:
    packets = []
    for track, epoch, pts, time_s, arrival_s, captured, keyframe in rows.tolist():
        if not 0 <= track < len(own):
            raise ValueError("a picture in it is of no track")
        described, pieces = own[track]
        content = next(pieces, None)
        if content is None:
            raise ValueError("it holds fewer pictures than it speaks of")
        codec, clock_hz = str(described["codec"]), int(described["clock_hz"])
        if clock_hz < 1 or codec not in _CODECS:
            raise ValueError(f"nothing is known of its codec {codec!r}")
        packet = EncodedPacket(_as_it_came(content, codec), codec, clock_hz, pts, keyframe)
        packets.append(TimedPacket(packet, time_s, "capture" if captured else "arrival", arrival_s, epoch))
    if any(next(pieces, None) is not None for _, pieces in own):
        raise ValueError("it holds more pictures than it speaks of")
    return tuple(packets)


def _samples(media: av.container.InputContainer, shape: tuple[int, ...]) -> Int16:
    samples: Int16 = np.zeros(shape, np.int16)
    at = 0
    if len(samples) and not media.streams.audio:
        raise ValueError("its sound is missing")
    for frame in media.decode(audio=0) if len(samples) else ():
        block = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
        if at + len(block) > len(samples) or block.shape[1] != shape[1] or block.dtype != np.int16:
            raise ValueError("its sound is not what it speaks of")
        samples[at : at + len(block)] = block
        at += len(block)
    if at != len(samples):
        raise ValueError("a part of its sound is missing")
    return samples


def _tracks_of(pictures: TakenPictures) -> list[tuple[str, int]]:
    return list(dict.fromkeys((timed.packet.codec, timed.packet.clock_hz) for timed in pictures.packets))


def _begin_s(sources: Mapping[str, TakenPictures], sound: TakenSound | None) -> float:
    begins = [pictures.packets[0].time_s for pictures in sources.values() if pictures.packets]
    return min([*begins, *([] if sound is None else [sound.start_s])], default=0.0)


def _stream(
    container: av.container.OutputContainer, codec: str, own: list[TimedPacket], source: str
) -> av.VideoStream:
    if codec not in _CODECS:
        raise ValueError(f"pictures in {codec} cannot be saved: there is no place for them in Matroska")
    first = next(decoded(tuple(own)), None)
    width, height = (16, 16) if first is None else (first[1].width, first[1].height)
    stream = container.add_mux_stream(_CODECS[codec], width=width, height=height)
    assert isinstance(stream, av.VideoStream)
    stream.time_base = _MILLISECOND
    stream.metadata["title"] = source
    return stream


def _packets(stream: av.VideoStream, own: list[TimedPacket], begin_s: float) -> list[av.Packet[Any]]:
    packets: list[av.Packet[Any]] = []
    at = -1
    for timed in own:
        at = max(at + 1, round(1000 * (timed.time_s - begin_s)))  # a container wants times that grow
        packet = av.Packet(timed.packet.content)
        packet.pts = packet.dts = at
        packet.time_base, packet.stream, packet.is_keyframe = _MILLISECOND, stream, timed.packet.keyframe
        packets.append(packet)
    return packets


def _sound_stream(container: av.container.OutputContainer, sound: TakenSound) -> av.AudioStream:
    stream = container.add_stream(
        "flac", rate=sound.sample_rate, layout=_LAYOUTS[sound.samples.shape[1]], format="s16"
    )
    assert isinstance(stream, av.AudioStream)
    return stream


def _flac(stream: av.AudioStream, sound: TakenSound, offset: int) -> Iterator[av.Packet[Any]]:
    for at in range(0, len(sound.samples), _FLAC_BLOCK):
        block = np.ascontiguousarray(sound.samples[at : at + _FLAC_BLOCK])
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), "s16", _LAYOUTS[block.shape[1]])
        frame.sample_rate, frame.pts, frame.time_base = (
            sound.sample_rate,
            offset + at,
            Fraction(1, sound.sample_rate),
        )
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _as_it_came(content: bytes, codec: str) -> bytes:
    """Matroska has the length of each unit of H.264 where the stream had a start code (RFC 6184, Annex B)."""
    if codec != "H264":
        return content
    out, at = bytearray(), 0
    while at + 4 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        out += b"\0\0\0\1" + content[at + 4 : at + 4 + size]
        at += 4 + size
    return bytes(out)
