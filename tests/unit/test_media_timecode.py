"""A time code in the picture."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from smallrtc_lab.media.convert import from_picture, to_picture
from smallrtc_lab.media.synthetic import video_source
from smallrtc_lab.media.timecode import TIMECODE_WRAP_MS, decode_timecode, encode_timecode

CONTRACT = Path(__file__).parents[1] / "contract"


@pytest.mark.parametrize("seed", range(20))
def test_it_reads_what_it_wrote(seed: int) -> None:
    """At any size from 48×36 on, in colour or gray, over any picture, the number comes back."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(36, 800)), int(rng.integers(48, 1300))
    shape = (height, width, 3) if seed % 2 else (height, width)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    for milliseconds in (0, 1, TIMECODE_WRAP_MS - 1, *(int(n) for n in rng.integers(0, TIMECODE_WRAP_MS, 5))):
        encode_timecode(image, milliseconds)
        assert decode_timecode(image) == milliseconds


@pytest.mark.parametrize("golden", json.loads((CONTRACT / "timecode.json").read_text()))
def test_the_blocks_are_those_of_the_contract(golden: dict[str, Any]) -> None:
    """The page's test signal draws the same ones."""
    image = np.zeros((30, 12), np.uint8)
    encode_timecode(image, golden["milliseconds"])
    blocks = image[:9:3].reshape(-1) > 0
    assert "".join("1" if white else "0" for white in blocks) == golden["blocks"]


def test_it_wraps() -> None:
    """After 74 hours the code begins again."""
    image = np.zeros((120, 160, 3), np.uint8)
    encode_timecode(image, TIMECODE_WRAP_MS + 5)
    assert decode_timecode(image) == 5


def test_only_the_top_is_drawn_on() -> None:
    """The lower part of the picture stays as it was."""
    image = np.full((100, 120, 3), 77, np.uint8)
    encode_timecode(image, 123)
    assert (image[30:] == 77).all()
    assert set(np.unique(image[:30])) == {0, 255}


def test_pictures_without_a_code() -> None:
    """Black, white, noise, bars and gradients hold no code, nor does one with a single wrong block."""
    rng = np.random.default_rng(0)
    plain = [np.full((120, 160, 3), level, np.uint8) for level in (0, 128, 255)]
    noise = [rng.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(50)]
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    others = [video_source(name, 160, 120).picture(3) for name in ("bars", "pattern", "noise")]
    assert [decode_timecode(image) for image in [*plain, *noise, ramp, *others]] == [None] * 57
    image = np.zeros((120, 240), np.uint8)
    for block in range(36):
        encode_timecode(image, 86_399_999)
        top, left = block // 12 * 12, block % 12 * 20
        image[top : top + 12, left : left + 20] ^= 255
        assert decode_timecode(image) is None


def test_tiny_pictures_hold_none() -> None:
    """A picture with too few pixels gives None instead of an error."""
    for height, width in ((1, 1), (2, 3), (5, 20)):
        image = np.zeros((height, width, 3), np.uint8)
        encode_timecode(image, 12_345)
        assert decode_timecode(image) in (None, 12_345)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_it_survives_vp8_and_scaling(scale: int) -> None:
    """Through VP8 at 500 kbit/s, and scaled before or after, each picture's own code is read, and never another."""
    source = video_source("timecode", 640, 480, 30)
    width, height = 640 // scale, 480 // scale
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, 30), 500_000 // scale
    encoder.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0", "error-resilient": "1"}
    encoder.options |= {"minrate": str(500_000 // scale), "maxrate": str(500_000 // scale)}
    decoder = av.CodecContext.create("vp8", "r")
    right = wrong = seen = sent_bytes = 0
    for index in range(30):
        # Far apart in time, so that many blocks change from one picture to the next.
        sent = index * 997
        image = source.picture(sent)
        frame = from_picture(image).reformat(width, height)
        frame.pts = index
        for packet in encoder.encode(frame):
            sent_bytes += packet.size
            for decoded in decoder.decode(packet):
                got = decode_timecode(to_picture(decoded, "rgb", (320, 240)))
                seen += 1
                right += got == round(sent * 1000 / 30)
                wrong += got is not None and got != round(sent * 1000 / 30)
    print(f"1/{scale}: {right} of {seen} read, {wrong} wrong, {sent_bytes * 8 / 1000:.0f} kbit/s")
    assert wrong == 0
    assert right >= 0.95 * seen
    assert seen >= 28
