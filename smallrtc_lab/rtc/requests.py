"""Signaling requests of clients, turned into connections: the protocol's HTTP without any HTTP.

Every refusal is a :class:`RequestError` with the status the protocol names: 400 malformed, or busy in single
mode; 404 unknown ``pc_id`` in a patch; 429 too many connections. Clients take every 4xx as final and
retry 5xx.
"""

from __future__ import annotations

import asyncio
import enum
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from smallrtc_lab.errors import ClosedError, RequestError

from . import sdp
from .clients import ClientInfo, name_of
from .connection import IceServer, SmallWebRTCConnection, to_ice_servers

__all__ = [
    "ConnectionCallback",
    "ConnectionMode",
    "IceCandidate",
    "SmallWebRTCPatchRequest",
    "SmallWebRTCRequest",
    "SmallWebRTCRequestHandler",
    "too_many",
]

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 100
MAX_CANDIDATE_CHARS = 1000

ConnectionCallback: TypeAlias = Callable[[SmallWebRTCConnection], Awaitable[None] | None]


class ConnectionMode(enum.Enum):
    """How many clients there may be."""

    SINGLE = "single"
    MULTIPLE = "multiple"


@dataclass(frozen=True)
class SmallWebRTCRequest:
    """An offer. ``request_data`` is the application's own."""

    sdp: str
    type: str
    pc_id: str | None = None
    restart_pc: bool = False
    request_data: Any = None

    @classmethod
    def from_json(cls, body: str | bytes) -> SmallWebRTCRequest:
        """Read the body of a ``POST``; raises as :meth:`from_dict`."""
        return cls.from_dict(_parsed(body))

    @classmethod
    def from_dict(cls, body: object) -> SmallWebRTCRequest:
        """Read a request's JSON; raises :class:`RequestError` 400 ``malformed``."""
        fields = _object(body)
        offer = _field(fields, "sdp", str)
        kind = _field(fields, "type", str)
        return cls(
            sdp=offer,
            type=kind,
            pc_id=_field(fields, "pc_id", str, optional=True) or None,
            restart_pc=bool(_field(fields, "restart_pc", bool, optional=True)),
            request_data=fields.get("request_data", fields.get("requestData")),
        )


@dataclass(frozen=True)
class IceCandidate:
    """A candidate of the client's; an empty ``candidate`` is the end-of-candidates mark of RFC 8840."""

    candidate: str
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None

    @classmethod
    def from_dict(cls, body: object) -> IceCandidate:
        """Read a candidate's JSON, with the wire's names or a browser's own; raises as above."""
        fields = _object(body)
        mid = "sdp_mid" if "sdp_mid" in fields else "sdpMid"
        index = "sdp_mline_index" if "sdp_mline_index" in fields else "sdpMLineIndex"
        text = _field(fields, "candidate", str)
        if len(text) > MAX_CANDIDATE_CHARS:
            raise _malformed(f"a candidate is longer than {MAX_CANDIDATE_CHARS} characters")
        return cls(
            candidate=text,
            sdp_mid=_field(fields, mid, str, optional=True),
            sdp_mline_index=_field(fields, index, int, optional=True),
        )

    def parse(self) -> RTCIceCandidate | None:
        """aiortc's object, None for the end mark; raises :class:`RequestError` 400 ``bad-candidate``."""
        text = self.candidate.strip().removeprefix("a=").removeprefix("candidate:")
        if not text:
            return None
        if self.sdp_mid is None and self.sdp_mline_index is None:
            raise RequestError(400, "bad-candidate", "a candidate needs sdp_mid or sdp_mline_index")
        try:
            candidate = candidate_from_sdp(text)
        except (ValueError, IndexError, AssertionError):
            raise RequestError(400, "bad-candidate", "a candidate is not in the form of RFC 8839") from None
        candidate.sdpMid = self.sdp_mid
        candidate.sdpMLineIndex = self.sdp_mline_index
        return candidate


