"""Messages on their way to the browser: kept here, in order, until its data channel takes them.

Media may flow before the data channel opens, and a client need not open one at all. So what is said early waits
here and not in a connection, which would drop it after a while; it survives the connection, too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

__all__ = ["MAX_WAITING", "Mail", "MailProblems", "MailTaker"]

MAX_WAITING = 50
PATIENCE_S = 2.0  # so long a sender waits for room: media may flow a moment before the data channel opens
_LOOK_AGAIN_S = 10.0  # every wait has a deadline; nothing but the channel's opening is waited for


class MailTaker(Protocol):
    """What of a connection is needed to send a message over it."""

    @property
    def takes_messages(self) -> bool:
        """Whether a message goes out at once."""

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value; False when it was dropped."""

    async def messages_taken(self, timeout_s: float) -> bool:
        """Wait until messages go out at once; False when the time was up first."""


class MailProblems(Protocol):
    """Where dropped messages are told."""

    def problem(self, code: str, message: str, next_step: str) -> None:
        """Something the person should know."""


class Mail:
    """At most ``MAX_WAITING`` messages wait; more are dropped, counted in ``dropped`` and told as a problem."""

    def __init__(self, problems: MailProblems, *, patience_s: float = PATIENCE_S) -> None:
        self.dropped = 0
        self._problems = problems
        self._patience_s = patience_s
        self._waiting: deque[Any] = deque()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()  # whoever waits for room is not overtaken
        self._senders = 0
        self._taker: MailTaker | None = None
        self._sender: asyncio.Task[None] | None = None

    async def send(self, message: Any) -> None:
        """To the browser: at once where it takes it and nothing waits, else in its turn.

        While the browser is there, but takes nothing, this waits for room.
        """
        if self._full and (self._taker is None or self._senders >= MAX_WAITING):
            self._drop()
            return
        self._senders += 1
        try:
            async with asyncio.timeout(self._patience_s), self._turn:
                while self._full:
                    self._room.clear()
                    await self._room.wait()
                self._put(message)
        except TimeoutError:
            self._drop()
        finally:
            self._senders -= 1

    async def room(self, timeout_s: float) -> bool:
        """Wait until one more message is kept, or goes out; False when the time was up first."""
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                while self._full:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True

    @property
    def _full(self) -> bool:
        return len(self._waiting) >= MAX_WAITING

    def _put(self, message: Any) -> None:
        taker = self._taker
        if taker is not None and not self._waiting and taker.takes_messages:
            taker.send_app_message(message)
        else:
            self._waiting.append(message)
            self._start()

    def use(self, taker: MailTaker | None) -> None:
        """Send over this connection from now on; None: everything waits for the next."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        self._taker = taker
        self._start()

    async def emptied(self, timeout_s: float) -> None:
        """Wait until what waited has gone out over the connection of now, ``timeout_s`` at most."""
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=timeout_s)

    async def close(self) -> None:
        """Send no more."""
        sender = self._sender
        self.use(None)
        if sender is not None:
            await asyncio.gather(sender, return_exceptions=True)

    def _start(self) -> None:
        if self._taker is not None and self._waiting and (self._sender is None or self._sender.done()):
            self._sender = asyncio.get_running_loop().create_task(self._run(self._taker), name="mail")

    async def _run(self, taker: MailTaker) -> None:
        while self._waiting:
            if await taker.messages_taken(_LOOK_AGAIN_S):
                taker.send_app_message(self._waiting.popleft())
                self._room.set()

    def _drop(self) -> None:
        self.dropped += 1
        what = "1 message was" if self.dropped == 1 else f"{self.dropped} messages were"
        if self._taker is None:
            why = f"{MAX_WAITING} wait for a browser already."
            next_step = "Wait for lab.wait_live() before sending more."
        else:
            why, next_step = "the browser does not take what was sent before.", "Send fewer, or smaller ones."
        self._problems.problem("messages-dropped", f"{what} dropped: {why}", next_step)
