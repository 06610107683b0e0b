"""``lab.record``: live sound and pictures into a file. The engine writes it, so a busy cell does it no harm."""

from __future__ import annotations

import html
import itertools
import os
import threading
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote, urlsplit

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header

from .access import Access
from .cell import CellOutput, current_place, link_arguments, starting_folder

__all__ = ["LabRecordings", "Recording", "RecordingState", "What"]

What: TypeAlias = Literal["received", "sent", "both"]
RecordingState: TypeAlias = Literal["waiting", "recording", "stopped", "failed"]

_STOP_S = 15.0
_ERROR = "color:var(--jp-error-color1,#d32f2f)"
_DOT = "color:var(--jp-error-color1,#d32f2f)"


class Recording:
    """A recording that :meth:`Lab.record` began; it ends with ``stop()``, with its ``with``, or with the lab.

    Readable from any thread, and right also while a cell is busy. It is shown, with its time and size and a link to the
    file, under the cell that began it.
    """

    def __init__(self, owner: LabRecordings, number: int, path: Path, what: What) -> None:
        self.path = path
        self.what = what
        self._owner = owner
        self._number = number
        self._lock = threading.Lock()
        self._figures: Header = {"state": "waiting", "paths": [], "duration_s": 0.0, "size_bytes": 0}
        self._before: Header = {"paths": [], "duration_s": 0.0, "size_bytes": 0, "dropped": 0}
        self._crash = ""
        self._ended = False
        self._said = False
        self._in_script = current_place().run == "script"
        self._output = CellOutput()
        self._output.show("", "")  # from the cell itself; what follows changes it, from any thread

    @property
    def state(self) -> RecordingState:
        """``"waiting"`` for the first picture, ``"recording"``, ``"stopped"``, or ``"failed"`` (see ``error``)."""
        state: RecordingState = self._figures["state"]
        return state

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in order: one, unless something changed that one file cannot hold (then ``name-2.webm``)."""
        return tuple(Path(one) for one in (*self._before["paths"], *self._figures["paths"]))

    @property
    def duration_s(self) -> float:
        """Seconds that were recorded, in all files."""
        return float(self._before["duration_s"] + self._figures["duration_s"])

    @property
    def size_bytes(self) -> int:
        """How large the files are."""
        return int(self._before["size_bytes"] + self._figures["size_bytes"])

    @property
    def dropped(self) -> int:
        """Packets that came and were not written: the disk was too slow, or a picture before them was lost."""
        return int(self._before["dropped"] + self._figures.get("dropped", 0))

    @property
    def note(self) -> str:
        """What one should know of the file: that it is transcoded, that a crash has split it."""
        return "; ".join(filter(None, (self._figures.get("note", ""), self._crash)))

    @property
    def error(self) -> str | None:
        """Why it ended by itself, or None."""
        return self._figures.get("error")

    def stop(self) -> Recording:
        """Finish the file; returns when it is complete. Safe to call twice.

        Raises nothing for a recording that failed: ``error`` says why, and so does its display. The widget says it
        until then.
        """
        if not self._ended:
            self._ended = True
            self._owner.stop(self)
        return self

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Recording({self._line()})"

    def _repr_html_(self) -> str:
        return self._markup()

    # What the engine tells

    def _show(self) -> None:
        """Show how it stands, in the cell that began it."""
        with self._lock:
            done = self.state in ("stopped", "failed")
            if not self._in_script or (done and not self._said):
                self._said = done
                self._output.show(self._line(), self._markup())

    def _told(self, figures: Header) -> None:
        with self._lock:
            self._figures = figures
        self._show()

    def _split(self, reason: str) -> None:
        """The engine has gone; what it wrote is complete, but for its last second."""
        with self._lock:
            self._before = {
                "paths": list(map(str, self.paths)),
                "duration_s": self.duration_s,
                "size_bytes": self.size_bytes,
                "dropped": self.dropped,
            }
            self._figures = {"state": "waiting", "paths": [], "duration_s": 0.0, "size_bytes": 0}
            self._crash = reason
        self._show()

    def _links(self) -> list[str]:
        """The files; those of an engine that has crashed are linked where they lie beside the notebook only."""
        before = len(self._before["paths"])
        return [
            _link(path, None if index < before else self._owner.address(self._number, index - before))
            for index, path in enumerate(self.paths)
        ] or [html.escape(self.path.name)]

    def _line(self) -> str:
        names = ", ".join(path.name for path in self.paths) or self.path.name
        parts = [f"{names}: {self.state}", f"{self.duration_s:.1f} s", _size(self.size_bytes)]
        if self.dropped:
            parts.append(f"{self.dropped} packets left out")
        return ", ".join([*parts, *filter(None, (self.note, self.error))])

    def _markup(self) -> str:
        dot = f'<span style="{_DOT}">●</span> ' if self.state in ("waiting", "recording") else ""
        names = " ".join(self._links())
        parts = [
            {"waiting": "waiting for the first picture", "recording": "recording", "stopped": "recorded"}.get(
                self.state, "ended"
            ),
            f"{self.duration_s:.1f} s",
            _size(self.size_bytes),
        ]
        if self.dropped:
            parts.append(f"{self.dropped} packets left out")
        if self.note:
            parts.append(html.escape(self.note))
        wrong = f'<br><span style="{_ERROR}">{html.escape(self.error)}</span>' if self.error else ""
        return f"<div>{dot}{names}: {', '.join(parts)}{wrong}</div>"


class LabRecordings:
    """The recordings of one lab, those that run and what the engine tells of them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._numbers = itertools.count(1)
        self._running: dict[int, Recording] = {}
        self._server = (link_arguments() or {}).get("server")

    def address(self, number: int, index: int) -> str | None:
        """Where a file can be had from the Jupyter server while the lab lives; None without one."""
        if self._server is None:
            return None
        base = urlsplit(self._server).path.rstrip("/")
        return f"{base}/smallrtc/sessions/{self._access.session_id}/recordings/{number}/{index}"

    def start(self, path: str | os.PathLike[str], what: What, *, overwrite: bool) -> Recording:
        """Begin one; raises as :meth:`Lab.record` says."""
        wanted = checked(path, what)
        self._access.mirror.require_live()
        if overwrite:
            self._end_of(wanted)
        reserve(wanted, overwrite=overwrite)
        recording = Recording(self, next(self._numbers), wanted, what)
        self._running[recording._number] = recording
        try:
            recording._told(self._call(recording, wanted))
        except BaseException:
            self._running.pop(recording._number, None)
            wanted.unlink(missing_ok=True)
            raise
        return recording

    def _end_of(self, path: Path) -> None:
        """Stop the one that writes this file now: a cell that runs again may ask for it anew."""
        for recording in list(self._running.values()):
            if path == recording.path or path in recording.paths:
                recording.stop()

    def stop(self, recording: Recording) -> None:
        """Finish one."""
        try:
            figures = self._access.call("stop_recording", timeout_s=_STOP_S, number=recording._number)
        except SmallRTCError as error:
            figures = recording._figures | {"state": "stopped"}
            if recording.state != "failed":
                figures["error"] = f"The end is not known: {error}"
        self._running.pop(recording._number, None)
        recording._told(figures)

    def engine_event(self, header: Header) -> None:
        """How a recording goes. On the reader's thread."""
        recording = self._running.get(header["number"])
        if recording is not None:
            recording._told(header)

    def engine_lost(self) -> None:
        """The engine crashed: its files are playable as they are."""
        for recording in self._running.values():
            recording._split("the engine crashed: what comes once it is live again is in the next file")

    def reopen(self) -> None:
        """A new engine runs: every recording goes on in a file of its own."""
        from smallrtc_lab.media.recorder_formats import next_path

        for recording in list(self._running.values()):
            recording._told(self._call(recording, next_path(recording.path)))

    def close(self) -> None:
        """The lab is closed: finish what runs."""
        for recording in list(self._running.values()):
            recording.stop()

    def _call(self, recording: Recording, path: Path) -> Header:
        figures: Header = self._access.call(
            "record",
            number=recording._number,
            path=str(path),
            base=str(recording.path),
            what=recording.what,
        )
        return figures


