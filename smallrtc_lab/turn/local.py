"""``smallrtc-lab turn``, as those who use it find it: a small file in Jupyter's runtime directory.

The file is written by the command and removed at its end; only its owner may read it, for it holds the secret that the
TURN server shares. It is JSON: ``pid`` of the command, ``url`` as pages and this machine reach the server, and
``secret``.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smallrtc_lab.ice import IceServerJson, normalise_ice_servers

from .credentials import Credentials
from .sources import shared_secret

__all__ = ["LocalTurn", "TurnState", "published", "read_state", "state_file"]

LIFE_S = 12 * 3600.0


@dataclass(frozen=True)
class TurnState:
    """What the file says."""

    pid: int
    url: str
    secret: str = field(repr=False)

    def credentials(self) -> Credentials:
        """For pages and engines, from now on for half a day."""
        return shared_secret(self.url, self.secret, life_s=LIFE_S)()


def state_file(directory: Path | None = None) -> Path:
    """Where the file is; the directory is Jupyter's runtime directory unless another one is given."""
    if directory is None:
        from jupyter_core.paths import jupyter_runtime_dir

        directory = Path(jupyter_runtime_dir())
    return directory / "smallrtc-lab-turn.json"


@contextlib.contextmanager
def published(state: TurnState, path: Path) -> Iterator[None]:
    """The file while the server runs; OSError when it cannot be written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = path.with_suffix(f".{state.pid}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"pid": state.pid, "url": state.url, "secret": state.secret}, file)
    written.replace(path)  # whole, or not at all
    try:
        yield
    finally:
        if (now := read_state(path)) is not None and now.pid == state.pid:  # not that of a later one
            path.unlink(missing_ok=True)


def read_state(path: Path) -> TurnState | None:
    """What the file says; None without one, or where it is none of ours."""
    try:
        said: Any = json.loads(path.read_text())
        state = TurnState(int(said["pid"]), str(said["url"]), str(said["secret"]))
        normalise_ice_servers([state.url])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return state if state.secret else None


class LocalTurn:
    """Watches the file; ``servers`` is what it gives, empty while no ``smallrtc-lab turn`` runs."""

    def __init__(self, path: Path) -> None:
        self.servers: list[IceServerJson] = []
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._renew_at_s = 0.0
        self._pid = 0

    def look(self) -> bool:
        """Look again, which takes microseconds; whether ``servers`` changed."""
        seen = self._stat()
        if seen is not None and not _runs(self._pid) and seen == self._seen:
            seen = None  # it was killed and could not take its file along
        if seen == self._seen and (seen is None or time.time() < self._renew_at_s):
            return False
        return self._read(seen)

    def _read(self, seen: tuple[int, int] | None) -> bool:
        state = None if seen is None else read_state(self._path)
        if state is not None and not _runs(state.pid):
            state = None
        before, self._seen = self.servers, seen
        self._pid = 0 if state is None else state.pid
        self.servers = [] if state is None else state.credentials().ice_servers
        self._renew_at_s = time.time() + LIFE_S / 2
        return self.servers != before

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


def _runs(pid: int) -> bool:
    if pid <= 0:
        return False
    if os.name == "nt":  # there a signal of 0 ends a process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
