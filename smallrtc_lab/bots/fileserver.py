"""A file's bot served from a kernel: in a process of its own, which links to the Jupyter server beside the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smallrtc_lab.errors import BotFileError, EngineTimeout

from .process import BotOrder, BotProcess
from .run import Report

__all__ = ["FileServer"]

READY_S = 30.0


class FileServer:
    """``open`` returns when clients can come. ``link`` holds what an engine's ``link`` call does, for this program."""

    def __init__(
        self,
        path: Path,
        name: str,
        link: dict[str, Any],
        options: dict[str, Any],
        report: Report,
        on_output: Callable[[str], None],
    ) -> None:
        self._path = path
        self._name = name
        self._link = link
        self._options = options
        self._report = report
        self._on_output = on_output
        self._process: BotProcess | None = None
        self._settled = threading.Event()
        self._broken: str | None = None
        self._closing = False

    clients = None  # known in that process only

    def open(self) -> None:
        """Start the process; raises :class:`BotFileError` when it finds no bot, :class:`EngineTimeout` when late."""
        order = BotOrder(
            file=str(self._path.resolve()),
            session=self._name,
            server=self._link["server"],
            name=self._link["kernel_id"],
            proof=self._link["proof"],
            certificate=self._link["certificate"],
            guest_token=self._options["guest_token"],
            mode=self._options["mode"],
            max_connections=self._options["max_connections"],
        )
        self._process = BotProcess(order, self._heard, self._on_output)
        settled = self._settled.wait(READY_S)
        if self._broken is not None or not settled:
            self.close()
        if self._broken is not None:
            raise BotFileError(self._broken)
        if not settled:
            raise EngineTimeout(
                f"the bot's process was not ready within {READY_S:g} s; is this machine overloaded?"
            )

    def close(self) -> None:
        """End the process; its clients are told."""
        self._closing = True
        process, self._process = self._process, None
        if process is not None:
            process.stop()
            process.join()

    def _heard(self, said: dict[str, Any]) -> None:
        """On a thread of the process object."""
        match said["state"]:
            case "serving":
                self._settled.set()
            case "broken":
                self._broken = said["message"]
                self._settled.set()
            case "ended":
                self._ended(said["code"])
            case "lost":
                return  # it links again by itself, and its clients stay
            case _:
                self._report(str(said.get("message", "")))

    def _ended(self, code: int) -> None:
        self._settled.set()
        if not self._closing and self._broken is None:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._broken = f"The process of {self._path.name} ended ({how}). Run the cell again to serve it."
            self._report(self._broken)
