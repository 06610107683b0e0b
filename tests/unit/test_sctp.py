"""The size of SCTP chunks, from the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from support.processes import package_root

from smallrtc_lab import Lab, labs
from smallrtc_lab.cli import main
from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.sctp import DEFAULT_BYTES, LARGEST_BYTES, SMALLEST_BYTES, VARIABLES, sctp_chunk_bytes

OWN, PIPECAT = VARIABLES
BAD = ("0", "-1100", "255", "1401", "99999999999999999999", "1100.5", "1e3", "big", "١١٠٠")


def test_the_default_and_both_names() -> None:
    """1100 bytes unless one of the two variables says otherwise; our own name goes before the other."""
    assert (OWN, PIPECAT) == ("SMALLRTC_SCTP_MAX_CHUNK_SIZE", "PIPECAT_SCTP_MAX_CHUNK_SIZE")
    assert sctp_chunk_bytes({}) == sctp_chunk_bytes({PIPECAT: " "}) == DEFAULT_BYTES == 1100
    assert sctp_chunk_bytes({PIPECAT: "800"}) == 800
    assert sctp_chunk_bytes({OWN: "900", PIPECAT: "800"}) == 900
    assert sctp_chunk_bytes({OWN: str(SMALLEST_BYTES)}) == SMALLEST_BYTES
    assert sctp_chunk_bytes({OWN: str(LARGEST_BYTES)}) == LARGEST_BYTES


def test_an_odd_size_is_rounded_down_to_what_is_sent() -> None:
    """A chunk is padded to a multiple of four bytes, so 1101 would make a datagram as large as 1104."""
    assert sctp_chunk_bytes({OWN: "1103"}) == 1100


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("name", VARIABLES)
def test_a_bad_value_is_refused_with_the_range(name: str, text: str) -> None:
    """The sentence names the variable and the allowed range."""
    with pytest.raises(ValueError, match=f"{name} is a number of bytes from 256 to 1400"):
        sctp_chunk_bytes({name: text})


async def test_a_connection_refuses_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Used as a library, the first connection raises."""
    monkeypatch.setenv(OWN, "9000")
    with pytest.raises(ValueError, match="256 to 1400"):
        SmallWebRTCConnection([])


def test_an_engine_is_not_started_with_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes a Lab gets the sentence, and no process is left behind."""
    monkeypatch.setenv(PIPECAT, "none")
    client = EngineClient()
    with pytest.raises(ValueError, match="256 to 1400"):
        client.attach("session", None)  # type: ignore[arg-type]
    assert client.pid is None


def test_the_command_says_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line ends with the sentence, not with a traceback."""
    monkeypatch.setenv(OWN, "tiny")
    with pytest.raises(SystemExit, match="smallrtc-lab: SMALLRTC_SCTP_MAX_CHUNK_SIZE is a number"):
        main(["demo"])


def test_an_engine_started_by_hand_ends_with_the_sentence() -> None:
    """The engine process itself checks, too: it ends at once, and its last words say why."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "smallrtc_lab.engine", str(os.getpid())],
        env={**os.environ, OWN: "7", "PYTHONPATH": str(package_root())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "256 to 1400" in done.stderr


@pytest.mark.parametrize(
    ("variable", "options", "error", "says"),
    [
        ("9000", {}, ValueError, "256 to 1400"),
        ("1100", {"ice_servers": ["turn:mary:hush@host"]}, ValueError, "username="),
        ("1100", {"ice_servers": "turn:host"}, TypeError, "square brackets"),
    ],
)
def test_a_lab_says_what_is_wrong_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, variable: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """Who makes a Lab with a setting or servers that cannot be gets the sentence, and no thread or lab stays."""
    monkeypatch.setenv(OWN, variable)
    before = set(threading.enumerate())
    with pytest.raises(error, match=says) as caught:
        Lab(**options)
    assert "hush" not in str(caught.value)
    assert set(threading.enumerate()) == before
    assert len(labs()) == 0
