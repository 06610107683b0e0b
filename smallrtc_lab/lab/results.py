"""What a person's function returned, checked with words that help."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, VideoFrame

__all__ = ["as_picture", "as_samples"]


def as_picture(result: Any) -> npt.NDArray[np.uint8] | None:
    """A returned picture as contiguous uint8, (H, W) or (H, W, 3); None when nothing was returned.

    Raises :class:`TypeError` or :class:`ValueError` for anything else.
    """
    from smallrtc_lab.media.picture import check_picture  # needs no codec; loaded when first used

    if result is None:
        return None
    picture = result.image if isinstance(result, VideoFrame) else result
    if isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    return np.ascontiguousarray(check_picture(picture))


def as_samples(result: Any, called: str = "returned sound") -> npt.NDArray[np.float32] | None:
    """Returned sound as (n, channels) float32 in [-1, 1]; None when nothing was returned.

    Takes (n,) and (n, channels), float32, float64 and int16. Raises :class:`TypeError` or
    :class:`ValueError` for anything else.
    """
    if result is None:
        return None
    samples = result.samples if isinstance(result, AudioClip) else np.asarray(result)
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32) / 32768.0
    if samples.dtype not in (np.float32, np.float64):
        raise TypeError(f"{called} is float32, float64 or int16, this is {samples.dtype}")
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or samples.shape[1] not in (1, 2):
        hint = "; transpose it?" if samples.ndim == 2 and samples.shape[0] in (1, 2) else ""
        raise ValueError(f"{called} is (n,) or (n, channels), this is {samples.shape}{hint}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{called} holds NaN or infinity")
    return np.ascontiguousarray(np.clip(samples, -1.0, 1.0), dtype=np.float32)
