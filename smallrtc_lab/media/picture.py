"""What counts as a picture: shapes, sizes in bytes, and the check of what a callback returned.

Needs NumPy only, so that the kernel can check a picture without loading any codec.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Picture, PixelFormat

__all__ = ["check_format", "check_picture", "picture_bytes", "picture_shape"]

WANTED = "a picture is uint8 or bool with shape (height, width) or (height, width, 3)"


def check_format(format: str) -> None:
    """Raise ``ValueError`` unless ``format`` is ``"rgb"``, ``"bgr"`` or ``"gray"``."""
    if format not in ("rgb", "bgr", "gray"):
        raise ValueError(f'format is "rgb", "bgr" or "gray", got {format!r}')


def picture_shape(width: int, height: int, format: PixelFormat) -> tuple[int, ...]:
    """The shape of such a picture: (height, width, 3), or (height, width) for ``"gray"``."""
    check_format(format)
    return (height, width) if format == "gray" else (height, width, 3)


def picture_bytes(width: int, height: int, format: PixelFormat) -> int:
    """How many bytes such a picture needs."""
    check_format(format)
    return width * height * (1 if format == "gray" else 3)


def check_picture(image: Any) -> Picture:
    """``image`` as uint8 (H, W) or (H, W, 3); True becomes 255, nothing else is converted.

    A uint8 array passes as it is, without a copy. Raises ``TypeError`` for another dtype or something
    that is no array, ``ValueError`` for another shape; the sentence names what was got and what is wanted.
    """
    array = _as_array(image)
    if array.dtype == np.bool_:
        array = array.view(np.uint8) * np.uint8(255)
    elif array.dtype != np.uint8:
        raise TypeError(_dtype_sentence(array))
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or array.size == 0:
        raise ValueError(_shape_sentence(array.shape))
    return array


def _as_array(image: Any) -> npt.NDArray[Any]:
    if isinstance(image, np.ndarray):
        return image
    if hasattr(image, "__array__"):
        return np.asarray(image)
    raise TypeError(f"got {type(image).__name__}, which is not an array; {WANTED}")


def _dtype_sentence(array: npt.NDArray[Any]) -> str:
    got = f"got a picture of {array.dtype}; {WANTED}"
    if array.dtype.kind != "f" or array.size == 0:
        return f"{got}: convert it with np.clip(picture, 0, 255).astype(np.uint8)"
    low, high = float(array.min()), float(array.max())
    if low >= 0.0 and high <= 1.0:
        return f"{got}: its values lie between 0 and 1, multiply by 255? (picture * 255).astype(np.uint8)"
    return (
        f"{got}: its values lie between {low:.4g} and {high:.4g}, "
        "scale them to 0..255 and convert with .astype(np.uint8)"
    )


def _shape_sentence(shape: tuple[int, ...]) -> str:
    got = f"got a picture of shape {shape}; {WANTED}"
    if 0 in shape:
        return f"{got}, and has at least one pixel"
    if len(shape) == 3 and shape[2] == 4:
        return f"{got}: leave the alpha channel out with picture[:, :, :3]"
    if len(shape) == 3 and shape[2] == 1:
        return f"{got}: leave the last axis out with picture[:, :, 0]"
    if len(shape) == 3 and shape[0] == 3:
        return f"{got}: channels come last, np.moveaxis(picture, 0, -1)"
    return got
