"""The engine as a child process of the kernel: how it starts, how it ends, and what it said last."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, cast

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import Header

from .arena import Attachments, SlotPool
from .pipes import PipeReader, PipeWriter

__all__ = ["EngineProcess"]

logger = logging.getLogger("smallrtc_lab.engine")

_STOP_DEADLINE_S = 2.0


class EngineProcess:
    """One engine process with its pipes and its shared memory."""

    def __init__(
        self, received: Callable[[Header, bytes], None], ended: Callable[[ProtocolError | None], None]
    ) -> None:
        self.attachments = Attachments()
        self.pool = SlotPool(slots=4)
        self._started_s = time.monotonic()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "smallrtc_lab.engine", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_engine_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.writer = PipeWriter(cast(BinaryIO, self.popen.stdin), "smallrtc-kernel-out")
        self.reader = PipeReader(cast(BinaryIO, self.popen.stdout), "smallrtc-kernel-in", received, ended)

    @property
    def lived_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_s

    def last_words(self) -> str:
        """The end of what the process wrote to standard error."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 4000))
        return self._stderr.read().decode(errors="replace").strip()

    def stop(self) -> None:
        """End it in order, or by force after a deadline."""
        self.writer.close()
        try:
            self.popen.wait(_STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            logger.warning("the engine did not end in %.0f s and is killed", _STOP_DEADLINE_S)
            self.popen.kill()
            self.popen.wait()
        self.reader.join(1.0)
        self.release()

    def release(self) -> None:
        """Give back memory and files; the process has ended."""
        if self.popen.stdout is not None:
            self.popen.stdout.close()
        self.writer.close()
        self.pool.close()
        self.attachments.close()
        self._stderr.close()

    def describe_end(self, problem: ProtocolError | None) -> str:
        """How it ended and what it said last; one that only spoke nonsense is killed first."""
        if problem is not None:
            self.popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(1.0)
        code = self.popen.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        words = self.last_words()
        tail = f" Its last words:\n{words}" if words else ""
        return f"The media engine ended unexpectedly ({problem or how}).{tail}"


def _engine_environment() -> dict[str, str]:
    """The kernel's environment, with the place this package was imported from on the path.

    With glibc's default of eight arenas a core, what each connection's threads leave free in theirs added up: 173 MB
    instead of 119 after fifty connections of 640×480 with callbacks, where it stayed. NumPy's linear algebra makes a
    thread for each processor of the machine when it is loaded, and nothing in the engine has use for one.
    """
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    few = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {**few, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
