"""``python -m smallrtc_lab.bots``: serves a file with a bot. Started by `smallrtc-lab run` or by `serve("bot.py")`.

The order comes as one line of JSON on standard input, because it holds a proof that nobody else may read; when standard
input ends, or the parent process does, this ends. How it stands goes out as lines of JSON on standard output;
whatever the bot prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from smallrtc_lab.engine.link import LinkAddress
from smallrtc_lab.engine.parent import watch_parent
from smallrtc_lab.errors import BotFileError
from smallrtc_lab.rtc.requests import ConnectionMode

from .host import BotHost, HostOptions
from .loading import load_bot
from .program import BotProgram

BROKEN_FILE = 3  # the exit code when the file has no bot that can be served


class _Status:
    """Lines of JSON for the parent; from any thread."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def tell(self, state: str, **more: Any) -> None:
        """One line: how it stands."""
        with self._lock:
            try:
                self._out.write(json.dumps({"state": state, **more}) + "\n")
                self._out.flush()
            except BrokenPipeError:
                return  # the parent is gone, and this ends because of it

    def report(self, text: str) -> None:
        """One line: what a person must see."""
        self.tell("report", message=text)


def main() -> int:
    """Serve until the parent closes standard input, ends, or asks to terminate."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    status = _Status(_take_standard_output())
    order = json.loads(sys.stdin.readline())
    path = Path(order["file"])
    try:
        bot = load_bot(path)
    except BotFileError as error:
        status.tell("broken", message=str(error))
        return BROKEN_FILE
    asyncio.run(_serve(bot, order, status))
    return 0


async def _serve(bot: Any, order: dict[str, Any], status: _Status) -> None:
    ended = asyncio.Event()
    _watch(order["parent"], ended)
    options = HostOptions(
        mode=ConnectionMode(order["mode"]),
        max_connections=order.get("max_connections"),
        esp32_host=order.get("esp32_host"),
    )
    address = LinkAddress(order["server"], order["name"], order["proof"], order.get("certificate"))
    host = BotHost(bot, options, status.report)
    guest_token = order.get("guest_token")
    program = BotProgram(host, order["session"], address, status.tell, guest_token=guest_token)
    await ended.wait()
    await program.close()


def _watch(parent_pid: int, ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(ended.set)

    def until_closed() -> None:
        sys.stdin.read()
        end()

    watch_parent(parent_pid, end)
    threading.Thread(target=until_closed, name="smallrtc-stdin", daemon=True).start()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, ended.set)


def _take_standard_output() -> TextIO:
    """Standard output for the status alone; what is printed goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a bot whose thread is blocked must not keep the process
