"""The command `smallrtc-lab turn`: a real coturn that serves this machine only, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aioice import stun
from aioice.turn import create_turn_endpoint
from support.coturn import free_port
from support.processes import package_root

from smallrtc_lab.cli import main
from smallrtc_lab.cli import turn as command
from smallrtc_lab.turn.local import read_state, state_file

DEADLINE_S = 60.0


class Turn:
    """A running `smallrtc-lab turn`; `text` is what it printed until it was ready."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self.runtime = directory / "runtime"
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        places = {"JUPYTER_RUNTIME_DIR": self.runtime, "TMPDIR": self.temporary, "PYTHONPATH": package_root()}
        environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "smallrtc_lab", "turn", "--port", str(port), "--ip", "127.0.0.1"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.text = ""
        while "Ctrl-C" not in self.text:
            line = self.process.stdout.readline()
            assert line, self.text
            self.text += line
        self.children = psutil.Process(self.process.pid).children(recursive=True)
        state = read_state(state_file(self.runtime))
        assert state is not None
        self.state = state

    @property
    def login(self) -> tuple[str, str]:
        (server,) = self.state.credentials().ice_servers
        return server["username"], server["credential"]

    def end(self, number: int = signal.SIGINT) -> str:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=DEADLINE_S)
        return str(rest)

    def nothing_runs(self) -> bool:
        _, alive = psutil.wait_procs(self.children, DEADLINE_S)
        return not alive


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[Turn]:
    running = Turn(tmp_path, free_port("127.0.0.1"))
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


class Peer(asyncio.DatagramProtocol):
    """The near end of an allocation: what came, and what could not be sent."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.heard.put_nowait(exc)


@contextlib.asynccontextmanager
async def allocation(port: int, username: str, password: str) -> Any:
    async with asyncio.timeout(DEADLINE_S):
        relay, peer = await create_turn_endpoint(
            Peer, server_addr=("127.0.0.1", port), username=username, password=password, transport="tcp"
        )
    try:
        yield relay, peer
    finally:
        relay.close()


async def test_it_relays_to_this_machine_and_to_no_other(turn: Turn) -> None:
    """With the credentials of its file a datagram gets to a port here; other machines are forbidden, a guess too."""
    loop = asyncio.get_running_loop()
    listener = Peer()
    transport, _ = await loop.create_datagram_endpoint(lambda: listener, local_addr=("127.0.0.1", 0))
    async with asyncio.timeout(DEADLINE_S), allocation(turn.port, *turn.login) as (relay, peer):
        relay.sendto(b"hello", transport.get_extra_info("sockname"))
        assert await listener.heard.get() == b"hello"
        for other in ("192.0.2.1", "8.8.8.8", "127.0.0.2"):
            relay.sendto(b"hello", (other, 9))
            refused = await peer.heard.get()
            assert isinstance(refused, stun.TransactionFailed), other
            assert refused.response.attributes["ERROR-CODE"][0] == 403
    transport.close()
    with pytest.raises(stun.TransactionFailed):
        async with allocation(turn.port, turn.login[0], "a guess"):
            pass


def test_it_says_which_port_to_forward_and_never_its_secret(turn: Turn) -> None:
    """A command for each way; the secret is in no output and on no command line."""
    for part in (f"-L {turn.port}:localhost:{turn.port}", f"-p 127.0.0.1:{turn.port}:{turn.port}", "VS Code"):
        assert part in turn.text
    assert turn.state.url == f"turn:localhost:{turn.port}?transport=tcp"
    assert turn.children
    shown = turn.text + str([child.cmdline() for child in turn.children])
    assert turn.state.secret not in shown
    listening = {
        one.laddr for child in turn.children for one in child.net_connections() if one.status == "LISTEN"
    }
    assert listening == {("127.0.0.1", turn.port)}
    assert "Stopped." in turn.end()
    assert turn.nothing_runs()
    assert list(turn.runtime.iterdir()) == list(turn.temporary.iterdir()) == []
    assert turn.process.returncode == 0


def test_its_death_takes_coturn_along(turn: Turn) -> None:
    """Killed without a chance to tidy up, it leaves no process."""
    turn.end(signal.SIGKILL)
    assert turn.nothing_runs()


def test_coturn_s_own_end_is_said(turn: Turn) -> None:
    """When the server is gone there is nothing to wait for."""
    for child in turn.children:
        child.kill()
    rest, _ = turn.process.communicate(timeout=DEADLINE_S)
    assert "ended by itself" in rest
    assert turn.process.returncode == 1
    assert list(turn.runtime.iterdir()) == []


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No coturn: how to install it. A taken port: another one. Both end with 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["turn", "--ip", "127.0.0.1", "--port", str(taken.getsockname()[1])]) == 1
    assert "taken by another program" in capsys.readouterr().out
    monkeypatch.setattr(command, "PROGRAM", "no-such-turnserver")
    assert main(["turn"]) == 1
    assert "apt install coturn" in capsys.readouterr().out


def test_a_coturn_that_does_not_start_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it said last is shown, and waiting ends with it."""
    broken = tmp_path / "turnserver"
    broken.write_text("#!/bin/sh\necho cannot configure; exit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    began_s = time.monotonic()
    assert main(["turn", "--ip", "127.0.0.1", "--port", str(free_port("127.0.0.1"))]) == 1
    assert "cannot configure" in capsys.readouterr().out
    print(f"given up after {time.monotonic() - began_s:.1f} s")
