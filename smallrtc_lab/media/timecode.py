"""A time code in the picture itself, to measure the true delay from one place to another.

The top 30 % of the picture hold 3 rows of 12 black or white blocks: 28 bits of milliseconds, most significant
first, then a CRC-8. The grid is relative to the picture's size, so it survives scaling; the blocks are large,
so they survive a video codec at a low bitrate; the checksum and the contrast tell a picture without a code.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Picture

__all__ = ["TIMECODE_HEIGHT", "TIMECODE_WRAP_MS", "decode_timecode", "encode_timecode"]

TIMECODE_HEIGHT = 0.3
TIMECODE_WRAP_MS = 1 << 28  # 74 hours

_ROWS, _COLUMNS = 3, 12
_BITS = 28
_SAMPLES = 5  # points a block and direction that are looked at, within its inner half
_CONTRAST = 60  # levels between black and white below which there is no code
_CRC_POLYNOMIAL = 0x07  # CRC-8 of ITU-T I.432.1
_CRC_START = 0x5A  # not zero, so that neither a black nor a white picture is a code


def encode_timecode(image: Picture, milliseconds: int) -> None:
    """Draw the code for ``milliseconds`` (modulo :data:`TIMECODE_WRAP_MS`) into (H, W) or (H, W, 3) uint8."""
    height, width = image.shape[:2]
    rows, columns = _edges(round(height * TIMECODE_HEIGHT), _ROWS), _edges(width, _COLUMNS)
    blocks = (_blocks(milliseconds % TIMECODE_WRAP_MS) * np.uint8(255)).reshape(_ROWS, _COLUMNS)
    wide = np.repeat(blocks, np.diff(columns), axis=1)
    for row, (top, bottom) in enumerate(pairwise(rows)):
        image[top:bottom] = wide[row] if image.ndim == 2 else wide[row, :, None]


def decode_timecode(image: Picture) -> int | None:
    """The milliseconds drawn into ``image``, (H, W) or (H, W, 3) uint8, or None when there is no legible code."""
    height, width = image.shape[:2]
    rows = _points(round(height * TIMECODE_HEIGHT), _ROWS)
    columns = _points(width, _COLUMNS)
    seen = image[rows[:, None], columns].astype(np.float32)
    if image.ndim == 3:
        seen = seen.mean(axis=2)
    levels = seen.reshape(_ROWS, _SAMPLES, _COLUMNS, _SAMPLES).mean(axis=(1, 3)).reshape(-1)
    black, white = float(levels.min()), float(levels.max())
    if white - black < _CONTRAST:
        return None
    relative = (levels - black) / (white - black)
    bits = relative > 0.5
    if np.abs(relative - bits).max() > 0.4:
        return None
    milliseconds = _number(bits[:_BITS])
    return milliseconds if np.array_equal(bits, _blocks(milliseconds)) else None


def _blocks(milliseconds: int) -> npt.NDArray[np.uint8]:
    code = milliseconds << 8 | _crc8(milliseconds)
    return np.array([code >> shift & 1 for shift in range(_BITS + 7, -1, -1)], np.uint8)


def _number(bits: npt.NDArray[np.bool_]) -> int:
    value = 0
    for bit in bits:
        value = value << 1 | bool(bit)
    return value


def _crc8(milliseconds: int) -> int:
    crc = _CRC_START
    for byte in milliseconds.to_bytes(4, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
    return crc


def _edges(length: int, parts: int) -> list[int]:
    return [round(length * part / parts) for part in range(parts + 1)]


def _points(length: int, parts: int) -> npt.NDArray[np.intp]:
    """Where to look: ``_SAMPLES`` points in the inner half of each part."""
    inside = 0.25 + 0.5 * (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    places = (np.arange(parts)[:, None] + inside).reshape(-1) * length / parts
    return np.minimum(places, max(length - 1, 0)).astype(np.intp)
