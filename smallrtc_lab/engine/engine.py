"""The engine: sessions, the link to the server and the bridge to the kernel, put together.

It runs as ``python -m smallrtc_lab.engine``, a child of the kernel, and ends with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from smallrtc_lab.errors import EngineError, NotLiveError
from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.framing import Header

from .answers import answer_to
from .bridge import Bridge, Reply
from .calls import EngineServices
from .comm_calls import by_comm, tell_by_comm
from .groups import GROUPS
from .hall import Hall
from .halls import Halls
from .link import Link, LinkAddress
from .outlets import Kind
from .reading import read_audio, read_latest
from .relaying.relays import Relays
from .session import Session

__all__ = ["Engine"]

logger = logging.getLogger(__name__)

_ACTIVITY_INTERVAL_S = 60.0


class Engine:
    """Everything of one engine process; all methods run on its loop."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self.ended = asyncio.Event()
        self.sessions: dict[str, Session] = {}
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="convert")
        self._link: Link | None = None
        self._welcome: Header = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.bridge = Bridge(
            incoming, outgoing, on_call=self._call, on_done=self._done, on_end=self.ended.set
        )
        self.halls = Halls(self.bridge, self._executor)
        self._relays = Relays(self.sessions, self._to_server)
        services = EngineServices(self._session, self._find, self.bridge, self._executor, self._to_server)
        self._groups = [group(services) for group in GROUPS]
        self._spawn(self._report_activity())

    async def close(self) -> None:
        """Orderly end: every browser is told, every task ends."""
        await self.halls.close_all()
        await self._relays.close_all()
        for session in list(self.sessions.values()):
            await session.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._link is not None:
            await self._link.close()
        await self.bridge.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    # Calls of the kernel

    async def _call(self, method: str, args: dict[str, Any], payload: bytes) -> Reply:
        handler, takes_payload = self._handler(method)
        result = await handler(payload=payload, **args) if takes_payload else await handler(**args)
        return result if isinstance(result, tuple) else (result, b"")

    def _handler(self, method: str) -> tuple[Callable[..., Any], bool]:
        """What answers that call, and whether it takes a payload."""
        own = getattr(self, f"_call_{method}", None)
        if own is not None:
            return own, method in _WITH_PAYLOAD
        for group in self._groups:
            found = group.find(method)
            if found is not None:
                return found, method in group.with_payload
        raise EngineError(f"the engine knows no call {method!r}; restart the kernel after an upgrade")

    async def _call_link(
        self, server: str, kernel_id: str, proof: str, certificate: str | None, payload: bytes
    ) -> None:
        if self._link is None:
            address = LinkAddress(server, kernel_id, proof, certificate)
            self._link = Link(
                address,
                on_linked=self._linked,
                on_message=self._from_server,
                on_lost=self._link_lost,
                on_media=self._relays.received,
            )

    async def _call_open_session(self, session: str, options: dict[str, Any]) -> None:
        if session in self.sessions:
            return
        opened = Session(session, options, self.bridge, self._executor, self._page_sender(session))
        opened.plotting.send = self._plot_sender(session)
        self.sessions[session] = opened
        if self._welcome:
            opened.welcomed(self._welcome)
        self._to_server({"type": "session-open", "session": session})

    async def _call_close_session(self, session: str) -> None:
        closing = self.sessions.pop(session, None)
        if closing is not None:
            await self._relays.close(session)
            await closing.close()
            self._to_server({"type": "session-close", "session": session})

    async def _call_open_hall(self, session: str, options: dict[str, Any]) -> None:
        self.halls.open(session, options, self._welcome)
        self._announce_halls()

    async def _call_close_hall(self, session: str) -> None:
        self._to_server({"type": "session-close", "session": session})
        await self.halls.close(session)

    async def _call_connect(self, session: str) -> None:
        await self._session(session).flow.connect()

    async def _call_follow(self, session: str) -> list[Header]:
        return self._session(session).flow.so_far()

    async def _call_outlet(self, session: str, kind: Kind, on: bool) -> None:
        self._session(session).outlet(kind, on)

    async def _call_ask_to_renegotiate(self, session: str) -> None:
        self._session(session).flow.ask_to_renegotiate()

    async def _call_start(self, session: str) -> None:
        self._session(session).start()

    async def _call_stop(self, session: str) -> None:
        await self._session(session).stop()

    async def _call_simulate(self, session: str, video: Any, audio: Any) -> None:
        await self._session(session).simulate(video, audio)

    async def _call_send_message(self, session: str, message: Any) -> None:
        owner = self._session(session)
        owner.keeping.message(message, "python")
        await owner.flow.send_message(message)

    async def _call_values(self, session: str, values: dict[str, Any]) -> None:
        owner = self._session(session)
        owner.keeping.event("values", **values)
        owner.pages.tell({"type": "values", "values": values}, standing=True)

    async def _call_log(self, session: str, text: str) -> None:
        self._session(session).pages.tell({"type": "log", "text": text})

    async def _call_problem(self, session: str, problem: dict[str, Any]) -> None:
        self._session(session).problem(**problem)

    async def _call_clear_problem(self, session: str, code: str) -> None:
        self._session(session).clear_problem(code)

    async def _call_subscribe_video(self, session: str, number: int, **request: Any) -> None:
        self._session(session).processing.subscribe_video(number, **request)

    async def _call_subscribe_audio(self, session: str, number: int, **request: Any) -> None:
        self._session(session).processing.subscribe_audio(number, **request)

    async def _call_unsubscribe(self, session: str, number: int) -> None:
        owner = self._find(session)
        if owner is not None:
            await owner.processing.unsubscribe(number)

    async def _call_latest(self, session: str, source: str, format: PixelFormat, size: Any) -> Header:
        return await read_latest(self._session(session), source, format, size, self.bridge, self._executor)

    async def _call_last_audio(self, session: str, seconds: float, sample_rate: int, channels: int) -> Reply:
        return await read_audio(self._session(session), seconds, sample_rate, channels, self._executor)

    async def _call_shelve(self, session: str, content_type: str, payload: bytes) -> str | None:
        """Keep a picture or sound for the page to fetch; the path under the server, or None without a server."""
        if self._link is None:
            return None
        name = self._session(session).shelf.put(content_type, payload)
        return f"{self._link.address.base_path}smallrtc/sessions/{session}/pictures/{name}"

    async def _call_stats(self, session: str) -> Header:
        linked = self._link is not None and self._link.linked
        return {
            **await self._session(session).stats(),
            "engine": {"pid": os.getpid(), "linked": linked, "bridge_dropped": self.bridge.dropped},
        }

    def _find(self, name: str) -> Session | None:
        """A lab's session, or that of a hall's client."""
        return self.sessions.get(name) or self.halls.guest(name)

    def _session(self, session_id: str) -> Session:
        session = self._find(session_id)
        if session is None:
            raise NotLiveError("this lab was closed; make a new Lab()")
        return session

    def _done(self, header: Header, payload: bytes) -> None:
        session = self._find(header["session"])
        if session is None:
            self.bridge.free_result(header)
            return
        match header["type"]:
            case "result":
                session.processing.audio_result(header, payload)
            case "sound":
                session.processing.outlets.sound.put(payload)
            case "picture":
                self._spawn(session.processing.outlets.picture(header))
            case _:
                returning = session.processing.done(header)
                if returning is not None:
                    self._spawn(returning)

    # The link

    def _linked(self, welcome: Header) -> None:
        self._welcome = welcome
        for session_id, session in self.sessions.items():
            session.welcomed(welcome)
            self._to_server({"type": "session-open", "session": session_id})
        self.halls.welcomed(welcome)
        self._announce_halls()
        self.bridge.event("", "link", state="linked", reason="")

    def _announce_halls(self) -> None:
        for header in self.halls.announcements():
            self._to_server(header)

    def _link_lost(self, reason: str) -> None:
        self._relays.clear()
        for session in self.sessions.values():
            session.pages.clear()
            self._spawn(session.plotting.clear())
        self.bridge.event("", "link", droppable=True, state="lost", reason=reason)

    def _from_server(self, header: Header) -> None:
        name = str(header.get("session"))
        session = self.sessions.get(name)
        kind = header.get("type")
        if kind == "ice-servers":
            self._renew_ice_servers(header)
        elif kind == "request":
            self._spawn(self._answer(header, self.halls.find(name) or session))
        elif self.halls.find(name) is not None:
            self._tell_of_hall(name, header)
        elif session is None:
            logger.debug("message %s for a session that is closed", kind)
        elif kind == "session-refused":
            session.refused(str(header.get("message")), str(header.get("reason")))
        elif kind == "page-open":
            session.pages.opened(header["page"])
        elif kind == "page-close":
            session.pages.closed(header["page"])
        elif kind == "page":
            session.pages.received(header["page"], header.get("message"))
        elif str(kind).startswith("plot"):
            self._from_plot(session, header)

    def _renew_ice_servers(self, header: Header) -> None:
        """The server has new credentials, or could get none: what holds is kept for sessions to come, too."""
        servers, failure = header.get("ice_servers"), header.get("failure")
        self._welcome["ice_failure"] = failure
        if servers is not None:
            self._welcome["ice_servers"] = servers
            self.halls.welcomed(self._welcome)
        for session in self.sessions.values():
            session.renew_ice_servers(servers, failure, by_server=True)

    def _from_plot(self, session: Session, header: Header) -> None:
        """A view of a plot came, left, or said something."""
        kind, page = header.get("type"), header["page"]
        if kind == "plot-open":
            session.plotting.opened(str(header.get("plot")), page)
        elif kind == "plot-close":
            self._spawn(session.plotting.closed(page))
        elif kind == "plot":
            session.plotting.received(page, header.get("message"))

    def _tell_of_hall(self, name: str, header: Header) -> None:
        """Whether the server lets clients into a hall: the kernel waits for it."""
        if header.get("type") == "session-served":
            self.bridge.event(name, "served")
        elif header.get("type") == "session-refused":
            self.bridge.event(name, "refused", message=str(header.get("message")))

    async def _answer(self, header: Header, session: Session | Hall | None) -> None:
        answer = await answer_to(session, str(header.get("method")), header.get("body") or {})
        reply = {"type": "reply", "id": header["id"], "status": answer.status, "body": answer.body}
        self._to_server(reply, answer.content)

    def _to_server(self, header: Header, payload: bytes = b"") -> None:
        if self._link is not None:
            self._link.send(header, payload)

    def _page_sender(self, session: str) -> Any:
        def send(page: str, message: dict[str, Any]) -> None:
            if by_comm(page):
                tell_by_comm(self.bridge, session, page, message)
            else:
                self._to_server({"type": "page", "session": session, "page": page, "message": message})

        return send

    def _plot_sender(self, session: str) -> Any:
        def send(plot: str, page: str, message: dict[str, Any], picture: bytes) -> None:
            about = {"type": "plot", "session": session, "plot": plot, "page": page}
            self._to_server({**about, "message": message}, picture)

        return send

    async def _report_activity(self) -> None:
        """Keep the kernel from being culled, but only while media flows and somebody looks."""
        while True:
            await asyncio.sleep(_ACTIVITY_INTERVAL_S)
            if self.halls.live or any(session.watched for session in self.sessions.values()):
                self._to_server({"type": "activity"})

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the engine failed", exc_info=error)


_WITH_PAYLOAD = frozenset({"link", "shelve"})
