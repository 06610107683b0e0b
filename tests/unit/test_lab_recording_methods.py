"""A picture as a file."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smallrtc_lab.frames import VideoFrame
from smallrtc_lab.lab.recording_methods import save_picture

FRAME = VideoFrame(np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8), 0.0)


@pytest.fixture
def no_room() -> Iterator[None]:
    """A system that lets no file grow beyond 1000 bytes, as a full disk does."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str) -> None:
    """In capitals too; PNG keeps every pixel."""
    path = tmp_path / f"now{suffix}"
    save_picture(FRAME, path, overwrite=False)
    with Image.open(path) as saved:
        assert saved.format in {".png": ("PNG",), ".webp": ("WEBP",)}.get(suffix, ("JPEG",))
        assert suffix != ".png" or np.array_equal(np.asarray(saved), FRAME.image)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_picture(FRAME, path, overwrite=False)
    save_picture(FRAME, path, overwrite=True)


def test_a_full_disk_leaves_no_file_of_nothing(tmp_path: Path, no_room: None) -> None:
    """It is an error, and the name is free again."""
    with pytest.raises(OSError, match="File too large"):
        save_picture(FRAME, tmp_path / "now.png", overwrite=False)
    assert list(tmp_path.iterdir()) == []
