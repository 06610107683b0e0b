"""What each kind of file can hold, by its suffix.

Checked against FFmpeg's muxers: WebM takes VP8 and Opus only, Matroska also H.264, MP4 no VP8, Ogg (here) Opus, WAV
samples. What a file cannot hold is transcoded, to the codec named here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["FORMATS", "FileFormat", "Kind", "TrackName", "file_format", "next_path"]

Kind: TypeAlias = Literal["audio", "video"]

# What is lost at most when the process is killed.
_EVERY_S = 1.0
# A stream that pauses holds up what is written of the others no longer than this.
_INTERLEAVE_S = 0.5

_WHILE_WRITING = {"flush_packets": "1", "max_interleave_delta": str(round(_INTERLEAVE_S * 1e6))}
_CLUSTERS = {"cluster_time_limit": str(round(_EVERY_S * 1000))}
# Fragments while it is written, an ordinary MP4 with its index in the end.
_FRAGMENTS = {"movflags": "hybrid_fragmented", "frag_duration": str(round(_EVERY_S * 1e6))}
_PAGES = {"page_duration": str(round(_EVERY_S / 2 * 1e6))}


class TrackName(NamedTuple):
    """A track of a recording: its kind, and its title in the file."""

    kind: Kind
    title: str


@dataclass(frozen=True)
class FileFormat:
    """A container: FFmpeg's name, the SDP names of codecs it takes as they are, and those others become.

    ``video`` is None for a file of sound alone. ``options`` are the muxer's.
    """

    suffix: str
    muxer: str
    copies: frozenset[str]
    video: str | None
    audio: str = "opus"
    options: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it has tracks for."""
        return ("audio",) if self.video is None else ("audio", "video")

    @property
    def tracks_of_sound(self) -> int | None:
        """How many sounds it holds side by side; None: any number."""
        return 1 if self.video is None else None


FORMATS = {
    one.suffix: one
    for one in (
        FileFormat(
            ".webm", "webm", frozenset({"VP8", "opus"}), "VP8", options={**_WHILE_WRITING, **_CLUSTERS}
        ),
        FileFormat(
            ".mkv",
            "matroska",
            frozenset({"VP8", "H264", "opus"}),
            "VP8",
            options={**_WHILE_WRITING, **_CLUSTERS},
        ),
        FileFormat(
            ".mp4", "mp4", frozenset({"H264", "opus"}), "H264", options={**_WHILE_WRITING, **_FRAGMENTS}
        ),
        FileFormat(".ogg", "ogg", frozenset({"opus"}), None, options={**_WHILE_WRITING, **_PAGES}),
        FileFormat(".wav", "wav", frozenset(), None, audio="samples"),
    )
}


def file_format(path: PurePath) -> FileFormat:
    """The format for a file's suffix; raises ``ValueError`` naming those there are."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ValueError(f"a recording ends in {', '.join(FORMATS)}, not {path.suffix or path.name!r}")
    return found


def next_path(path: Path) -> Path:
    """``name-2.webm`` after ``name.webm``, or the first of ``-3``, ``-4``, … that is free; an empty file keeps it."""
    number = 2
    while True:
        following = path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            following.touch(exist_ok=False)
            return following
        except FileExistsError:
            number += 1
