"""A picture and a tone whose every value is known, as files that Chromium plays as its camera and microphone.

The picture is 640×480 at 30 frames/s: eight blocks of one colour each above a strip that counts the frames in
binary, so that a test can tell colours, orientation, freshness and delay. Colours are BT.601, limited range,
4:2:0.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLOCKS",
    "FRAMES",
    "FRAME_RATE",
    "TONE_AMPLITUDE",
    "TONE_HZ",
    "Block",
    "KnownMedia",
    "make_known_media",
]
__all__ += ["measure_blocks", "picture_error", "read_counter", "tone_of"]

WIDTH, HEIGHT, FRAME_RATE = 640, 480, 30
FRAMES = 64  # six bits of counter; the file repeats every 2.13 s
COLUMNS, ROWS = 4, 2
STRIP_TOP = 384
COLOURS = (
    (200, 40, 40),
    (40, 180, 60),
    (50, 70, 200),
    (210, 200, 50),
    (190, 60, 190),
    (50, 190, 190),
    (230, 230, 230),
    (60, 60, 60),
)
TONE_HZ = 700.0
TONE_AMPLITUDE = 0.25
TONE_SAMPLE_RATE = 48000


@dataclass(frozen=True)
class Block:
    """One block of the picture: its centre as fractions of width and height, and its colour."""

    x: float
    y: float
    rgb: tuple[int, int, int]


BLOCKS = tuple(
    Block(
        x=(index % COLUMNS + 0.5) / COLUMNS,
        y=(index // COLUMNS + 0.5) / ROWS * STRIP_TOP / HEIGHT,
        rgb=rgb,
    )
    for index, rgb in enumerate(COLOURS)
)


@dataclass(frozen=True)
class KnownMedia:
    """The two files, and the picture without its counter as (480, 640, 3) uint8 RGB."""

    camera: Path
    microphone: Path
    image: NDArray[np.uint8]


def make_known_media(directory: Path) -> KnownMedia:
    """Write `camera.y4m` (30 MB) and `microphone.wav` into `directory`."""
    media = KnownMedia(directory / "camera.y4m", directory / "microphone.wav", blocks_image())
    write_picture(media.camera, media.image)
    write_tone(media.microphone)
    return media


def blocks_image() -> NDArray[np.uint8]:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for index, rgb in enumerate(COLOURS):
        row, column = divmod(index, COLUMNS)
        top, left = row * STRIP_TOP // ROWS, column * WIDTH // COLUMNS
        image[top : top + STRIP_TOP // ROWS, left : left + WIDTH // COLUMNS] = rgb
    return image


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    y, u, v = yuv420(image)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAME_RATE}:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            strip = np.where(counter_cells(number), 235, 16).astype(np.uint8)
            y[STRIP_TOP:] = np.repeat(strip, WIDTH // len(strip))
            file.write(b"FRAME\n" + y.tobytes() + u.tobytes() + v.tobytes())


def counter_cells(number: int) -> NDArray[np.bool_]:
    """Eight cells, left to right: six bits, highest first, their parity, and one that is always white."""
    bits = [bool(number >> shift & 1) for shift in range(5, -1, -1)]
    return np.array([*bits, sum(bits) % 2 == 1, True])


def yuv420(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """BT.601, limited range (ITU-R BT.601-7, 2.5.1): y in 16..235, u and v in 16..240 around 128."""
    rgb = image.astype(np.float64) / 255
    y = 16 + rgb @ [65.481, 128.553, 24.966]
    u = 128 + rgb @ [-37.797, -74.203, 112.0]
    v = 128 + rgb @ [112.0, -93.786, -18.214]
    u, v = (plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) for plane in (u, v))
    y8, u8, v8 = (np.rint(plane).astype(np.uint8) for plane in (y, u, v))
    return y8, u8, v8


def write_tone(path: Path, seconds: int = 10) -> None:
    """Whole periods, so that the repeating file has no click at its seam."""
    times_s = np.arange(seconds * TONE_SAMPLE_RATE) / TONE_SAMPLE_RATE
    samples = TONE_AMPLITUDE * np.sin(2 * np.pi * TONE_HZ * times_s)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(TONE_SAMPLE_RATE)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())


def measure_blocks(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean colour of the middle of each block in a picture of any size, (8, 3), RGB."""
    height, width = image.shape[:2]
    half_w, half_h = width // 16, height // 16
    means = []
    for block in BLOCKS:
        x, y = round(block.x * width), round(block.y * height)
        means.append(image[y - half_h : y + half_h, x - half_w : x + half_w].reshape(-1, 3).mean(axis=0))
    return np.array(means)


def picture_error(image: NDArray[np.uint8]) -> float:
    """The mean absolute error of the eight block colours, in steps of 0..255."""
    return float(np.abs(measure_blocks(image) - np.array(COLOURS)).mean())


def read_counter(image: NDArray[np.uint8]) -> int | None:
    """The frame's number (0..63) in its strip, (H, W) or (H, W, 3); None when the parity is wrong."""
    height, width = image.shape[:2]
    row = round((STRIP_TOP + HEIGHT) / 2 / HEIGHT * height)
    luma = image if image.ndim == 2 else image.mean(axis=2)
    cells = [
        luma[row - 4 : row + 4, round((i + 0.5) * width / 8) - 4 :][:, :8].mean() > 128 for i in range(8)
    ]
    if not cells[7] or cells[6] != (sum(cells[:6]) % 2 == 1):
        return None
    return sum(int(bit) << shift for bit, shift in zip(cells[:6], range(5, -1, -1), strict=True))


def tone_of(mono: NDArray[np.float32], sample_rate: int) -> tuple[float, float]:
    """(frequency in Hz, amplitude) of the strongest sine in at least 0.2 s of sound, (n,)."""
    window = np.hanning(len(mono))
    spectrum = np.abs(np.fft.rfft(mono * window, 8 * len(mono)))
    peak = int(spectrum.argmax())
    return peak * sample_rate / (8 * len(mono)), float(2 * spectrum[peak] / window.sum())
