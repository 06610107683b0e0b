"""A take as a file, ``.take``: a zip that holds

``take.json``
    ``format`` ("smallrtc-lab take"), ``version`` (1), times, messages, events, what is said of sound and tracks.
``media.mkv``
    The pictures as they came, one track for each source and codec (Matroska), and the sound as FLAC, which
    loses nothing. Any player opens it.
``camera.npy``, ``screen.npy``
    One row a picture: its track, pts, session time, arrival, epoch, and whether it is a keyframe.
``statistics.npy``
    A structured array of floats.

A file is a stranger's: sizes are checked before anything is read, NumPy files hold no objects, nothing is unpacked
to disk, and every fault is a ``ValueError`` with a sentence.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .ring import MissingSamples
from .take_media import ROW, demux, mux, rows_of
from .taken import TakenAll, TakenEvent, TakenMessage, TakenPictures, TakenSound

__all__ = ["is_take", "load", "save"]

FORMAT = "smallrtc-lab take"
VERSION = 1
_MOST = {"take.json": 64 << 20, "media.mkv": 2 << 30}
_MOST_ARRAY = 64 << 20
_MOST_SAMPLES = 3600 * 48000
_SOURCES = ("camera", "screen")
_FAULTS = (  # what zipfile, json, NumPy and FFmpeg raise for what they cannot read
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, NotImplementedError),
    *(ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError, SyntaxError),
    *(tokenize.TokenError, av.error.FFmpegError),
)


def save(take: TakenAll, path: Path, *, overwrite: bool = False) -> Path:
    """See :meth:`Take.save`. A file that could not be finished is taken away again."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already: choose another name, or allow it with overwrite=True")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it first, with mkdir()")
    members = _members(take)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as out, zipfile.ZipFile(out, "w") as archive:
            for name, content in members.items():
                packing = zipfile.ZIP_STORED if name == "media.mkv" else zipfile.ZIP_DEFLATED
                archive.writestr(name, content, packing)
        _into_place(unfinished, path, overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
    return path


def load(path: Path) -> TakenAll:
    """See :meth:`Take.load`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _take(archive)
    except _FAULTS as error:
        raise ValueError(f"{path} is no take, or a damaged one: {error}") from None


def is_take(path: Path) -> bool:
    """Whether a file is a zip, as takes are; raises ``FileNotFoundError`` when there is none."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    return zipfile.is_zipfile(path)


def _into_place(unfinished: str, path: Path, overwrite: bool) -> None:
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(unfinished, 0o666 & ~umask)  # as any other file that this person makes
    if overwrite:
        os.replace(unfinished, path)
        return
    try:
        os.link(unfinished, path)  # fails where another one has come meanwhile
    except FileExistsError:
        raise FileExistsError(
            f"{path} exists already: choose another name, or allow it with overwrite=True"
        ) from None
    except OSError:  # a file system without links
        os.replace(unfinished, path)


def _members(take: TakenAll) -> dict[str, bytes]:
    tracks, media = mux(take._sources, take._sound)
    described = {
        "format": FORMAT,
        "version": VERSION,
        "start_s": take.start_s,
        "duration_s": take.duration_s,
        "shareable": take.shareable,
        "tracks": tracks,
        "sound": _described(take._sound),
        "messages": [list(one) for one in take.messages],
        "events": [list(one) for one in take.events],
    }
    members = {"take.json": json.dumps(described).encode(), "media.mkv": media}
    for source, pictures in take._sources.items():
        members[f"{source}.npy"] = _npy(rows_of(pictures))
    members["statistics.npy"] = _npy(take.statistics)
    return members


def _described(sound: TakenSound | None) -> dict[str, Any] | None:
    if sound is None:
        return None
    return {
        "samples": len(sound.samples),
        "channels": sound.samples.shape[1],
        "sample_rate": sound.sample_rate,
        "position": sound.position,
        "shifts": [list(one) for one in sound.shifts],
        "gaps": [list(one) for one in sound.gaps],
        "time_kind": sound.time_kind,
    }


def _npy(array: npt.NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
    return out.getvalue()


# Reading


def _take(archive: zipfile.ZipFile) -> TakenAll:
    described = json.loads(_read(archive, "take.json", _MOST["take.json"]))
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise ValueError("it does not say that it is one")
    if described.get("version") != VERSION:
        raise ValueError(
            f"it is of version {described.get('version')!r}, and this is for {VERSION}: a newer smallrtc-lab reads it"
        )
    rows = {
        source: _array(archive, f"{source}.npy", ROW)
        for source in _SOURCES
        if f"{source}.npy" in archive.namelist()
    }
    sound = _checked_sound(described["sound"])
    media = _read(archive, "media.mkv", _MOST["media.mkv"]) if rows or sound else b""
    samples, sources = demux(media, described["tracks"], rows, None if sound is None else sound.samples.shape)
    return TakenAll(
        _number(described["start_s"]),
        _number(described["duration_s"]),
        tuple(TakenMessage(_number(t), str(who), message) for t, who, message in described["messages"]),
        tuple(TakenEvent(_number(t), str(name), dict(details)) for t, name, details in described["events"]),
        _statistics(archive),
        bool(described["shareable"]),
        _sound=None if sound is None or samples is None else _with(sound, samples),
        _sources={name: TakenPictures(name, packets) for name, packets in sources.items()},  # type: ignore[arg-type]
    )


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    size = archive.getinfo(name).file_size
    if size > most:
        raise ValueError(f"{name} in it would be {size / 1e6:.0f} MB")
    return archive.read(name)


def _array(archive: zipfile.ZipFile, name: str, kind: np.dtype[Any] | None) -> npt.NDArray[Any]:
    """A one-dimensional array of that kind, or of floats with names; its size is checked before it is made."""
    content = _read(archive, name, _MOST_ARRAY)
    source = io.BytesIO(content)
    version = np.lib.format.read_magic(source)
    if version != (1, 0):
        raise ValueError(f"{name} in it is of another version")
    shape, _, said = np.lib.format.read_array_header_1_0(source)
    floats = said.names is not None and all(said[one] == np.float64 for one in said.names)
    if (kind is None and not floats) or (kind is not None and said != kind):
        raise ValueError(f"{name} in it holds something else")
    if len(shape) != 1 or shape[0] * said.itemsize != len(content) - source.tell():
        raise ValueError(f"{name} in it is not whole")
    return np.frombuffer(content, said, offset=source.tell()).copy()


def _statistics(archive: zipfile.ZipFile) -> npt.NDArray[np.void]:
    rows = _array(archive, "statistics.npy", None)
    if "time_s" not in (rows.dtype.names or ()):
        raise ValueError("its statistics have no times")
    return rows


def _checked_sound(described: Any) -> TakenSound | None:
    """The sound without its samples yet: as many zeros that take no room."""
    if described is None:
        return None
    count, channels, rate = (int(described[name]) for name in ("samples", "channels", "sample_rate"))
    if not (0 <= count <= _MOST_SAMPLES and 1 <= channels <= 2 and 4000 <= rate <= 192000):
        raise ValueError("its sound has no size that can be")
    if described["time_kind"] not in ("capture", "arrival"):
        raise ValueError("its times are of no kind that is known")
    return TakenSound(
        np.broadcast_to(np.int16(0), (count, channels)),
        rate,
        int(described["position"]),
        tuple((int(at), _number(by_s)) for at, by_s in described["shifts"]) or ((0, 0.0),),
        tuple(MissingSamples(int(at), int(n)) for at, n in described["gaps"]),
        described["time_kind"],
    )


def _with(sound: TakenSound, samples: npt.NDArray[np.int16]) -> TakenSound:
    return TakenSound(samples, sound.sample_rate, sound.position, sound.shifts, sound.gaps, sound.time_kind)


def _number(value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"a time in it is {number}")
    return number
