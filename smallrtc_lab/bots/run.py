"""One bot at work for one client, on a thread and an asyncio loop of its own.

A bot that computes or blocks stops nobody but its own client. It ends when its function returns or raises (then the
client is told ``peerLeft``), or a while after its client has left.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import traceback
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from .arguments import Bot, RunnerArguments

__all__ = ["BotRun", "Connection", "Report"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
Report = Callable[[str], None]

AFTER_CLIENT_S = 5.0  # what a bot has to finish once its client has left
AFTER_CANCEL_S = 2.0


class Connection(Protocol):
    """What a run needs of its client's connection; :class:`SmallWebRTCConnection` has it."""

    async def disconnect(self) -> None:
        """Tell the client and end."""

    def call_when_closed(self, callback: Callable[[Any], None], /) -> None:
        """Call back as soon as it begins to close."""


class BotRun:
    """A thread with a loop. ``submit`` runs coroutines there, to make the connection; ``begin`` calls the bot, once.

    ``report(text)`` is told, from that thread, when the bot raises or does not end; ``on_end(run)`` is called there
    when everything is over. Everything on the thread happens ``inside`` that context.
    """

    def __init__(
        self,
        bot: Bot,
        report: Report,
        on_end: Callable[[BotRun], None],
        *,
        inside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._bot = bot
        self._inside = inside
        self._report = report
        self._on_end = on_end
        self._loop = asyncio.new_event_loop()
        self._begun = asyncio.Event()
        self._client_left = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._arguments: RunnerArguments | None = None
        self._thread = threading.Thread(target=self._run, name=f"smallrtc bot {_name(bot)}", daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The bot's loop."""
        return self._loop

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def begun(self) -> bool:
        """Whether the bot was called, or is about to be."""
        return self._arguments is not None

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the bot's loop; from any thread. The future is cancelled when the loop has ended."""
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            ended: concurrent.futures.Future[T] = concurrent.futures.Future()
            ended.cancel()
            return ended

    def begin(self, arguments: RunnerArguments) -> None:
        """Call the bot for this client. On the bot's loop, once."""
        arguments.webrtc_connection.call_when_closed(lambda connection: self._client_left.set())
        self._arguments = arguments
        self._begun.set()

    def stop(self) -> None:
        """Ask it to end: the bot is cancelled, the client is told. From any thread; ``join`` waits for it."""
        try:
            self._loop.call_soon_threadsafe(self._stop_asked.set)
        except RuntimeError:  # it ended by itself
            return

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; False, and a report, when the bot blocks its thread."""
        self._thread.join(timeout_s)
        if self.alive:
            self._report(
                f"the bot {_name(self._bot)} does not end: its thread is blocked by code that never awaits"
            )
        return not self.alive

    def _run(self) -> None:
        try:
            with self._inside(), asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._live())
        finally:
            self._on_end(self)

    async def _live(self) -> None:
        """From the thread's start to its end."""
        begun, stop = (asyncio.create_task(event.wait()) for event in (self._begun, self._stop_asked))
        await asyncio.wait({begun, stop}, return_when=asyncio.FIRST_COMPLETED)
        if self._arguments is not None:
            await self._serve(self._arguments, stop)

    async def _serve(self, arguments: RunnerArguments, stop: asyncio.Task[Any]) -> None:
        """Until the bot has ended; one whose client left has a while to do so by itself."""
        bot = asyncio.create_task(self._call(arguments), name="bot")
        left = asyncio.create_task(self._client_left.wait())
        await asyncio.wait({bot, left, stop}, return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            await asyncio.wait({bot, stop}, timeout=AFTER_CLIENT_S, return_when=asyncio.FIRST_COMPLETED)
        bot.cancel()
        _, late = await asyncio.wait({bot}, timeout=AFTER_CANCEL_S)
        if late:
            self._report(
                f"the bot {_name(self._bot)} goes on although it was cancelled: let CancelledError pass"
            )
        await arguments.webrtc_connection.disconnect()

    async def _call(self, arguments: RunnerArguments) -> None:
        try:
            await self._bot(arguments)
        except Exception as error:  # border: a person's bot; its client is told, its author shown
            logger.info("the bot %s raised", _name(self._bot), exc_info=True)
            self._report(_story(error))


def _name(bot: Bot) -> str:
    return getattr(bot, "__qualname__", type(bot).__name__)


def _story(error: Exception) -> str:
    """The traceback without our own frames at its top."""
    entries = traceback.TracebackException.from_exception(error)
    del entries.stack[:1]
    return "".join(entries.format()).rstrip()