@dataclass(frozen=True)
class SmallWebRTCPatchRequest:
    """Candidates for a connection there is already."""

    pc_id: str
    candidates: tuple[IceCandidate, ...]

    @classmethod
    def from_json(cls, body: str | bytes) -> SmallWebRTCPatchRequest:
        """Read the body of a ``PATCH``; raises as :meth:`from_dict`."""
        return cls.from_dict(_parsed(body))

    @classmethod
    def from_dict(cls, body: object) -> SmallWebRTCPatchRequest:
        """Read a request's JSON; raises :class:`RequestError` 400 ``malformed``."""
        fields = _object(body)
        candidates = _field(fields, "candidates", list)
        if len(candidates) > MAX_CANDIDATES:
            raise _malformed(f"more than {MAX_CANDIDATES} candidates in one request")
        return cls(_field(fields, "pc_id", str), tuple(IceCandidate.from_dict(entry) for entry in candidates))


class _Entry:
    """One connection, and the lock that makes its requests wait for each other."""

    def __init__(self, connection: SmallWebRTCConnection) -> None:
        self.connection = connection
        self.lock = asyncio.Lock()
        self.since_s = time.time()
        self.name: str | None = None

    def info(self) -> ClientInfo:
        """Who it is now."""
        connection = self.connection
        return ClientInfo(connection.pc_id, self.since_s, connection.state.value, self.name)


