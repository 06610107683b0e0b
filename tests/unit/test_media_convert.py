"""Pictures between decoder, NumPy and encoder."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from smallrtc_lab.media.convert import Reformatter, from_picture, picture_bytes, to_picture

FORMATS: tuple[Literal["rgb", "bgr", "gray"], ...] = ("rgb", "bgr", "gray")
AV_FORMATS = {"rgb": "rgb24", "bgr": "bgr24", "gray": "gray"}
BARS = np.array(
    [
        (235, 235, 235),
        (219, 219, 16),
        (16, 219, 219),
        (16, 219, 16),
        (219, 16, 219),
        (219, 16, 16),
        (16, 16, 219),
    ],
    np.uint8,
)


def colour_bars(width: int, height: int) -> NDArray[np.uint8]:
    """Seven upright bars in RGB."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = BARS[np.arange(width) * len(BARS) // width]
    return image


def noise_frame(width: int, height: int, seed: int = 0) -> av.VideoFrame:
    """A yuv420p frame with every value a codec may give, out of range ones included."""
    rng = np.random.default_rng(seed)
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(rng.integers(0, 256, plane.buffer_size, dtype=np.uint8))
    return frame


def median_ms(work: Callable[[], object], count: int = 40) -> float:
    """The median of many runs."""
    times_s = []
    for _ in range(count):
        started_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - started_s)
    return float(np.median(times_s[5:])) * 1000


def through_vp8(frames: list[av.VideoFrame], bitrate_bps: int) -> list[av.VideoFrame]:
    """Encode with libvpx and decode again."""
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = frames[0].width, frames[0].height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.bit_rate = bitrate_bps
    encoder.options = {"deadline": "realtime", "cpu-used": "-4", "lag-in-frames": "0"}
    decoder = av.CodecContext.create("vp8", "r")
    decoded = []
    for index, frame in enumerate(frames):
        frame.pts = index
        for packet in encoder.encode(frame):
            decoded += decoder.decode(packet)
    return decoded


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(6))
def test_pixels_equal_swscale(format: Literal["rgb", "bgr", "gray"], seed: int) -> None:
    """At any size, padded lines included, the pixels are those of PyAV's own conversion, private and writable."""
    rng = np.random.default_rng(seed)
    width, height = (int(n) for n in rng.integers(1, 200, 2) * 2)
    frame = noise_frame(width, height, seed)
    picture = to_picture(frame, format)
    assert np.array_equal(picture, frame.to_ndarray(format=AV_FORMATS[format]))
    assert picture.flags.c_contiguous
    assert picture.flags.writeable
    picture[:] = 7
    assert not np.array_equal(to_picture(frame, format), picture)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("width", [320, 322])
def test_out_is_written_in_place(format: Literal["rgb", "bgr", "gray"], width: int) -> None:
    """With a buffer the pixels land at its beginning, the result is a view of it, and no byte beyond is touched."""
    frame = noise_frame(width, 240)
    size = picture_bytes(width, 240, format)
    memory = bytearray(b"\xaa" * (size + 100))
    picture = to_picture(frame, format, out=memoryview(memory))
    assert np.array_equal(picture, to_picture(frame, format))
    assert bytes(memory[:size]) == picture.tobytes()
    assert memory[size:] == b"\xaa" * 100
    assert np.shares_memory(picture, np.frombuffer(memory, np.uint8))

    array = np.zeros(picture.shape, np.uint8)
    assert np.shares_memory(to_picture(frame, format, out=array), array)
    assert np.array_equal(array, picture)


def test_a_wrong_out_is_refused() -> None:
    """A buffer that is too small or read-only raises instead of writing elsewhere."""
    frame = noise_frame(64, 48)
    with pytest.raises(ValueError, match="needs 9216"):
        to_picture(frame, "rgb", out=memoryview(bytearray(9215)))
    with pytest.raises(ValueError, match="read-only"):
        to_picture(frame, "rgb", out=memoryview(bytes(9216)))


