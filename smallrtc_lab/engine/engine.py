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

from .bridge import Bridge, Reply
from .calls import EngineServices
from .groups import GROUPS
from .halls import Halls
from .link import LinkAddress
from .outlets import Kind
from .reading import read_audio, read_latest
from .serverside import ServerSide
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
        self._tasks: set[asyncio.Task[None]] = set()
        self.bridge = Bridge(
            incoming, outgoing, on_call=self._call, on_done=self._done, on_end=self.ended.set
        )
        self.halls = Halls(
            self.bridge, self._executor, lambda header, payload: self._server.send(header, payload)
        )
        self._server = ServerSide(self.sessions, self.halls, self.bridge, self._spawn)
        services = EngineServices(self._session, self._find, self.bridge, self._executor, self._server.send)
        self._groups = [group(services) for group in GROUPS]
        self._spawn(self._report_activity())

    async def close(self) -> None:
        """Orderly end: every browser is told, every task ends."""
        await self.halls.close_all()
        await self._server.relays.close_all()
        for session in list(self.sessions.values()):
            await session.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.close()
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
        self._server.dial(LinkAddress(server, kernel_id, proof, certificate))

    async def _call_open_session(self, session: str, options: dict[str, Any]) -> None:
        if session in self.sessions:
            return
        opened = Session(session, options, self.bridge, self._executor, self._server.page_sender(session))
        opened.plotting.send = self._server.plot_sender(session)
        self.sessions[session] = opened
        if self._server.welcome:
            opened.welcomed(self._server.welcome)
        self._server.send({"type": "session-open", "session": session})

    async def _call_close_session(self, session: str) -> None:
        closing = self.sessions.pop(session, None)
        if closing is not None:
            await self._server.relays.close(session)
            await closing.close()
            self._server.send({"type": "session-close", "session": session})

    async def _call_open_hall(self, session: str, options: dict[str, Any]) -> None:
        self.halls.open(session, options, self._server.welcome)
        self._server.announce_halls()

    async def _call_close_hall(self, session: str) -> None:
        self._server.send({"type": "session-close", "session": session})
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

    async def _call_message_room(self, session: str, timeout_s: float) -> bool:
        return await self._session(session).flow.mail.room(timeout_s)

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
        base_path = self._server.base_path
        if base_path is None:
            return None
        name = self._session(session).shelf.put(content_type, payload)
        return f"{base_path}smallrtc/sessions/{session}/pictures/{name}"

    async def _call_stats(self, session: str) -> Header:
        return {
            **await self._session(session).stats(),
            "engine": {
                "pid": os.getpid(),
                "linked": self._server.linked,
                "bridge_dropped": self.bridge.dropped,
            },
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

    async def _report_activity(self) -> None:
        """Keep the kernel from being culled, but only while media flows and somebody looks."""
        while True:
            await asyncio.sleep(_ACTIVITY_INTERVAL_S)
            if self.halls.live or any(session.watched for session in self.sessions.values()):
                self._server.send({"type": "activity"})

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the engine failed", exc_info=error)


_WITH_PAYLOAD = frozenset({"link", "shelve"})