class SmallWebRTCRequestHandler:
    """Makes, finds and closes connections. ``connection_options`` go to each new connection as keywords."""

    def __init__(
        self,
        ice_servers: list[str] | list[IceServer] | None = None,
        esp32_mode: bool = False,
        host: str | None = None,
        connection_mode: ConnectionMode = ConnectionMode.MULTIPLE,
        *,
        max_connections: int | None = None,
        connection_options: dict[str, Any] | None = None,
    ) -> None:
        self._ice_servers = to_ice_servers(ice_servers)
        self._host = host if esp32_mode else None
        self._esp32_mode = esp32_mode
        self._mode = connection_mode
        self._max_connections = max_connections
        self._options = dict(connection_options or {})
        self._entries: dict[str, _Entry] = {}
        self._closed = False

    @property
    def connections(self) -> list[SmallWebRTCConnection]:
        """The open connections, oldest first."""
        return [entry.connection for entry in self._entries.values()]

    @property
    def clients(self) -> list[ClientInfo]:
        """Who is here and since when, longest first."""
        return [entry.info() for entry in self._entries.values()]

    def update_ice_servers(self, ice_servers: list[str] | list[IceServer] | None = None) -> None:
        """Use other ICE servers for connections that are made from now on, a client's restart among them."""
        self._ice_servers = to_ice_servers(ice_servers)
        for entry in list(self._entries.values()):  # a bot's loop may be another thread's
            entry.connection.update_ice_servers(self._ice_servers)

    def limit_connections(self, max_connections: int | None) -> None:
        """Allow that many connections at once from now on; those that are open stay."""
        self._max_connections = max_connections

    async def handle_web_request(
        self, request: SmallWebRTCRequest, webrtc_connection_callback: ConnectionCallback
    ) -> dict[str, str]:
        """Answer an offer with ``{"sdp", "type", "pc_id"}``.

        A known ``pc_id`` renegotiates; else a connection is made and given to the callback before the answer
        goes out, and its events are held back until the callback returned. A callback that raises closes
        the connection: :class:`RequestError` 500 ``callback-failed``.
        """
        if self._closed:
            raise RequestError(503, "closed", "this session is closed; open a new one")
        if request.type != "offer":
            raise RequestError(400, "bad-sdp", f"an offer is needed, not {request.type!r}")
        sdp.validate_offer(request.sdp)
        self._check_mode(request.pc_id)
        entry = self._entries.get(request.pc_id) if request.pc_id else None
        if entry is not None:
            async with entry.lock:
                if await self._renegotiate(entry, request):
                    return self._answer_of(entry)
        return await self._accept(request, webrtc_connection_callback)

    async def handle_patch_request(self, request: SmallWebRTCPatchRequest) -> None:
        """Add candidates; those that come while an answer is being made wait for it.

        Raises :class:`RequestError` 404 ``unknown-connection`` or 400 ``bad-candidate``, the latter before
        anything was added.
        """
        entry = self._entries.get(request.pc_id)
        if entry is None:
            raise RequestError(
                404, "unknown-connection", "there is no connection of that pc_id; send an offer"
            )
        for candidate in [candidate.parse() for candidate in request.candidates]:
            await entry.connection.add_ice_candidate(candidate)

    async def close(self) -> None:
        """Disconnect every client and take no more."""
        self._closed = True
        closing = [connection.disconnect() for connection in self.connections]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, Exception):
                logger.error("a connection did not close cleanly", exc_info=result)

    def _check_mode(self, pc_id: str | None) -> None:
        if self._mode is not ConnectionMode.SINGLE or not self._entries or pc_id in self._entries:
            return
        if pc_id is None:
            raise RequestError(400, "busy", "another client is connected; only one is allowed at a time")
        raise RequestError(400, "wrong-pc-id", "that pc_id is not the one of the connected client")

    async def _accept(self, request: SmallWebRTCRequest, callback: ConnectionCallback) -> dict[str, str]:
        self._check_mode(None)
        if self._max_connections is not None and len(self._entries) >= self._max_connections:
            raise RequestError(429, "too-many", too_many(len(self._entries)))
        connection = SmallWebRTCConnection(self._ice_servers, **self._options)
        entry = _Entry(connection)
        # Known before it is answered, so that the limits count it.
        self._entries[connection.pc_id] = entry
        entry.name = name_of(request.request_data)
        connection.call_when_closed(self._forget)
        connection.hold_events()
        try:
            async with entry.lock:
                await connection.initialize(request.sdp, request.type)
                await self._call_back(callback, connection)
        except BaseException:
            connection.release_events()
            await connection.disconnect()
            raise
        connection.release_events()
        return self._answer_of(entry)

    async def _call_back(self, callback: ConnectionCallback, connection: SmallWebRTCConnection) -> None:
        try:
            result = callback(connection)
            if result is not None:
                await result
        except Exception:
            logger.exception("the callback for a new connection failed")
            raise RequestError(500, "callback-failed", "the program failed to take the connection") from None

    async def _renegotiate(self, entry: _Entry, request: SmallWebRTCRequest) -> bool:
        """Whether the connection was still there to renegotiate."""
        connection, old_id = entry.connection, entry.connection.pc_id
        try:
            await connection.renegotiate(request.sdp, request.type, request.restart_pc)
        except ClosedError:
            return False
        finally:
            self._rename(entry, old_id)
        return True

    def _rename(self, entry: _Entry, old_id: str) -> None:
        new_id = entry.connection.pc_id
        if new_id != old_id and old_id in self._entries:
            self._entries = {new_id if key == old_id else key: one for key, one in self._entries.items()}

    def _forget(self, connection: SmallWebRTCConnection) -> None:
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.connection is not connection
        }

    def _answer_of(self, entry: _Entry) -> dict[str, str]:
        answer = entry.connection.get_answer()
        if answer is None or entry.connection.end_reason is not None:
            raise RequestError(503, "closed", "the connection was closed while it was made; try again")
        return {**answer, "sdp": self._shortened(answer["sdp"])} if self._esp32_mode else dict(answer)

    def _shortened(self, answer: str) -> str:
        text = sdp.munge_for_esp32(answer, self._host)
        if "a=candidate:" not in text:
            logger.warning(
                "an answer has no candidate of %s: is that an address of this machine?", self._host
            )
        return text


def too_many(count: int) -> str:
    """The sentence for who comes when all places are taken."""
    here = "is one connection" if count == 1 else f"are {count} connections"
    return f"there {here} already, the most allowed; try again when somebody has left"


def _parsed(body: str | bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _malformed("the request is not JSON") from None


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _malformed("the request is not a JSON object")
    return body


def _field(fields: dict[str, Any], name: str, kind: type, *, optional: bool = False) -> Any:
    value = fields.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _malformed(f"the request has no {name} of type {kind.__name__}")
    return value


def _malformed(sentence: str) -> RequestError:
    return RequestError(400, "malformed", sentence)