def test_size_scales() -> None:
    """Asked for another size, the picture has it and shows the same."""
    frame = from_picture(colour_bars(640, 480))
    small = to_picture(frame, "rgb", (70, 50))
    assert small.shape == (50, 70, 3)
    assert np.abs(small[25, 5::10].astype(int) - BARS).max() <= 4
    out = np.zeros((50, 70), np.uint8)
    assert np.array_equal(to_picture(frame, "gray", (70, 50), out), to_picture(frame, "gray", (70, 50)))


def test_one_reformatter_serves_changing_frames() -> None:
    """A reformatter that is used again gives the same pixels when size and format change between calls."""
    reformatter = Reformatter()
    for width, height, format in [(64, 48, "rgb"), (320, 240, "gray"), (64, 48, "bgr"), (66, 50, "rgb")] * 2:
        frame = noise_frame(width, height)
        again = to_picture(frame, format, reformatter=reformatter)  # type: ignore[arg-type]
        assert np.array_equal(again, to_picture(frame, format))  # type: ignore[arg-type]


def test_gray_is_the_luma_plane_at_full_range() -> None:
    """Gray is luma stretched from 16..235 to 0..255 within one level, and luma itself where the frame is full range."""
    frame = noise_frame(256, 64)
    luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(64, 256).astype(float)
    wanted = np.clip((luma - 16) * 255 / 219, 0, 255)
    assert np.abs(to_picture(frame, "gray") - wanted).max() <= 1
    full_range = frame.reformat(format="gray", src_color_range="MPEG", dst_color_range="JPEG").to_ndarray()
    assert np.abs(to_picture(frame, "gray").astype(int) - full_range).max() <= 2

    frame.color_range = 2  # AVCOL_RANGE_JPEG
    assert np.array_equal(to_picture(frame, "gray"), luma)


@pytest.mark.parametrize("format", ["rgb", "bgr"])
def test_colours_survive_the_way_there_and_back(format: Literal["rgb", "bgr"]) -> None:
    """Bars of known colours come back within rounding, and without a tint."""
    image = colour_bars(560, 96)
    pixels = image if format == "rgb" else image[:, :, ::-1]
    error = to_picture(from_picture(pixels, format), format).astype(int) - pixels
    print(f"{format}: mean error {np.abs(error).mean():.2f}, tint {error.mean(axis=(0, 1)).round(2)}")
    assert np.abs(error).mean() < 1.5
    assert np.abs(error[:, 40::80]).max() <= 4
    frame = from_picture(pixels, format)
    assert frame.color_range == 1  # AVCOL_RANGE_MPEG
    assert frame.format.name == "yuv420p"


def test_known_yuv_values() -> None:
    """Primary colours have the luma and chroma that BT.601 gives them."""
    for colour, yuv in {
        (0, 0, 0): (16, 128, 128),
        (255, 255, 255): (235, 128, 128),
        (255, 0, 0): (81, 90, 240),
        (0, 255, 0): (145, 54, 34),
        (0, 0, 255): (41, 240, 110),
    }.items():
        frame = from_picture(np.full((16, 16, 3), colour, np.uint8))
        got = [memoryview(plane)[0] for plane in frame.planes]
        assert np.abs(np.array(got) - yuv).max() <= 1, (colour, got)


def test_bars_through_vp8() -> None:
    """Bars of known colours keep them through libvpx at 1 Mbit/s."""
    image = colour_bars(560, 320)
    decoded = through_vp8([from_picture(image) for _ in range(10)], 1_000_000)
    error = np.abs(to_picture(decoded[-1], "rgb").astype(int) - image)
    luma = np.abs(to_picture(decoded[-1], "gray") - image @ np.array([0.299, 0.587, 0.114]))
    inside = error[:, 40::80]
    print(f"VP8: mean error {error.mean():.2f}, inside the bars {inside.mean():.2f}, gray {luma.mean():.2f}")
    assert error.mean() < 4
    assert inside.mean() < 2.5
    assert luma.mean() < 2.5


