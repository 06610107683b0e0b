"""What travels on a relay socket: binary packets of four kinds, the same in both directions.

Every packet begins with four bytes; all numbers are big endian::

    uint8 kind   uint8 stream   uint8 codec   uint8 flags

    media    uint32 sequence   float64 pts   float64 time_ms   then the encoded content       (24 bytes + content)
    report   uint32 sequence   uint32 queue   uint32 received_bytes   float64 age_ms          (24 bytes)
    message  uint32 sequence   then UTF-8 text, as on a data channel                          (8 bytes + text)
    control  UTF-8 JSON object                                                                (4 bytes + text)

Sequences count from 1 for each stream and socket (messages: for each conversation); 0 stands for none yet, or for a
message outside the conversation. 32 bits last for years. The golden packets of ``tests/contract/relay.json`` are read
by the tests of both languages.
"""

from __future__ import annotations

import enum
import json
import struct
from typing import Any, NamedTuple, TypeAlias

from smallrtc_lab.conversation import MessageText
from smallrtc_lab.errors import ProtocolError

__all__ = [
    "CLOCK_HZ",
    "RELAY_VERSION",
    "SDP_NAMES",
    "Codec",
    "Control",
    "Media",
    "MessageText",
    "Packet",
    "Report",
    "Stream",
    "pack",
    "parse",
]

RELAY_VERSION = 1


class Stream(enum.IntEnum):
    """Whose packet it is; the first three are the media sections of an offer, by the same numbers."""

    AUDIO = 0
    CAMERA = 1
    SCREEN = 2
    MESSAGES = 3


class Codec(enum.IntEnum):
    """How the content of a media packet is encoded; PCM is s16 little endian, 48 kHz, interleaved stereo."""

    NONE = 0
    OPUS = 1
    VP8 = 2
    PCM = 3
    JPEG = 4


CLOCK_HZ = {Stream.AUDIO: 48_000, Stream.CAMERA: 90_000, Stream.SCREEN: 90_000}  # of pts

SDP_NAMES = {Codec.OPUS: "opus", Codec.VP8: "VP8", Codec.PCM: "L16", Codec.JPEG: "JPEG"}  # as in SDP

_CODECS = {Stream.AUDIO: {Codec.OPUS, Codec.PCM}}
_VIDEO_CODECS = {Codec.VP8, Codec.JPEG}
_KEYFRAME = 1  # media: needs no picture before it; report: such a one is asked for


class _Kind(enum.IntEnum):
    MEDIA = 1
    REPORT = 2
    MESSAGE = 3
    CONTROL = 4


_HEAD = struct.Struct(">BBBB")
_MEDIA = struct.Struct(">BBBBIdd")
_REPORT = struct.Struct(">BBBBIIId")
_MESSAGE = struct.Struct(">BBBBI")


class Media(NamedTuple):
    """One encoded picture, or 20 ms of sound.

    ``pts`` counts in 1/CLOCK_HZ s and only grows; ``time_ms`` is the moment of capture by the sender's own clock, which
    all its streams share.
    """

    stream: Stream
    codec: Codec
    keyframe: bool
    sequence: int
    pts: int
    time_ms: float
    content: bytes


class Report(NamedTuple):
    """What a receiver says of one stream: the last ``sequence`` it is done with.

    ``queue`` packets wait to be decoded; the last one took ``age_ms`` from its arrival until it was; ``received_bytes``
    of content came since the socket opened (modulo 2**32). With ``keyframe`` it asks for a picture that needs no other.
    """

    stream: Stream
    sequence: int
    queue: int = 0
    received_bytes: int = 0
    age_ms: float = 0.0
    keyframe: bool = False


class Control(NamedTuple):
    """Words between the two ends of the socket; ``type`` is always there."""

    body: dict[str, Any]


Packet: TypeAlias = Media | Report | MessageText | Control


def pack(packet: Packet) -> bytes:
    """The bytes of one packet."""
    match packet:
        case Media():
            flags = _KEYFRAME if packet.keyframe else 0
            head = (_Kind.MEDIA, packet.stream, packet.codec, flags)
            return _MEDIA.pack(*head, packet.sequence, packet.pts, packet.time_ms) + packet.content
        case Report():
            head = (_Kind.REPORT, packet.stream, Codec.NONE, _KEYFRAME if packet.keyframe else 0)
            counts = (packet.sequence, packet.queue, packet.received_bytes % 2**32)
            return _REPORT.pack(*head, *counts, packet.age_ms)
        case MessageText():
            head = (_Kind.MESSAGE, Stream.MESSAGES, Codec.NONE, 0)
            return _MESSAGE.pack(*head, packet.sequence) + packet.text.encode()
        case Control():
            text = json.dumps(packet.body, separators=(",", ":"), ensure_ascii=False)
            return _HEAD.pack(_Kind.CONTROL, Stream.MESSAGES, Codec.NONE, 0) + text.encode()


def parse(content: bytes) -> Packet:
    """One packet; raises :class:`ProtocolError` for bytes that are none."""
    try:
        kind, stream, codec, flags = _HEAD.unpack_from(content)
        match _Kind(kind):
            case _Kind.MEDIA:
                return _parse_media(Stream(stream), Codec(codec), flags, content)
            case _Kind.REPORT:
                *_, sequence, queue, received, age_ms = _REPORT.unpack(content)
                return Report(Stream(stream), sequence, queue, received, age_ms, bool(flags & _KEYFRAME))
            case _Kind.MESSAGE:
                (*_, sequence) = _MESSAGE.unpack_from(content)
                return MessageText(sequence, content[_MESSAGE.size :].decode())
            case _Kind.CONTROL:
                return _parse_control(content[_HEAD.size :])
    except (struct.error, ValueError, RecursionError) as error:
        raise ProtocolError(f"not a packet of a relay socket: {error}") from None


def _parse_media(stream: Stream, codec: Codec, flags: int, content: bytes) -> Media:
    if codec not in _CODECS.get(stream, _VIDEO_CODECS) or stream is Stream.MESSAGES:
        raise ProtocolError(f"{codec.name} is no codec of the stream {stream.name}")
    *_, sequence, pts, time_ms = _MEDIA.unpack_from(content)
    if not (pts.is_integer() and abs(time_ms) < 2**53):
        raise ProtocolError("pts is a whole number, and time_ms a finite one")
    return Media(stream, codec, bool(flags & _KEYFRAME), sequence, int(pts), time_ms, content[_MEDIA.size :])


def _parse_control(text: bytes) -> Control:
    body = json.loads(text)
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise ProtocolError("a control packet is a JSON object with a type")
    return Control(body)
