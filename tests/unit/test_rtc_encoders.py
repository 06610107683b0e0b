"""Encoders for many: what they make can be decoded, and keyframes come when they are wanted."""

from __future__ import annotations

import av
import numpy as np
import pytest

from smallrtc_lab.rtc.encoders import OpusEncoder, RawPictures, VideoEncoder, make_picture_encoder
from smallrtc_lab.rtc.keyframes import is_keyframe
from smallrtc_lab.rtc.outgoing import VIDEO_TIME_BASE

DECODERS = {"VP8": "libvpx", "H264": "h264"}


def frame(number: int, size: tuple[int, int] = (160, 120), colour: int = 60) -> av.VideoFrame:
    image = np.full((size[1], size[0], 3), (colour, 150, 40), np.uint8)
    picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    picture.pts, picture.time_base = 10**10 + number * 3000, VIDEO_TIME_BASE
    return picture


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_every_picture_is_one_packet_that_can_be_decoded(codec):
    """Pictures come out at once, in their time, the first and each one that was asked for as a keyframe."""
    encoder = VideoEncoder(codec, 500_000)
    pieces = [encoder.encode(frame(n), keyframe=n == 4) for n in range(8)]
    assert [piece.keyframe for piece in pieces] == [n in (0, 4) for n in range(8)]
    assert [is_keyframe(codec, piece.content) for piece in pieces] == [piece.keyframe for piece in pieces]
    assert [piece.pts for piece in pieces] == [10**10 + n * 3000 for n in range(8)]
    decoder = av.CodecContext.create(DECODERS[codec], "r")
    shown = [picture for piece in pieces[4:] for picture in decoder.decode(av.Packet(piece.content))]
    shown += decoder.decode(None)
    assert len(shown) == 4
    assert np.abs(shown[-1].to_ndarray(format="rgb24")[60, 80].astype(int) - (60, 150, 40)).max() < 12


def test_another_size_begins_with_a_keyframe():
    """The encoder follows the pictures."""
    encoder = VideoEncoder("VP8", 500_000)
    encoder.encode(frame(0), keyframe=False)
    assert encoder.encode(frame(1, (320, 240)), keyframe=False).keyframe


def test_opus_is_one_packet_for_20_ms_at_the_time_it_is_given():
    """A pause is in the times of the packets."""
    encoder = OpusEncoder()
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(960 * 12) / 48_000)).astype(np.int16)
    stereo = np.repeat(tone[:, None], 2, axis=1).reshape(12, 960, 2)
    pieces = [encoder.encode(part, at * 960 + (at > 5) * 48_000) for at, part in enumerate(stereo)]
    assert [piece.pts for piece in pieces] == [at * 960 + (at > 5) * 48_000 for at in range(12)]
    decoder = av.CodecContext.create("libopus", "r")
    heard = [np.abs(out.to_ndarray()).max() for p in pieces for out in decoder.decode(av.Packet(p.content))]
    assert len(heard) == 12
    assert heard[-1] > 4000 or 0.1 < heard[-1] < 1  # s16, or float


def test_codecs():
    """Without a codec pictures stay pictures; one that is not known is refused with the list."""
    raw = make_picture_encoder(None, 1)
    assert isinstance(raw, RawPictures)
    piece = raw.encode(frame(3), keyframe=False)
    assert piece.content.shape == (180, 160)
    assert piece.keyframe
    with pytest.raises(ValueError, match="VP8 or H264"):
        make_picture_encoder("AV1", 1)
