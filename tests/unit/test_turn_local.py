"""The file by which `smallrtc-lab turn` is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smallrtc_lab.turn import local
from smallrtc_lab.turn.local import LocalTurn, TurnState, published, read_state

URL = "turn:localhost:3478?transport=tcp"


def test_its_owner_alone_may_read_it_and_it_goes_with_the_server(tmp_path: Path) -> None:
    """Mode 0600 from its first moment, whole or not there; nothing is left of it."""
    path = tmp_path / "deep" / "turn.json"
    state = TurnState(os.getpid(), URL, "hush")
    with published(state, path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert read_state(path) == state
    assert list(path.parent.iterdir()) == []
    assert "hush" not in repr(state)


def test_a_later_server_s_file_stays(tmp_path: Path) -> None:
    """The end of the first one does not take away what the second one wrote."""
    path = tmp_path / "turn.json"
    with published(TurnState(1, URL, "a"), path):
        later = published(TurnState(os.getpid(), URL, "b"), path)
        later.__enter__()
    assert read_state(path) == TurnState(os.getpid(), URL, "b")
    later.__exit__(None, None, None)
    assert read_state(path) is None


def test_whoever_looks_sees_it_come_renewed_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server has credentials of half a day, made anew before they end."""
    path = tmp_path / "turn.json"
    watcher = LocalTurn(path)
    assert (watcher.look(), watcher.servers) == (False, [])
    with published(TurnState(os.getpid(), URL, "hush"), path):
        assert watcher.look()
        (server,) = watcher.servers
        assert server["urls"] == [URL]
        assert not watcher.look()
        later_s = local.time.time() + 7 * 3600
        monkeypatch.setattr(local.time, "time", lambda: later_s)
        assert watcher.look()
        assert watcher.servers[0]["username"] > server["username"]
    assert watcher.look()
    assert watcher.servers == []


def test_what_a_killed_server_left_is_not_used(tmp_path: Path) -> None:
    """Nor is a file that is none of ours."""
    path = tmp_path / "turn.json"
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    held = published(TurnState(process.pid, URL, "hush"), path)
    held.__enter__()
    watcher = LocalTurn(path)
    assert watcher.look()
    process.communicate()
    assert watcher.look()
    assert watcher.servers == []
    for text in ("", "[]", "{}", '{"pid": 1, "url": "http://x", "secret": "s"}'):
        path.write_text(text)
        assert not watcher.look()
        assert watcher.servers == []
