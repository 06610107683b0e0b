"""One track of a file that is written: packets as they came, or transcoded where the file cannot hold them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import av

from smallrtc_lab.processors.quota import codec_threads

from .convert import Reformatter
from .encoded import TimedPacket
from .recorder_codecs import decoder_of, opus_model, packet_s, parameters_of, picture_size, video_model
from .recorder_formats import FileFormat, TrackName
from .recorder_timeline import PICTURE_HZ, SOUND_HZ, PictureTimeline, SoundTimeline

__all__ = ["WrittenTrack", "open_track"]

_LIBRARIES = {"VP8": "libvpx", "H264": "libx264"}
_OPTIONS = {
    "VP8": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "g": "60"},
    "H264": {"preset": "veryfast", "tune": "zerolatency", "crf": "21", "g": "60"},
}
_MOST_BPS = 4_000_000  # VP8's bound beside its quality
_SAME_SHAPE = 0.02  # scaled to the first one's size a picture may be so much out of shape
_SILENCE = bytes(
    (0xFC, 0xFF, 0xFE)
)  # 20 ms of Opus, stereo, fullband: RFC 6716 section 3.1, and nothing to hear
_OPUS_BPS = 96_000


class WrittenTrack(Protocol):
    """What a file has for each track."""

    transcodes: bool
    left_out: int

    def fits(self, packet: TimedPacket) -> bool:
        """Whether this packet can go on in the same file."""

    def packets(self, packet: TimedPacket, *, hurry: bool) -> Iterator[av.Packet[Any]]:
        """What to write for it; in a ``hurry`` a picture need not be encoded again."""

    def rest(self) -> Iterator[av.Packet[Any]]:
        """What still waits inside, at the end."""

    def close(self) -> None:
        """Nothing follows."""


def open_track(
    container: Any, file: FileFormat, name: TrackName, first: TimedPacket, origin_s: float
) -> WrittenTrack:
    """A track of ``container`` that begins with ``first``: copied where the file can hold its codec."""
    codec = first.packet.codec
    if name.kind == "video":
        assert file.video is not None
        timeline = PictureTimeline(origin_s)
        if codec in file.copies:
            return _Pictures(container, name, first, timeline)
        return _EncodedPictures(container, name, first, timeline, file.video)
    sound = SoundTimeline(origin_s)
    if codec in file.copies:
        return _Sound(container, name, sound)
    return _EncodedSound(container, name, codec, sound)


def _packet(
    content: bytes, stream: Any, at: int, hz: int, *, duration: int, keyframe: bool
) -> av.Packet[Any]:
    packet: Any = av.Packet(content)
    packet.stream = stream
    packet.time_base = Fraction(1, hz)
    packet.pts = packet.dts = at
    packet.duration = duration
    packet.is_keyframe = keyframe
    return packet  # type: ignore[no-any-return]


class _Pictures:
    """Pictures as they came. After a change of H.264's parameters the file's header would be wrong."""

    transcodes = False
    left_out = 0

    def __init__(
        self, container: Any, name: TrackName, first: TimedPacket, timeline: PictureTimeline
    ) -> None:
        self._parameters = parameters_of(first.packet)
        self._model = video_model(first.packet)
        self._timeline = timeline
        self._stream: Any = container.add_stream_from_template(self._model.stream)
        self._stream.time_base = Fraction(1, PICTURE_HZ)
        self._stream.metadata["title"] = name.title

    def fits(self, packet: TimedPacket) -> bool:
        return not packet.packet.keyframe or parameters_of(packet.packet) == self._parameters

    def packets(self, packet: TimedPacket, *, hurry: bool) -> Iterator[av.Packet[Any]]:
        at, encoded = self._timeline.place(packet), packet.packet
        yield _packet(
            encoded.content,
            self._stream,
            at,
            PICTURE_HZ,
            duration=PICTURE_HZ // 30,
            keyframe=encoded.keyframe,
        )

    def rest(self) -> Iterator[av.Packet[Any]]:
        return iter(())

    def close(self) -> None:
        self._model.close()


class _EncodedPictures:
    """Pictures in another codec, all in the size of the first."""

    transcodes = True

    def __init__(
        self, container: Any, name: TrackName, first: TimedPacket, timeline: PictureTimeline, codec: str
    ) -> None:
        self.left_out = 0
        self._codec = first.packet.codec
        self._timeline = timeline
        model = video_model(first.packet)
        width, height = (max(2, n - n % 2) for n in (model.stream.width, model.stream.height))
        model.close()
        self._decoder = decoder_of(self._codec)
        self._scaler = Reformatter()
        self._stream: Any = container.add_stream(
            _LIBRARIES[codec], rate=30, width=width, height=height, options=dict(_OPTIONS[codec])
        )
        self._stream.codec_context.thread_count = codec_threads()
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, PICTURE_HZ)
        if codec == "VP8":
            self._stream.bit_rate = _MOST_BPS
        self._stream.metadata["title"] = name.title
        self._size = (width, height)

    def fits(self, packet: TimedPacket) -> bool:
        size = picture_size(packet.packet)
        if packet.packet.codec != self._codec:
            return False
        return size is None or abs(size[0] / size[1] * self._size[1] / self._size[0] - 1) < _SAME_SHAPE

    def packets(self, packet: TimedPacket, *, hurry: bool) -> Iterator[av.Packet[Any]]:
        at = self._timeline.place(packet)
        try:
            decoded = self._decoder.decode(av.Packet(packet.packet.content))
        except av.error.InvalidDataError:
            self.left_out += 1
            return
        if hurry:  # decoded all the same: the next ones need it
            self.left_out += len(decoded)
            return
        for frame in decoded:
            frame = self._scaler.reformat(frame, *self._size, format="yuv420p")
            frame.pts, frame.time_base = at, Fraction(1, PICTURE_HZ)
            frame.pict_type = 0
            yield from self._stream.encode(frame)

    def rest(self) -> Iterator[av.Packet[Any]]:
        yield from self._stream.encode(None)

    def close(self) -> None:
        pass


class _Sound:
    """Opus as it came, with silence where none did."""

    transcodes = False
    left_out = 0

    def __init__(self, container: Any, name: TrackName, timeline: SoundTimeline) -> None:
        self._timeline = timeline
        self._model = opus_model()
        self._stream: Any = container.add_stream_from_template(self._model.stream)
        self._stream.time_base = Fraction(1, SOUND_HZ)
        self._stream.metadata["title"] = name.title

    def fits(self, packet: TimedPacket) -> bool:
        return packet.packet.codec == "opus"

    def packets(self, packet: TimedPacket, *, hurry: bool) -> Iterator[av.Packet[Any]]:
        placed = self._timeline.place(packet)
        if placed is None:
            return
        at, silent = placed
        for place in silent:
            yield _packet(_SILENCE, self._stream, place, SOUND_HZ, duration=silent.step, keyframe=True)
        duration = round(packet_s(packet.packet) * SOUND_HZ)
        yield _packet(packet.packet.content, self._stream, at, SOUND_HZ, duration=duration, keyframe=True)

    def rest(self) -> Iterator[av.Packet[Any]]:
        return iter(())

    def close(self) -> None:
        self._model.close()


class _EncodedSound:
    """Sound of a telephone's codec, as Opus: only clients that are no browsers send it."""

    transcodes = True
    left_out = 0

    def __init__(self, container: Any, name: TrackName, codec: str, timeline: SoundTimeline) -> None:
        self._codec = codec
        self._timeline = timeline
        self._decoder = decoder_of(codec)
        self._resampler = av.AudioResampler(format="s16", layout="stereo", rate=SOUND_HZ, frame_size=960)
        self._stream: Any = container.add_stream("libopus", rate=SOUND_HZ, layout="stereo")
        self._stream.format, self._stream.bit_rate = "s16", _OPUS_BPS
        self._stream.time_base = Fraction(1, SOUND_HZ)
        self._stream.metadata["title"] = name.title
        self._end = 0

    def fits(self, packet: TimedPacket) -> bool:
        return packet.packet.codec == self._codec

    def packets(self, packet: TimedPacket, *, hurry: bool) -> Iterator[av.Packet[Any]]:
        placed = self._timeline.place(packet)
        if placed is None:
            return
        at, silent = placed
        if len(silent) or not self._end:
            self._end = at
        for decoded in self._decoder.decode(av.Packet(packet.packet.content)):
            for frame in self._resampler.resample(decoded):
                frame.pts, self._end = self._end, self._end + frame.samples
                frame.time_base = Fraction(1, SOUND_HZ)
                yield from self._stream.encode(frame)

    def rest(self) -> Iterator[av.Packet[Any]]:
        yield from self._stream.encode(None)

    def close(self) -> None:
        pass
