"""Which files there are, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallrtc_lab.media.recorder_formats import FORMATS, file_format, next_path


def test_a_suffix_names_the_format() -> None:
    """In capitals too; another suffix, or none, is told which there are."""
    assert file_format(Path("a/Lecture.WEBM")).muxer == "webm"
    for wrong in ("lecture.avi", "lecture"):
        with pytest.raises(ValueError, match=r"\.webm, \.mkv, \.mp4, \.ogg, \.wav"):
            file_format(Path(wrong))


def test_mp4_and_webm_copy_what_they_can_hold() -> None:
    """MP4 has no VP8, WebM no H.264, and files of sound have no pictures."""
    assert "VP8" not in FORMATS[".mp4"].copies
    assert "H264" not in FORMATS[".webm"].copies
    assert [one.suffix for one in FORMATS.values() if "video" not in one.kinds] == [".ogg", ".wav"]


def test_names_of_next_files_are_free_ones(tmp_path: Path) -> None:
    """Nothing is ever overwritten by a next file."""
    (tmp_path / "a-2.webm").write_text("mine")
    assert next_path(tmp_path / "a.webm") == tmp_path / "a-3.webm"
    assert (tmp_path / "a-2.webm").read_text() == "mine"
