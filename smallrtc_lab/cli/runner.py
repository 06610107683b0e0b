"""The runner as a server extension: the signaling routes, and a process with the bot that is served there."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Any

from traitlets import Bool, Enum, Unicode

from smallrtc_lab.bots.process import BotOrder, BotProcess
from smallrtc_lab.server.app import SmallRTCLab
from smallrtc_lab.server.proof import link_proof
from smallrtc_lab.server.routes.missing import Missing

__all__ = ["SESSION", "BotRunner"]

SESSION = "bot"
PROGRAM = "runner"
BROKEN_FILE = 3  # the exit code of a process whose file has no bot that can be served
RESTART_S = 1.0
CRASHES = 3  # in a row, without having served


class BotRunner(SmallRTCLab):
    """Serves ``bot_file`` while the server runs; what goes wrong is printed where the server was started.

    ``greeting`` is printed once clients can come. ``exit_code`` says at the end whether it ended by a fault.
    """

    bot_file = Unicode(help="The file with `async def bot(runner_args)`.").tag(config=True)
    mode = Enum(["multiple", "single"], "multiple", help="How many clients there may be.").tag(config=True)
    esp32_host = Unicode(
        None, allow_none=True, help="The address that stays in answers for microcontrollers."
    ).tag(config=True)
    reload = Bool(False, help="Start the bot anew when a Python file beside it changes.").tag(config=True)

    greeting = ""
    exit_code = 0

    # A server that ends before it ran asks for these, too.
    _process: BotProcess | None = None
    _restart: asyncio.TimerHandle | None = None
    _watching: asyncio.Task[None] | None = None

    @property
    def title(self) -> str:
        """The file's name, on the page."""
        return Path(self.bot_file).name

    def initialize_handlers(self) -> None:
        """The routes; a client's token opens no statistics of the server's."""
        super().initialize_handlers()
        self.handlers.append((r"/metrics", Missing, {"broker": self.broker}))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        await super()._start_jupyter_server_extension(serverapp)
        self._loop = asyncio.get_running_loop()
        self._key = secrets.token_bytes(32)
        self._crashes = 0
        self._stopping = False
        self.broker.programs[PROGRAM] = self._key
        self.broker.nothing_served = "The bot is not there right now: the terminal that serves it says why."
        self._start_bot()
        self._watching = self._loop.create_task(self._watch_files()) if self.reload else None

    async def stop_extension(self) -> None:
        """The clients are told and the bots end before the sockets close."""
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._end_bot()
        await super().stop_extension()

    def _start_bot(self) -> None:
        self._forget_restart()
        if self._stopping or self.address is None:
            return
        order = BotOrder(
            file=self.bot_file,
            session=SESSION,
            server=self.address.url,
            name=PROGRAM,
            proof=link_proof(PROGRAM, self._key),
            certificate=self.address.certificate,
            mode=self.mode,
            esp32_host=self.esp32_host,
        )
        process: BotProcess | None = None

        def heard(said: dict[str, Any]) -> None:  # from a thread of the process object
            self._loop.call_soon_threadsafe(self._heard, lambda: process, said)

        process = self._process = BotProcess(order, heard)

    async def _end_bot(self) -> None:
        self._forget_restart()
        process, self._process = self._process, None
        if process is not None:
            process.stop()
            await asyncio.to_thread(process.join)

    def _forget_restart(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None

    def _heard(self, whose: Any, said: dict[str, Any]) -> None:
        if whose() is not self._process or self._stopping:
            return  # of a process that was replaced
        match said["state"]:
            case "serving":
                self._served()
            case "ended":
                self._ended(said["code"])
            case "lost":
                self.log.warning("the bot's link is lost: %s", said["message"])
            case _:
                say(str(said.get("message", "")))

    def _served(self) -> None:
        self._crashes = 0
        greeting, self.greeting = self.greeting, ""
        if greeting:
            print(greeting, flush=True)
        else:
            say(f"{self.title} is served again.")

    def _ended(self, code: int) -> None:
        self._process = None
        if code == BROKEN_FILE:
            if self.reload:
                say("Waiting for the file to change.")
            else:
                self._give_up("Nothing is served: mend the file and start again, or use --reload.")
            return
        self._crashes += 1
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self._crashes > CRASHES:
            self._give_up(f"The bot's process ended again ({how}), before it served anybody.")
            return
        say(f"The bot's process ended ({how}); a new one starts.")
        self._restart = self._loop.call_later(RESTART_S, self._start_bot)

    def _give_up(self, sentence: str) -> None:
        say(sentence)
        self.exit_code = 1
        self.serverapp.stop(from_signal=True)

    async def _watch_files(self) -> None:
        from watchfiles import PythonFilter, awatch

        async for changes in awatch(Path(self.bot_file).parent, watch_filter=PythonFilter(), recursive=False):
            names = ", ".join(sorted({Path(path).name for _, path in changes}))
            say(f"{names} changed: the bot starts anew.")
            self._crashes = 0
            await self._end_bot()
            self._start_bot()


def say(text: str) -> None:
    """To whoever started the server."""
    print(text, file=sys.stderr, flush=True)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "smallrtc_lab.cli.runner", "app": BotRunner}]
