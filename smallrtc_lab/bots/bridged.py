"""A client's connection as a program in the kernel has it: the media stays in the engine, this is its other end.

It has the members of :class:`~smallrtc_lab.rtc.client.ClientConnection`, so that a transport, ours or Pipecat's, works
on it as on a :class:`SmallWebRTCConnection`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from aiortc import MediaStreamTrack, RTCPeerConnection

from smallrtc_lab.engine.client import EngineClient, Restart
from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.events import EventEmitter
from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.client_life import EVENTS
from smallrtc_lab.rtc.mailbox import Mailbox
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import EndReason

from .bridged_input import BridgedTrack
from .bridged_output import BridgedOutput

__all__ = ["BridgedConnection"]

logger = logging.getLogger(__name__)

CALL_S = 10.0
NO_PC = (
    "this client's RTCPeerConnection is in the media process: use the transport, or serve the bot from a file"
)


class BridgedConnection(EventEmitter):
    """One session of the engine's. Everything belongs to ``loop``, but for ``engine_*`` and the making itself."""

    def __init__(
        self,
        client: EngineClient,
        session: str,
        pc_id: str,
        loop: asyncio.AbstractEventLoop,
        *,
        more_events: tuple[str, ...] = (),
    ) -> None:
        super().__init__((*EVENTS, *more_events))
        self.end_reason: EndReason | None = None
        self._client = client
        self._session = session
        self._pc_id = pc_id
        self._loop = loop
        self._mailbox = Mailbox(self, self)
        self._connected = False
        self._connect_called = False
        self._closed = asyncio.Event()
        self._close_callbacks: list[Callable[[Any], None]] = []
        self._inputs: dict[Section, BridgedTrack] = {}
        self._enabled: dict[Section, bool] = {}  # of what the client has switched, through its restarts
        self._sound = BridgedOutput(client, session, "audio")
        self._pictures = BridgedOutput(client, session, "video")

    @property
    def pc(self) -> RTCPeerConnection:
        """Raises ``AttributeError``: that object is in the media process."""
        raise AttributeError(NO_PC)

    @property
    def pc_id(self) -> str:
        """The client's name; a restart gives a new one."""
        return self._pc_id

    def is_connected(self) -> bool:
        """Whether media flows and ``connect()`` was called."""
        return self._connected and self._connect_called

    async def connect(self) -> None:
        """This side is ready: ``connected`` and the messages that came before are delivered now."""
        if not self._connect_called and not self._closed.is_set():
            self._connect_called = True
            await self._ask("connect")

    async def disconnect(self) -> None:
        """Tell the client, close everything, deliver ``closed``."""
        if not self._closed.is_set():
            self.end_reason = self.end_reason or EndReason.HERE
            await self._ask("stop")
            self._end()
        await self._outputs_closed()
        await self._mailbox.drain()

    def call_when_closed(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback(connection)`` when it has ended, before ``closed`` is delivered."""
        self._close_callbacks.append(callback)

    def audio_input_track(self) -> BridgedTrack | None:
        """The client's sound; another object after a restart."""
        return self._inputs.get(Section.AUDIO)

    def video_input_track(self) -> BridgedTrack | None:
        """The client's camera."""
        return self._inputs.get(Section.CAMERA)

    def screen_video_input_track(self) -> BridgedTrack | None:
        """The client's shared screen."""
        return self._inputs.get(Section.SCREEN)

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """Send this sound, now and after every restart; None: nothing."""
        self._sound.use(track)

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """Send this picture, now and after every restart; None: nothing."""
        self._pictures.use(track)

    def replace_screen_video_track(self, track: MediaStreamTrack | None) -> None:
        """Has no effect but a warning: the protocol makes the screen section recvonly on this side."""
        if track is not None:
            logger.warning("nothing can be sent in the screen section: it is recvonly on this side")

    def send_app_message(self, message: Any) -> None:
        """Send any JSON value; the engine queues 50 until the client is there, counts and reports what it drops.

        Raises ``TypeError`` or ``ValueError`` for what JSON cannot hold.
        """
        self._client.submit("send_message", session=self._session, message=message)

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""
        waits = self._client.submit("message_room", session=self._session, timeout_s=timeout_s)
        try:
            async with asyncio.timeout(timeout_s + CALL_S):
                room, _ = await asyncio.wrap_future(waits)
        except (SmallRTCError, TimeoutError) as error:
            logger.debug("nobody takes messages of a client's session: %s", error)
            return False
        return bool(room)

    def ask_to_renegotiate(self) -> None:
        """Ask the client for a new offer."""
        self._client.submit("ask_to_renegotiate", session=self._session)

    # What the engine tells, on its reader's thread: see SessionHandler

    def engine_event(self, name: str, header: Header) -> None:
        """Something happened in the session."""
        if name == "connection":
            self._on_loop(self._happened, header)
        elif name == "message":
            self._on_loop(self._message, header["message"])

    def engine_lost(self, reason: str, restart: Restart) -> None:
        """The engine crashed, and the client with it."""
        self._on_loop(self._lost)

    def engine_back(self) -> None:
        """A new engine runs; the client is not in it."""

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the program's loop has ended
            logger.debug("an event came for a program that has ended")

    # On the loop

    def _happened(self, header: Header) -> None:
        what, self._pc_id = header["what"], header["pc_id"]
        match what:
            case "track-started":
                self._track_started(Section(header["section"]))
            case "track-ended":
                self._track_ended(Section(header["section"]))
            case "track-status":
                self._switched(Section(header["section"]), header["enabled"])
            case "closed":
                self.end_reason = self.end_reason or EndReason(header["reason"])
                self._end()
            case "moved":  # the same client, by another way
                self._stands(True, header.get("takes", ()))
            case _:
                self._stands(what == "connected", header.get("takes", ()))
                self._mailbox.post(what)

    def _stands(self, connected: bool, takes: Iterable[str] = ()) -> None:
        self._connected = connected
        self._sound.taken("audio" in takes)
        self._pictures.taken("video" in takes)

    def _message(self, message: Any) -> None:
        if not self._mailbox.post("app-message", message, droppable=True):
            logger.warning("a message of the client was dropped: its handlers do not keep up")

    def _track_started(self, section: Section) -> None:
        self._track_ended(section)
        track = self._inputs[section] = BridgedTrack(self._client, self._session, section)
        track.set_enabled(self._enabled.get(section, True))
        self._mailbox.post("track-started", track)

    def _track_ended(self, section: Section) -> None:
        track = self._inputs.pop(section, None)
        if track is not None:
            track.end()
            self._mailbox.post("track-ended", track)

    def _switched(self, section: Section, enabled: bool) -> None:
        self._enabled[section] = enabled
        track = self._inputs.get(section)
        if track is not None:
            track.set_enabled(enabled)
        self._mailbox.post("track-status", section, enabled)

    def _lost(self) -> None:
        self.end_reason = self.end_reason or EndReason.LOST
        self._end()

    def _end(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        self._stands(False)
        for section in tuple(self._inputs):
            self._track_ended(section)
        for callback in self._close_callbacks:
            callback(self)
        self._mailbox.post("closed")
        self._loop.create_task(self._outputs_closed())

    async def _outputs_closed(self) -> None:
        for output in (self._sound, self._pictures):
            await output.close()

    async def _ask(self, method: str) -> Any:
        """Ask the engine; what it cannot do any more has happened already, and its end is told otherwise."""
        try:
            async with asyncio.timeout(CALL_S):
                result, _ = await asyncio.wrap_future(self._client.submit(method, session=self._session))
                return result
        except (SmallRTCError, TimeoutError) as error:
            logger.info("%s of a client's session: %s", method, error)
            if method != "stop":
                self._lost()
            return None
