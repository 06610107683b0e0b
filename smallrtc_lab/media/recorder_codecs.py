"""What a muxer must be told of a codec before the first packet, taken from the first packet itself.

FFmpeg's demuxers know best how their streams are described, so a first packet is put into the simplest container
there is for it, in memory, and opened: the stream found there is the model of the one in the recording.
"""

from __future__ import annotations

import io
import struct
from typing import Any, NamedTuple

import av

from smallrtc_lab.processors.quota import codec_threads

from .encoded import EncodedPacket

__all__ = ["Model", "decoder_of", "opus_model", "packet_s", "parameters_of", "picture_size", "video_model"]

_OPUS_HZ = 48000
_DECODERS = {
    "VP8": "libvpx",
    "H264": "h264",
    "opus": "libopus",
    "PCMU": "pcm_mulaw",
    "PCMA": "pcm_alaw",
    "G722": "g722",
    "JPEG": "mjpeg",
    "L16": "pcm_s16le",  # as a relay has it, 48 kHz stereo; RFC 3551's is big endian
}
_MODELS = {"H264": "h264", "JPEG": "jpeg_pipe"}
_SEQUENCE_PARAMETERS = 7  # RFC 6184, table 1: the type of a NAL unit


class Model(NamedTuple):
    """A stream to make others after; ``container`` keeps it alive."""

    container: Any
    stream: Any

    def close(self) -> None:
        """Nothing is made after it any more."""
        self.container.close()


def video_model(packet: EncodedPacket) -> Model:
    """The model of a picture stream that begins with this keyframe: VP8, H.264 (Annex B) or JPEG."""
    if packet.codec == "VP8":
        container = av.open(io.BytesIO(_ivf(packet.content)), format="ivf")
    else:
        container = av.open(io.BytesIO(packet.content), format=_MODELS[packet.codec])
    return Model(container, container.streams.video[0])


def opus_model() -> Model:
    """The model of an Opus stream: 48 kHz stereo, with the encoder's 6.5 ms of look-ahead in front."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="ogg") as writing:
        stream: Any = writing.add_stream("libopus", rate=_OPUS_HZ, layout="stereo")
        silence = av.AudioFrame(format="s16", layout="stereo", samples=960)
        silence.planes[0].update(bytes(960 * 4))
        silence.sample_rate, silence.pts = _OPUS_HZ, 0
        writing.mux([*stream.encode(silence), *stream.encode(None)])
    memory.seek(0)
    container = av.open(memory, format="ogg")
    return Model(container, container.streams.audio[0])


def decoder_of(codec: str) -> Any:
    """A decoder for what SDP names so; raises ``ValueError`` for what none is known of."""
    if codec not in _DECODERS:
        raise ValueError(f"{codec} cannot be recorded; there are {', '.join(_DECODERS)}")
    context: Any = av.CodecContext.create(_DECODERS[codec], "r")
    context.thread_count = codec_threads()
    if context.type == "audio":
        full = codec in ("opus", "L16")
        context.sample_rate = 16000 if codec == "G722" else (_OPUS_HZ if full else 8000)
        context.layout = "stereo" if full else "mono"
    return context


def parameters_of(packet: EncodedPacket) -> bytes | str:
    """What of a keyframe stands in a file's header and holds for the whole file.

    That is H.264's sequence parameters; VP8 says everything in each keyframe, and may change its size.
    """
    if packet.codec != "H264":
        return packet.codec
    content = packet.content
    at = content.find(b"\0\0\1")
    while 0 <= at < len(content) - 3:
        following = content.find(b"\0\0\1", at + 3)
        if content[at + 3] & 0x1F == _SEQUENCE_PARAMETERS:
            return content[at + 3 : following if following > 0 else None].rstrip(b"\0")
        at = following
    return packet.codec


def picture_size(packet: EncodedPacket) -> tuple[int, int] | None:
    """(width, height) of a VP8 keyframe (RFC 6386 section 9.1); None for anything else."""
    if packet.codec != "VP8" or not packet.keyframe or len(packet.content) < 10:
        return None
    width, height = struct.unpack_from("<HH", packet.content, 6)
    return width & 0x3FFF, height & 0x3FFF


def packet_s(packet: EncodedPacket) -> float:
    """Seconds of sound in a packet: of Opus by its first bytes (RFC 6716 section 3.1), else 20 ms."""
    if packet.codec != "opus" or not packet.content:
        return 0.02
    toc = packet.content[0]
    config = toc >> 3
    if config < 12:
        frame_ms = (10.0, 20.0, 40.0, 60.0)[config & 3]
    elif config < 16:
        frame_ms = (10.0, 20.0)[config & 1]
    else:
        frame_ms = (2.5, 5.0, 10.0, 20.0)[config & 3]
    count = (
        (1, 2, 2)[toc & 3] if toc & 3 < 3 else (packet.content[1] & 0x3F if len(packet.content) > 1 else 1)
    )
    return frame_ms * max(1, count) / 1000


def _ivf(picture: bytes) -> bytes:
    """One VP8 keyframe as an IVF file: a header of 32 bytes, and 12 before the frame."""
    width, height = struct.unpack_from("<HH", picture, 6)
    header = struct.pack(
        "<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", width & 0x3FFF, height & 0x3FFF, 90000, 1, 1, 0
    )
    return header + struct.pack("<IQ", len(picture), 0) + picture
