"""`smallrtc-lab turn`: a TURN server beside the kernels, for browsers that only forwarded TCP ports lead to them."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from smallrtc_lab.places import PlaceKind, find_place
from smallrtc_lab.turn.local import TurnState, published, state_file

from .coturn import CoturnEnded, running_coturn
from .desk import listening_problem
from .quiet import say

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_to", "run"]

PROGRAM = "turnserver"
MISSING = (
    "coturn is not installed here: there is no program turnserver. Install it with  apt install coturn  (Debian, "
    "Ubuntu),  dnf install coturn  (Fedora) or  brew install coturn  (macOS), then run this again."
)
_IN_A_CONTAINER = (PlaceKind.DOCKER, PlaceKind.KUBERNETES)


def add_to(subcommands: Subcommands) -> None:
    """Add `turn` and its options to the command line."""
    command = subcommands.add_parser(
        "turn",
        help="run a TURN server beside Jupyter, for ssh, Docker and VS Code",
        description="Starts coturn on this machine, with one TCP port. A browser that reaches Jupyter by forwarded "
        "ports only (ssh -L, docker -p, VS Code) gets real-time media through it. Your Jupyter servers find it by "
        "themselves.",
    )
    command.add_argument(
        "--port", type=int, default=3478, help="TCP port, the same on both sides (default: %(default)s)"
    )
    command.add_argument(
        "--ip",
        help="address to listen on (default: 127.0.0.1; in a container, whose ports are published, every one)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 1, with a sentence, when something is missing."""
    program = shutil.which(PROGRAM)
    if program is None:
        print(MISSING)
        return 1
    ip = arguments.ip or ("0.0.0.0" if find_place().kind in _IN_A_CONTAINER else "127.0.0.1")
    taken = listening_problem("" if ip == "0.0.0.0" else ip, arguments.port)
    if taken is not None:
        print(taken)
        return 1
    return serve(program, ip, arguments.port)


def serve(program: str, ip: str, port: int) -> int:
    """Run coturn and say where it is, to the person and to Jupyter."""
    secret = secrets.token_urlsafe(32)
    state = TurnState(os.getpid(), f"turn:localhost:{port}?transport=tcp", secret)
    try:
        with stop_signals() as stop, running_coturn(program, ip, port, secret) as process:
            with published(state, state_file()):
                print(invitation(ip, port), flush=True)
                watch(process, stop)
                stop.wait()
            ended = process.poll()
    except CoturnEnded as error:
        print(f"coturn did not start. The end of what it said:\n{error}")
        return 1
    except OSError as error:
        print(f"This cannot be served: {error}.")
        return 1
    if ended is not None:
        print(f"coturn ended by itself (exit code {ended}).", file=sys.stderr)
        return 1
    say("Stopped.")
    return 0


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and the like set."""
    stop = threading.Event()
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one when its terminal is closed; Windows has none
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    """Set ``stop`` when the server ends by itself."""

    def wait() -> None:
        process.wait()
        stop.set()

    threading.Thread(target=wait, name="coturn end", daemon=True).start()


def invitation(ip: str, port: int) -> str:
    """What the person reads while the server runs."""
    jupyter = jupyter_ports()
    lines = [
        "",
        f"A TURN server for this machine's notebooks listens on {ip}, TCP port {port}.",
        "Your Jupyter servers here give it to their pages by themselves: press Start again.",
        "",
        f"Let port {port} of the computer with the browser lead to it:",
    ]
    for name, command in forwardings(port, jupyter):
        lines.append(f"  {name:<12}{command}")
    lines.append("Chrome and Edge use it there; Firefox asks no TURN server on localhost.")
    return "\n".join([*lines, "Only this machine can be reached through it. Ctrl-C here stops it.", ""])


def forwardings(port: int, jupyter: list[int]) -> list[tuple[str, str]]:
    """Each way to forward the port, with its command."""
    both = " ".join(f"-L {one}:localhost:{one}" for one in [*jupyter, port])
    published_ports = " ".join(f"-p 127.0.0.1:{one}:{one}" for one in [*jupyter, port])
    return [
        ("ssh", f"ssh {both} {getpass.getuser()}@{host_as_seen()}"),
        (
            "VS Code",
            f"Ports view, Forward a Port, {port} (the same number on both sides; a codespace likewise)",
        ),
        ("Docker", f"docker run {published_ports} …   (smallrtc-lab turn runs in the container)"),
        ("Kubernetes", f"kubectl port-forward pod/NAME {' '.join(str(one) for one in [*jupyter, port])}"),
    ]


def host_as_seen() -> str:
    """This machine as the person's ssh reached it, or else by its own name."""
    connection = os.environ.get("SSH_CONNECTION", "").split()  # client, its port, server, its port
    return connection[2] if len(connection) == 4 else socket.gethostname()


def jupyter_ports() -> list[int]:
    """The ports of this person's Jupyter servers that run now; Jupyter's own default when there is none."""
    from jupyter_server.serverapp import list_running_servers

    servers: list[dict[str, Any]] = list(list_running_servers())
    return sorted({int(server["port"]) for server in servers if server.get("port")}) or [8888]
