"""A bot's process as whoever started it sees it: its order, how it stands, its end. No asyncio; threads of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["BotOrder", "BotProcess", "Output", "Status"]

logger = logging.getLogger(__name__)

Status = Callable[[dict[str, Any]], None]
Output = Callable[[str], None]

# Ctrl-C in a terminal, or a kernel's Interrupt, is for the parent alone, which then ends this in order.
_GROUP_OF_ITS_OWN: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"process_group": 0}
)
STOP_S = 8.0  # every bot is cancelled, every client told; then it is killed


@dataclass(frozen=True, kw_only=True)
class BotOrder:
    """What a bot's process is told: the file, the session it serves and how it proves itself to the server."""

    file: str
    session: str
    server: str
    name: str
    proof: str = field(repr=False)
    guest_token: str | None = field(default=None, repr=False)
    certificate: str | None = None
    mode: str = "multiple"
    max_connections: int | None = None
    esp32_host: str | None = None


class BotProcess:
    """``python -m smallrtc_lab.bots`` with its order.

    ``on_status(said)`` gets each line of its status, ``{"state": "ended", "code": …}`` last; ``on_output(line)``
    what it prints, which goes to this process's own standard error without it. Both from threads of this object.
    """

    def __init__(self, order: BotOrder, on_status: Status, on_output: Output | None = None) -> None:
        self._on_status = on_status
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "smallrtc_lab.bots"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if on_output is not None else None,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
            **_GROUP_OF_ITS_OWN,
        )
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once, and its status says so
            self._popen.stdin.write(json.dumps({**asdict(order), "parent": os.getpid()}) + "\n")
            self._popen.stdin.flush()
        self._threads = [self._thread(self._read_status, "status")]
        if on_output is not None:
            self._threads.append(self._thread(lambda: _lines(self._popen.stderr, on_output), "output"))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._popen.pid

    def stop(self) -> None:
        """Ask it to end, in order; ``join`` waits."""
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()

    def join(self) -> int:
        """Wait for its end, with a deadline after which it is killed; its exit code."""
        try:
            self._popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            logger.warning("the bot's process %d did not end in %.0f s and is killed", self.pid, STOP_S)
            self._popen.kill()
        code = self._popen.wait()
        for thread in self._threads:
            thread.join(1.0)
        return code

    def _read_status(self) -> None:
        _lines(self._popen.stdout, lambda line: self._on_status(json.loads(line)))
        self._on_status({"state": "ended", "code": self._popen.wait()})

    def _thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=target, name=f"smallrtc-bot-{name}", daemon=True)
        thread.start()
        return thread


def _lines(stream: IO[str] | None, take: Callable[[str], None]) -> None:
    assert stream is not None
    with stream:
        for line in stream:
            take(line.rstrip("\n"))


def _environment() -> dict[str, str]:
    """This process's own, with the place the package was imported from on the path."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
