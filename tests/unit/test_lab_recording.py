"""Where a recording may be written, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.errors import EngineCrashed, NotLiveError
from smallrtc_lab.lab.mirror import Mirror
from smallrtc_lab.lab.recording import LabRecordings, checked, reserve


class Wire:
    """The way to an engine that answers as a test says."""

    def __init__(self, live: bool = True) -> None:
        self.mirror = Mirror(lambda *_: None)
        self.mirror.update(state="live" if live else "idle")
        self.calls: list[dict[str, Any]] = []
        self.answer: Any = None

    session_id = "s1"

    def call(self, method: str, **args: Any) -> Any:
        self.calls.append({"method": method, **args})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def figures(state: str, *paths: Path, **more: Any) -> dict[str, Any]:
    told = {
        "number": 1,
        "state": state,
        "paths": [str(path) for path in paths],
        "duration_s": 1.5,
        "dropped": 0,
    }
    return told | {"size_bytes": 1000, "note": "", "error": None} | more


def begun(tmp_path: Path) -> tuple[LabRecordings, Wire, Any]:
    wire = Wire()
    recordings = LabRecordings(wire)  # type: ignore[arg-type]
    wire.answer = figures("waiting")
    return recordings, wire, recordings.start(tmp_path / "a.webm", "received", overwrite=False)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """A file that is there stays as it is; what else is wrong with a path is said with the next step."""
    (tmp_path / "a.webm").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        reserve(tmp_path / "a.webm", overwrite=False)
    assert (tmp_path / "a.webm").read_text() == "mine"
    reserve(tmp_path / "a.webm", overwrite=True)
    assert (tmp_path / "a.webm").read_text() == ""
    with pytest.raises(FileNotFoundError, match="make it first"):
        reserve(tmp_path / "no" / "a.webm", overwrite=False)
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        reserve(tmp_path, overwrite=True)


def test_what_can_be_recorded_into_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are the kernel's; a file of one sound cannot hold both directions."""
    monkeypatch.chdir(tmp_path)
    assert checked("a.webm", "both") == tmp_path / "a.webm"
    for path, what in (("a.wav", "both"), ("a.avi", "sent"), ("a.webm", "everything")):
        with pytest.raises(ValueError):
            checked(path, what)  # type: ignore[arg-type]


def test_a_recording_that_cannot_begin_leaves_no_file(tmp_path: Path) -> None:
    """Neither before anything is live, nor when the engine refuses."""
    with pytest.raises(NotLiveError):
        LabRecordings(Wire(live=False)).start(tmp_path / "a.webm", "received", overwrite=False)  # type: ignore[arg-type]
    wire = Wire()
    wire.answer = EngineCrashed("gone")
    with pytest.raises(EngineCrashed):
        LabRecordings(wire).start(tmp_path / "a.webm", "received", overwrite=False)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_it_shows_time_size_and_what_went_wrong(tmp_path: Path) -> None:
    """As text and as markup, in which names and errors are no markup of their own."""
    recordings, wire, recording = begun(tmp_path)
    recordings.engine_event(
        figures("recording", tmp_path / "a.webm", size_bytes=2_500_000, note="transcoded")
    )
    assert repr(recording) == "Recording(a.webm: recording, 1.5 s, 2.5 MB, transcoded)"
    recordings.engine_event(figures("failed", tmp_path / "a.webm", error="The disk is <full>."))
    assert recording.error == "The disk is <full>."
    assert "&lt;full&gt;" in recording._repr_html_()
    wire.answer = figures("failed", tmp_path / "a.webm", error="The disk is <full>.")
    assert recording.stop() is recording.stop() is recording
    assert [call["method"] for call in wire.calls] == ["record", "stop_recording"]
    assert (recording.state, recording.error) == ("failed", "The disk is <full>.")


def test_after_a_crash_it_goes_on_in_a_next_file(tmp_path: Path) -> None:
    """Figures are those of all files, and the reason is in the note."""
    recordings, wire, recording = begun(tmp_path)
    recordings.engine_event(figures("recording", tmp_path / "a.webm"))
    recordings.engine_lost()
    assert (recording.state, recording.duration_s, recording.paths) == (
        "waiting",
        1.5,
        (tmp_path / "a.webm",),
    )
    recordings.reopen()
    assert wire.calls[-1]["path"] == str(tmp_path / "a-2.webm")
    assert wire.calls[-1]["base"] == str(tmp_path / "a.webm")
    wire.answer = figures("stopped", tmp_path / "a-2.webm")
    recording.stop()
    assert (recording.duration_s, recording.size_bytes) == (3.0, 2000)
    assert [path.name for path in recording.paths] == ["a.webm", "a-2.webm"]
    assert "crash" in recording.note


def test_a_file_elsewhere_is_linked_through_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the lab lives; without a server the name stands alone."""
    recordings, _, recording = begun(tmp_path)
    recordings.engine_event(figures("recording", tmp_path / "a.webm"))
    assert "<a " not in recording._repr_html_()
    monkeypatch.setattr(recordings, "_server", "http://127.0.0.1:8888/base/")
    assert 'href="/base/smallrtc/sessions/s1/recordings/1/0" download' in recording._repr_html_()


def test_a_cell_that_runs_again_writes_its_file_anew(tmp_path: Path) -> None:
    """The one that writes it is stopped before: two at once would garble it."""
    recordings, wire, first = begun(tmp_path)
    with pytest.raises(FileExistsError):
        recordings.start(tmp_path / "a.webm", "received", overwrite=False)
    assert [call["method"] for call in wire.calls].count("stop_recording") == 0
    recordings.start(tmp_path / "a.webm", "received", overwrite=True)
    assert [call["method"] for call in wire.calls][-2:] == ["stop_recording", wire.calls[0]["method"]]
    assert first._ended
