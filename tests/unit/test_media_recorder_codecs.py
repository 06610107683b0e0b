"""What a muxer must know of a stream before its first packet."""

from __future__ import annotations

import pytest
from support.packets import pictures, sound

from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.recorder_codecs import (
    decoder_of,
    opus_model,
    packet_s,
    parameters_of,
    picture_size,
    video_model,
)


@pytest.mark.parametrize("codec", ["VP8", "H264", "JPEG"])
def test_a_keyframe_describes_its_stream(codec: str) -> None:
    """Size and codec as FFmpeg reads them, with the parameters that H.264 has in its header."""
    first = pictures(1, codec=codec)[0]
    model = video_model(first)
    assert (model.stream.width, model.stream.height) == (160, 120)
    assert bool(model.stream.codec_context.extradata) is (codec == "H264")
    model.close()


def test_opus_says_what_comes_before_its_sound() -> None:
    """The header of RFC 7845 section 5.1: 48 kHz, two channels, 312 samples to leave out."""
    model = opus_model()
    assert bytes(model.stream.codec_context.extradata)[:14] == b"OpusHead\x01\x02\x38\x01\x80\xbb"
    model.close()


def test_parameters_change_with_the_size_of_h264_only() -> None:
    """A VP8 stream may change its size within a file, H.264 begins another one."""
    small, large = pictures(1, codec="H264")[0], pictures(1, codec="H264", size=(320, 240))[0]
    assert parameters_of(small) != parameters_of(large)
    assert parameters_of(small) == parameters_of(pictures(1, codec="H264")[0])
    assert parameters_of(pictures(1)[0]) == parameters_of(pictures(1, size=(320, 240))[0]) == "VP8"
    assert picture_size(pictures(1, size=(320, 240))[0]) == (320, 240)
    assert picture_size(small) is None


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (b"\xfc\xff\xfe", 0.02),
        (b"\xf8", 0.02),
        (b"\x08", 0.02),
        (b"\x18", 0.06),
        (b"\xe3\x04", 0.01),
        (b"\xfd", 0.04),
    ],
)
def test_an_opus_packet_says_how_long_it_is(content: bytes, seconds: float) -> None:
    """By its first bytes, RFC 6716 section 3.1."""
    assert packet_s(EncodedPacket(content, "opus", 48000, 0, True)) == seconds
    assert packet_s(sound(1)[0]) == 0.02


def test_an_unknown_codec_is_refused() -> None:
    """With the names of those that can be recorded."""
    with pytest.raises(ValueError, match="VP8, H264, opus"):
        decoder_of("AV1")
