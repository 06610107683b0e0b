"""The command `smallrtc-lab doctor`: a real run of it, and what it says when something is broken."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.processes import ProcessFamily

from smallrtc_lab.cli import examine
from smallrtc_lab.lab.diagnosis import Finding


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run it with a home of its own, the extension enabled or not; nothing it started may outlive it."""
    family = ProcessFamily(tmp_path / "home")
    family.home.mkdir()

    def run(*options: str, enabled: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        folder = family.home / "jupyter-config" / "jupyter_server_config.d"
        folder.mkdir(parents=True, exist_ok=True)
        switch = {"ServerApp": {"jpserver_extensions": {"smallrtc_lab.server": enabled}}}
        (folder / "smallrtc_lab.json").write_text(json.dumps(switch))
        environment["JUPYTER_PREFER_ENV_PATH"] = (
            "0"  # an installed package enables it for its environment, too
        )
        done = subprocess.run(
            [sys.executable, "-P", "-m", "smallrtc_lab", "doctor", *options], env=family.environment(environment),
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert family.end(60) == []
        return done

    return run


def test_a_good_installation_is_called_one(doctor: Callable[..., Any]) -> None:
    """Versions, extension, network and a simulated browser through real WebRTC: all good, and the exit code is 0."""
    done = doctor()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Everything that can be seen from a terminal works.\n→ ")
    for probe in ("Python", "aiortc", "server extension", "UDP on this machine", "media process"):
        assert f"✓ {probe}" in done.stdout
    assert "✗" not in done.stdout


def test_what_is_broken_is_said_first_and_ends_with_1(doctor: Callable[..., Any]) -> None:
    """The extension is off and a STUN server is silent: the sentence, what to do, and a report without its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.2", 0))
        address = f"127.0.0.2:{silent.getsockname()[1]}"
        done = doctor("--report", enabled=False, SMALLRTC_LAB_ICE_SERVERS=json.dumps([f"stun:{address}"]))
    assert done.returncode == 1
    first, advice = done.stdout.splitlines()[:2]
    assert first.startswith("server extension: is not enabled")
    assert "1 more thing is broken" in first
    assert "jupyter server extension enable" in advice
    assert "✗ STUN" in done.stdout
    assert "127.0.0.2" not in done.stdout


def test_a_wrong_variable_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in a row and holds up no other probe."""
    monkeypatch.setenv("SMALLRTC_LAB_ICE_SERVERS", "no JSON: hush")
    facts = examine.Facts()
    examine._network(facts)
    assert facts.broken
    assert "is not JSON" in facts.rows[0].result
    assert "hush" not in str(facts.rows)
    assert facts.rows[1].finding is not Finding.BAD