def checked(path: str | os.PathLike[str], what: What) -> Path:
    """The absolute path of a recording; raises ``ValueError`` for a suffix or ``what`` there is not."""
    from smallrtc_lab.media.recorder_formats import file_format

    if what not in ("received", "sent", "both"):
        raise ValueError(f'what is "received", "sent" or "both", not {what!r}')
    wanted = Path(path).expanduser().absolute()
    file = file_format(wanted)
    if what == "both" and file.tracks_of_sound == 1:
        raise ValueError(f'{wanted.suffix} holds one sound: use .mkv or .webm for "both"')
    return wanted


def reserve(path: Path, *, overwrite: bool) -> None:
    """Put an empty file where one is to be written; what is there stays, unless ``overwrite``.

    Raises :class:`FileExistsError`, :class:`FileNotFoundError`, :class:`IsADirectoryError`, :class:`PermissionError` or
    another ``OSError``, each with what to do.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it first, with mkdir()")
    try:
        with path.open("wb" if overwrite else "xb"):
            pass
    except FileExistsError:
        raise FileExistsError(f"{path} is there already: take another name, or overwrite=True") from None
    except PermissionError:
        raise PermissionError(f"{path} cannot be written: take a folder that is yours") from None


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.0f} kB"


def _link(path: Path, address: str | None) -> str:
    """The file's name, as a link: beside the notebook, where front ends resolve it, or through the engine."""
    name, folder = html.escape(path.name), starting_folder()
    if folder is not None and path.is_relative_to(folder):
        address = quote(path.relative_to(folder).as_posix())
    if address is None:
        return f'<b title="{html.escape(str(path))}">{name}</b>'
    return f'<a href="{html.escape(address)}" download title="{html.escape(str(path))}">{name}</a>'
