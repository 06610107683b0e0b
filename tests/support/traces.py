"""What a lab keeps on, counted from outside by the operating system: processes, threads, sockets, files, memory."""

from __future__ import annotations

import asyncio
import glob
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Footprint", "engine_of", "is_running", "shared_files", "udp_sockets", "wait_for"]


@dataclass(frozen=True)
class Footprint:
    """One process: threads, open files, mapped slots of pictures, bytes that are its own."""

    threads: int
    files: int
    mapped: int
    uss_bytes: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        """Now."""
        process = psutil.Process(pid)
        mapped = sum("smallrtc-" in line for line in Path(f"/proc/{pid}/maps").read_text().splitlines())
        return cls(process.num_threads(), process.num_fds(), mapped, process.memory_full_info().uss)


def is_running(pid: int) -> bool:
    """Whether a process has not ended; a zombie has."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def engine_of(kernel_pid: int) -> int:
    """The process id of a kernel's engine."""
    children = psutil.Process(kernel_pid).children()
    (engine,) = [child.pid for child in children if "smallrtc_lab.engine" in child.cmdline()]
    return engine


def udp_sockets(pid: int) -> int:
    """How many UDP sockets a process has: those of its peers; 0 when it has ended."""
    try:
        return len(psutil.Process(pid).net_connections(kind="udp"))
    except psutil.Error:
        return 0


def shared_files(*pids: int) -> list[str]:
    """Files of shared memory that these processes made and nobody unlinked."""
    places = ["/dev/shm", tempfile.gettempdir()]
    return [path for place in places for pid in pids for path in glob.glob(f"{place}/smallrtc-{pid}-*")]


async def wait_for(condition: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Wait until it holds; the seconds that took. AssertionError with ``what`` else."""
    begun_s = time.monotonic()
    while not condition():
        assert time.monotonic() - begun_s < timeout_s, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun_s
