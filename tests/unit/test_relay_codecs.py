"""Relayed packets become pictures and sound again."""

from __future__ import annotations

import av
import numpy as np
import pytest

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.media.convert import from_picture, to_picture
from smallrtc_lab.media.resample import from_av
from smallrtc_lab.relay.codecs import JpegEncoder, PictureDecoder, SoundDecoder, pcm_bytes
from smallrtc_lab.relay.packets import Codec, Media, Stream
from smallrtc_lab.rtc.encoders import OpusEncoder, VideoEncoder

COLOURS = np.array([(200, 40, 40), (40, 180, 60), (50, 70, 200), (230, 230, 230)], np.uint8)


def blocks(width: int = 320, height: int = 240) -> np.ndarray:
    image: np.ndarray = np.zeros((height, width, 3), np.uint8)
    for index, colour in enumerate(COLOURS):
        image[:, index * width // 4 : (index + 1) * width // 4] = colour
    return image


def error_of(frame: av.VideoFrame) -> float:
    image = to_picture(frame, "rgb")
    width = image.shape[1]
    means = [image[8:-8, i * width // 4 + 8 : (i + 1) * width // 4 - 8].mean(axis=(0, 1)) for i in range(4)]
    return float(np.abs(np.array(means) - COLOURS).mean())


def media(codec: Codec, content: bytes, stream: Stream = Stream.CAMERA) -> Media:
    return Media(stream, codec, True, 1, 0, 0.0, content)


def frame_at(pts: int) -> av.VideoFrame:
    frame = from_picture(blocks(), "rgb")
    frame.pts = pts
    return frame


def test_vp8_keeps_its_colours() -> None:
    """Every packet is a picture at once: nothing is held back."""
    encoder, decoder = VideoEncoder("VP8", 600_000), PictureDecoder()
    for number in range(10):
        encoded = encoder.encode(frame_at(number * 3000), keyframe=number == 0)
        assert encoded is not None
        assert isinstance(encoded.content, bytes)
        frame = decoder.decode(media(Codec.VP8, encoded.content))
        assert frame is not None
        assert error_of(frame) < 6


def test_jpeg_keeps_its_colours_through_both_ranges() -> None:
    """JPEG is full range, video is not; black and white stay what they are."""
    frame = PictureDecoder().decode(media(Codec.JPEG, JpegEncoder().encode(frame_at(0))))
    assert frame is not None
    assert (frame.width, frame.height, frame.format.name) == (320, 240, "yuv420p")
    assert error_of(frame) < 6


def test_a_jpeg_encoder_follows_the_size_of_its_pictures() -> None:
    """Another size is no error."""
    encoder, decoder = JpegEncoder(), PictureDecoder()
    for width in (320, 160):
        frame = decoder.decode(media(Codec.JPEG, encoder.encode(from_picture(blocks(width, 120), "rgb"))))
        assert frame is not None
        assert frame.width == width


def test_opus_keeps_its_tone() -> None:
    """20 ms in, 20 ms out, stereo, the same tone at the same level."""
    encoder, decoder = OpusEncoder(), SoundDecoder()
    times = np.arange(48_000) / 48_000
    tone = np.rint(8000 * np.sin(2 * np.pi * 700 * times)).astype(np.int16)
    pieces = []
    for start in range(0, 48_000, 960):
        encoded = encoder.encode(np.repeat(tone[start : start + 960, None], 2, axis=1), start)
        assert encoded is not None
        assert isinstance(encoded.content, bytes)
        frame = decoder.decode(media(Codec.OPUS, encoded.content, Stream.AUDIO))
        assert frame is not None
        assert (frame.samples, frame.sample_rate) == (960, 48_000)
        pieces.append(from_av(frame))
    heard = np.concatenate(pieces)[9600:, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(spectrum.argmax() * 48_000 / len(heard) - 700) < 5
    assert np.std(heard) * np.sqrt(2) == pytest.approx(8000, rel=0.05)


def test_pcm_comes_out_sample_by_sample() -> None:
    """Nothing is lost where a page has no Opus."""
    samples = np.random.default_rng(1).integers(-32768, 32767, (960, 2), dtype=np.int16)
    frame = SoundDecoder().decode(media(Codec.PCM, pcm_bytes(samples), Stream.AUDIO))
    assert frame is not None
    assert np.array_equal(from_av(frame), samples)


@pytest.mark.parametrize(
    "packet",
    [
        media(Codec.VP8, b"\x10\x02\x00\x9d\x01"),
        media(Codec.JPEG, b"no picture"),
        media(Codec.PCM, b"\x00\x00\x00", Stream.AUDIO),
        media(Codec.PCM, b"", Stream.AUDIO),
        media(Codec.OPUS, b"\xff\xff", Stream.AUDIO),
    ],
    ids=lambda packet: f"{packet.codec.name}-{len(packet.content)}",
)
def test_what_cannot_be_decoded_is_a_protocol_error(packet: Media) -> None:
    """Junk of a stranger ends no task of ours."""
    decoder = SoundDecoder() if packet.stream is Stream.AUDIO else PictureDecoder()
    with pytest.raises(ProtocolError):
        decoder.decode(packet)
