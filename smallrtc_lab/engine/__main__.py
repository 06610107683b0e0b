"""``python -m smallrtc_lab.engine PARENT_PID``: the media process. Started by the kernel, never by hand.

Standard input and output are the bridge to the kernel; whatever a library prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
from typing import BinaryIO

from smallrtc_lab.sctp import sctp_chunk_bytes

from .parent import watch_parent
from .stderr import keep_short

# The media loop shares its interpreter with conversion and encoding threads: let none of them keep it for long.
_SWITCH_INTERVAL_S = 0.001
_CLOSE_DEADLINE_S = 1.5


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The bridge's two pipes, with the standard streams out of the way of stray prints and reads."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return incoming, outgoing


class _BridgeLog(logging.Handler):
    """Warnings of the engine appear in the kernel's log."""

    def __init__(self, send: object) -> None:
        super().__init__(logging.WARNING)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send(record.levelno, f"{record.name}: {self.format(record)}")  # type: ignore[operator]


async def _run(parent_pid: int) -> None:
    from .engine import Engine

    incoming, outgoing = _take_standard_streams()
    engine = Engine(incoming, outgoing)
    logging.getLogger().addHandler(_BridgeLog(engine.bridge.log))
    loop = asyncio.get_running_loop()
    watch_parent(parent_pid, lambda: loop.call_soon_threadsafe(engine.ended.set))
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, engine.ended.set)
    keeping = loop.create_task(keep_short(2), name="keep-stderr-short")
    await engine.ended.wait()
    keeping.cancel()
    async with asyncio.timeout(_CLOSE_DEADLINE_S):
        await engine.close()


def main() -> None:
    """Run until the kernel closes the bridge, ends, or asks to terminate."""
    faulthandler.enable()
    sctp_chunk_bytes(os.environ)  # a setting that cannot be ends it here, not at the first connection
    # The kernel's Interrupt is a SIGINT to its whole process group; it is meant for the cell, not for the media.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        asyncio.run(_run(int(sys.argv[1])))
    except TimeoutError:
        logging.getLogger(__name__).error(
            "the engine did not close in %.1f s and ends at once", _CLOSE_DEADLINE_S
        )
    sys.stderr.flush()
    os._exit(0)  # nothing is left to be saved; a decoder thread that hangs must not keep the process


if __name__ == "__main__":
    main()
