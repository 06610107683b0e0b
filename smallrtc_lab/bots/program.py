"""A served bot and its link to the Jupyter server: a session that clients from outside may join."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from smallrtc_lab.engine.link import Link, LinkAddress
from smallrtc_lab.engine.relaying.door import LinkDoor
from smallrtc_lab.engine.relaying.visitors import VisitorSockets
from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header

from .host import BotHost

__all__ = ["BotProgram", "Tell"]

logger = logging.getLogger(__name__)

Tell = Callable[..., None]


class BotProgram:
    """Answers the server's requests for one session. ``tell(state, **more)`` says how it stands:
    ``serving``, ``lost`` or ``refused``, the latter two with a ``message``.
    """

    def __init__(
        self,
        host: BotHost,
        session: str,
        address: LinkAddress,
        tell: Tell,
        *,
        guest_token: str | None = None,
    ) -> None:
        self._host = host
        self._guest_token = guest_token
        self._session = session
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()
        self._door = LinkDoor(session, lambda header, content: self._link.send(header, content))
        self._visitors = VisitorSockets(self._door, lambda visitor: host.relays_of(visitor, self._door))
        self._link = Link(
            address,
            on_linked=self._linked,
            on_message=self._message,
            on_lost=self._lost,
            on_media=self._visitors.received,
        )

    async def close(self) -> None:
        """Every client is told, every bot ends, the link is closed."""
        await self._host.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()

    def _linked(self, welcome: Header) -> None:
        limits = welcome.get("limits") or {}
        self._host.use(
            ice_servers=welcome.get("ice_servers") or [], max_connections=limits.get("max_connections")
        )
        opened = {"type": "session-open", "session": self._session, "serves": True}
        self._link.send(opened | {"guest_token": self._guest_token})

    def _lost(self, reason: str) -> None:
        # Clients that are connected stay so: media does not need the server, but where it is relayed.
        self._visitors.clear()
        self._tell("lost", message=reason)

    def _message(self, header: Header) -> None:
        kind = header.get("type")
        if kind == "request":
            task = asyncio.get_running_loop().create_task(self._reply(header), name="request")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif kind == "ice-servers" and header.get("ice_servers") is not None:
            self._host.use_ice_servers(header["ice_servers"])
        elif kind == "session-served":  # not before: a client that comes at once must find it
            self._tell("serving", session=self._session)
        elif kind == "session-refused":
            self._tell("refused", message=str(header.get("message")))

    async def _reply(self, header: Header) -> None:
        reply: Header = {"type": "reply", "id": header["id"], "status": 200}
        try:
            reply["body"] = await self._serve(str(header.get("method")), header.get("body") or {})
        except RequestError as error:
            reply |= {"status": error.status, "body": error.to_json()}
        except Exception:  # border: the client gets an answer, the log gets the traceback
            logger.exception("request %s failed", header.get("method"))
            body = {
                "message": "The bot's process failed on this request; its log says why.",
                "reason": "bot-error",
            }
            reply |= {"status": 500, "body": body}
        self._link.send(reply)

    async def _serve(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "offer":
                return await self._host.offer(body)
            case "patch":
                return await self._host.patch(body)
        raise RequestError(404, "unknown-method", f"a bot's session has no {method}")
