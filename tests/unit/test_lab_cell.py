"""Where the code runs: outside a notebook everything is still well."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from smallrtc_lab.lab import cell
from smallrtc_lab.lab.cell import CellOutput, current_place, link_arguments, on_main_loop, progress


def test_a_script_is_one_place_and_runs_things_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """No cell, no loop: calls run now, words go to standard error, nothing to say prints nothing."""
    assert (current_place().cell, current_place().run) == (None, "script")
    called: list[int] = []
    on_main_loop(lambda: called.append(1))
    assert called == [1]
    output = CellOutput()
    output.show("", "")
    output.show("words", "<b>words</b>")
    with progress("recording 1 s") as show:
        show(0.5)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "words\n")


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel's connection file."""
    path = tmp_path / "kernel-1c5e0f3a-77aa.json"
    path.write_text(json.dumps({"key": "secret-key", "shell_port": 1}))
    monkeypatch.setattr(cell, "_connection_file", lambda: path)
    monkeypatch.setenv("SMALLRTC_LAB_SERVER", "http://127.0.0.1:8888/base/")
    monkeypatch.delenv("SMALLRTC_LAB_SERVER_CERT", raising=False)
    return path


def test_the_proof_is_made_of_the_kernels_own_key(connection: Path) -> None:
    """An HMAC of the kernel's id with the key that only its server and itself know; the key itself is not sent."""
    wanted = hmac.new(b"secret-key", b"smallrtc-link:1c5e0f3a-77aa", hashlib.sha256).hexdigest()
    arguments = link_arguments()
    assert arguments == {
        "server": "http://127.0.0.1:8888/base/",
        "kernel_id": "1c5e0f3a-77aa",
        "proof": wanted,
        "certificate": None,
    }
    assert "secret-key" not in json.dumps(arguments)


def test_without_a_server_there_is_no_link(connection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No address, no kernel or a kernel of somebody else's making: the lab works without a link."""
    monkeypatch.delenv("SMALLRTC_LAB_SERVER")
    assert link_arguments() is None
    monkeypatch.setenv("SMALLRTC_LAB_SERVER", "http://127.0.0.1:8888/")
    monkeypatch.setattr(cell, "_connection_file", lambda: connection.with_name("own.json"))
    assert link_arguments() is None
    monkeypatch.setattr(cell, "_connection_file", lambda: None)
    assert link_arguments() is None
