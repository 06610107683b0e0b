"""What a person gives to be played, checked with words that help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip

from .results import as_samples

__all__ = ["place_of", "sound_of"]

LOUD = 8.0  # so far above full scale samples are of another scale, and no loud sound


def sound_of(samples: Any) -> npt.NDArray[np.float32]:
    """(n, 1 or 2) float32; raises :class:`TypeError` or :class:`ValueError` for what is no sound."""
    given = samples.samples if isinstance(samples, AudioClip) else np.asarray(samples)
    if given.dtype.kind == "f" and given.size and LOUD < (peak := float(np.abs(given).max())) < np.inf:
        raise ValueError(f"full scale is 1 and these samples reach {peak:.4g}: divide by 32768?")
    sound = as_samples(samples, "sound to play")
    assert sound is not None
    return sound


def place_of(path: str | os.PathLike[str]) -> str:
    """The file's whole path, for the engine was started elsewhere; an address of the network as it is.

    Raises :class:`FileNotFoundError`, which says where it was looked for.
    """
    text = os.fspath(path)
    if "://" in text:
        return text
    whole_path = Path(text).expanduser().absolute()
    if not whole_path.exists():
        raise FileNotFoundError(f"there is no file {text!r} in {Path.cwd()}")
    return str(whole_path)