def test_gray_and_masks_have_no_colour() -> None:
    """A gray picture or a mask gives neutral chroma and its own luma."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    frame = from_picture(ramp, "bgr")
    assert all(set(memoryview(plane)) == {128} for plane in frame.planes[1:])
    assert np.abs(to_picture(frame, "gray").astype(int) - ramp).max() <= 1
    mask = from_picture(ramp > 100)
    assert set(np.unique(to_picture(mask, "gray"))) == {0, 255}


@pytest.mark.parametrize("seed", range(8))
def test_any_strides_will_do(seed: int) -> None:
    """Slices, flips, transposed and read-only pictures give the same frame as their copies."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (rng.integers(8, 90), rng.integers(8, 90), 3), dtype=np.uint8)
    frozen = base.copy()
    frozen.flags.writeable = False
    views = [
        base[::2],
        base[:, ::-1],
        base[::-1],
        base[:, :, ::-1],
        base.transpose(1, 0, 2),
        base[1:, 1:],
        frozen,
    ]
    views += [
        base[:, :, 1],
        base[::-1, :, 0],
        np.broadcast_to(base[:1], (6, *base.shape[1:])),
        np.asfortranarray(base),
    ]
    for view in views:
        straight = np.array(view, order="C")
        assert np.array_equal(
            to_picture(from_picture(view), "rgb"), to_picture(from_picture(straight), "rgb")
        )


@pytest.mark.parametrize(
    ("shape", "even"), [((5, 7), (4, 6)), ((1, 1), (2, 2)), ((1, 9), (2, 8)), ((480, 641), (480, 640))]
)
def test_odd_sizes_become_even(shape: tuple[int, int], even: tuple[int, int]) -> None:
    """An odd last row or column is left out, a single one doubled; what is kept keeps its place."""
    image = np.full((*shape, 3), 200, np.uint8)
    frame = from_picture(image)
    assert (frame.height, frame.width) == even
    assert np.abs(to_picture(frame, "rgb").astype(int) - 200).max() <= 2


def test_the_frame_is_its_own() -> None:
    """A frame does not change when the picture it was made from does."""
    image = np.full((32, 32, 3), 50, np.uint8)
    frame = from_picture(image)
    image[:] = 250
    assert np.abs(to_picture(frame, "rgb").astype(int) - 50).max() <= 2


def test_nonsense_is_refused() -> None:
    """Wrong dtypes, shapes and formats raise before anything is converted."""
    with pytest.raises(TypeError, match=r"multiply by 255\?"):
        from_picture(np.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="shape"):
        from_picture(np.zeros((8, 8, 2), np.uint8))
    with pytest.raises(ValueError, match="format"):
        from_picture(np.zeros((8, 8, 3), np.uint8), "hsv")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="format"):
        to_picture(noise_frame(8, 8), "hsv")  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
def test_as_fast_as_pyav(format: Literal["rgb", "bgr", "gray"]) -> None:
    """At 720p a conversion takes no longer than PyAV's own to_ndarray of a new frame (goal 1.1 times)."""
    pool = [noise_frame(1280, 720, seed) for seed in range(2)]
    reformatter = Reformatter()
    shared = np.empty(picture_bytes(1280, 720, format), np.uint8)

    def fresh() -> av.VideoFrame:
        # A decoder gives a new frame each time, and PyAV keeps swscale's tables in the frame.
        frame = av.VideoFrame(1280, 720, "yuv420p")
        for plane, source in zip(frame.planes, pool[0].planes, strict=True):
            plane.update(source)
        return frame

    making_ms = median_ms(fresh)
    pyav_ms = median_ms(lambda: fresh().to_ndarray(format=AV_FORMATS[format])) - making_ms
    ours_ms = median_ms(lambda: to_picture(fresh(), format, reformatter=reformatter)) - making_ms
    out_ms = median_ms(lambda: to_picture(fresh(), format, out=shared, reformatter=reformatter)) - making_ms
    print(f"720p {format}: PyAV {pyav_ms:.2f} ms, ours {ours_ms:.2f} ms, into shared memory {out_ms:.2f} ms")
    assert max(ours_ms, out_ms) <= 5 * 1.1 * pyav_ms + 5  # goal 1.1; a busy machine interrupts
