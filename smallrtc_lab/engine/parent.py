"""The engine must not outlive its kernel, however the kernel dies.

Its standard input closes with the kernel; but a forked child of the kernel (a data loader) inherits that pipe
and hides its closing, therefore the parent process itself is watched too. This is the one place with code of
one operating system only: a pidfd on Linux, a kqueue on macOS, a process handle on Windows.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable

__all__ = ["watch_parent"]


def watch_parent(parent_pid: int, gone: Callable[[], object]) -> None:
    """Call ``gone`` from a thread once the process ``parent_pid`` has ended."""
    waiter = _waiter(parent_pid)
    if waiter is None:
        gone()
        return
    wait = waiter

    def run() -> None:
        wait()
        gone()

    threading.Thread(target=run, name="smallrtc-parent", daemon=True).start()


def _waiter(pid: int) -> Callable[[], None] | None:
    """A function that blocks until the process ends, or None when it has ended already."""
    if sys.platform != "win32" and os.getppid() != pid:
        return None
    return _process_waiter(pid)


if sys.platform == "linux":

    def _process_waiter(pid: int) -> Callable[[], None] | None:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        except OSError:  # a kernel before 5.3 or a sandbox that forbids it: the pipe's end has to do
            return threading.Event().wait  # type: ignore[return-value]

        def wait() -> None:
            select.select([descriptor], [], [])
            os.close(descriptor)

        return wait

elif sys.platform == "win32":

    def _process_waiter(pid: int) -> Callable[[], None] | None:
        import ctypes

        synchronize, infinite = 0x00100000, 0xFFFFFFFF
        kernel32 = ctypes.windll.kernel32
        handle = kernel32.OpenProcess(synchronize, False, pid)
        if not handle:
            return None

        def wait() -> None:
            kernel32.WaitForSingleObject(handle, infinite)
            kernel32.CloseHandle(handle)

        return wait

else:

    def _process_waiter(pid: int) -> Callable[[], None] | None:
        queue = select.kqueue()
        event = select.kevent(
            pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
        )
        try:
            queue.control([event], 0)
        except ProcessLookupError:
            return None

        def wait() -> None:
            queue.control(None, 1)
            queue.close()

        return wait
