"""One engine's link: what is asked on it and what comes back."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header, pack

from .limits import Limits
from .outbox import Outbox

__all__ = ["Link", "Reply", "kick"]


@dataclass(frozen=True)
class Reply:
    """What an engine answered: an HTTP status, a JSON object, and perhaps bytes."""

    status: int
    body: dict[str, Any]
    payload: bytes = field(default=b"", repr=False)


class Link:
    """The engine of one kernel. Every request gets exactly one answer, a reply or a :class:`RequestError`."""

    def __init__(self, kernel_id: str, outbox: Outbox, limits: Limits) -> None:
        self.kernel_id = kernel_id
        self.outbox = outbox
        self.greeted = False
        self._limits = limits
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Reply]] = {}

    def tell(self, header: Header) -> None:
        """Send what the engine must know; one that has no room even for that is closed, to link anew."""
        if not self.outbox.put(pack(header)):
            self.outbox.close(4408, "the engine reads too slowly")

    async def request(self, session: str, method: str, body: Any) -> Reply:
        """Ask the engine; 429 when too much is asked already, 503 when it does not answer or goes away."""
        if len(self._pending) >= self._limits.max_pending_requests:
            raise RequestError(
                429, "too-many-requests", "Too many requests wait for this notebook's engine; try again."
            )
        number = next(self._ids)
        answer = self._pending[number] = asyncio.get_running_loop().create_future()
        header = {"type": "request", "id": number, "session": session, "method": method, "body": body}
        try:
            async with asyncio.timeout(self._limits.request_timeout_s):
                await self.outbox.put_in_turn(pack(header))
                reply: Reply = await answer
                return reply
        except TimeoutError:
            raise RequestError(
                503, "engine-timeout", "The engine did not answer in time; try again."
            ) from None
        finally:
            del self._pending[number]

    def replied(self, header: Header, payload: bytes) -> None:
        """The engine answered; an answer that comes too late, or to nothing, is dropped."""
        number = header.get("id")
        answer = self._pending.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        status, body = header.get("status"), header.get("body")
        if isinstance(status, int) and 200 <= status <= 599 and isinstance(body, dict):
            answer.set_result(Reply(status, body, payload))
        else:
            answer.set_exception(RequestError(502, "bad-reply", "The engine's answer makes no sense."))

    def lost(self) -> None:
        """The link is gone: whatever was asked is answered with 503."""
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(
                    RequestError(503, "engine-gone", "The notebook's engine went away; run the cell again.")
                )


def kick(outbox: Outbox, header: Header) -> None:
    """The engine closes somebody's socket: with its code where a server may send that one (RFC 6455, section 7.4)."""
    code = header.get("code")
    known = isinstance(code, int) and (code == 1000 or 3000 <= code <= 4999)
    outbox.close(code if known and isinstance(code, int) else 4403, str(header.get("reason") or ""))
