"""A client's connection over whichever way carries it: WebRTC, or a relay through the server where that finds no path.

It has the members of :class:`~smallrtc_lab.rtc.client.ClientConnection`, so that a bot and its transport notice
nothing of the ways but a gap in what comes. What WebRTC alone has is its ``pc``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aiortc import MediaStreamTrack, RTCPeerConnection

from smallrtc_lab.events import EventEmitter
from smallrtc_lab.rtc.client_life import EVENTS
from smallrtc_lab.rtc.mailbox import Mailbox
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import ConnectionState, EndReason

from .source import ClientSource
from .ways import Way, Ways

__all__ = ["ClimbingConnection"]

logger = logging.getLogger(__name__)

LET_GO_S = 3.0  # after another way has taken over: the page moves, too, and hangs up itself
TRY_S = 25.0  # a page itself gives up after 15
NO_PC = (
    "this client's media comes through the server, where there is no RTCPeerConnection: "
    "use the transport, or connection.stats()"
)


class ClimbingConnection(EventEmitter):
    """:meth:`meet` adds the client's first way, and each other one. Everything on the bot's loop."""

    def __init__(self) -> None:
        super().__init__(EVENTS)
        self.end_reason: EndReason | None = None
        self._ways = Ways()
        self._mailbox = Mailbox(self, self)
        self._inputs: dict[Section, ClientSource] = {}
        self._pc_id = ""
        self._connect_called = False
        self._told_connected = False
        self._closed = False
        self._close_callbacks: list[Callable[[Any], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def meet(self, way: Way) -> None:
        """Another way to the same client: a relay carries at once, WebRTC beside one when it is through."""
        given_up = self._ways.place(way)
        for name, handler in self._answers().items():
            way.add_event_handler(name, handler)
        if way is self._ways.current:
            self._pc_id = way.pc_id
        else:
            self._spawn(self._give_up(way), "give up")
        if given_up is not None:
            await given_up.let_go()
        if self._connect_called:
            await way.connect()

    # As SmallWebRTCConnection

    @property
    def pc(self) -> RTCPeerConnection:
        """The aiortc peer connection of now; raises ``AttributeError`` while a relay carries."""
        found: RTCPeerConnection | None = getattr(self._ways.current, "pc", None)
        if found is None:
            raise AttributeError(NO_PC)
        return found

    @property
    def pc_id(self) -> str:
        """The name of the way that carries, or carried last."""
        return self._pc_id

    @property
    def state(self) -> ConnectionState:
        """Where it stands, whether ``connect()`` was called or not."""
        return ConnectionState.CLOSED if self._ways.current is None else self._ways.current.state

    def is_connected(self) -> bool:
        """Whether media flows, the client is alive and ``connect()`` was called."""
        return self._ways.current is not None and self._ways.current.is_connected()

    async def connect(self) -> None:
        """This side is ready: ``connected`` and the messages that came before are delivered now."""
        self._connect_called = True
        for way in (self._ways.current, self._ways.candidate):
            if way is not None:
                await way.connect()

    async def disconnect(self) -> None:
        """Tell the client, close everything, deliver ``closed``; a second call waits for the same end."""
        candidate, current = self._ways.candidate, self._ways.current
        if not self._closed:
            self.end_reason = self.end_reason or EndReason.HERE
        if candidate is not None:
            await candidate.let_go()
        if current is not None:
            await current.disconnect()
        self._end(EndReason.HERE)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._mailbox.drain()

    def call_when_closed(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback(connection)`` as soon as the client has gone, whatever event handlers do."""
        self._close_callbacks.append(callback)

    def audio_input_track(self) -> ClientSource | None:
        """The client's sound, by all its ways."""
        return self._inputs.get(Section.AUDIO)

    def video_input_track(self) -> ClientSource | None:
        """The client's camera."""
        return self._inputs.get(Section.CAMERA)

    def screen_video_input_track(self) -> ClientSource | None:
        """The client's shared screen."""
        return self._inputs.get(Section.SCREEN)

    def takes(self, kind: str) -> bool:
        """Whether the client shows ``"audio"`` or ``"video"`` of ours."""
        return self._ways.current is not None and self._ways.current.takes(kind)

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """Send other sound, or none."""
        self._ways.send("audio", track)

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """Send another picture, or none."""
        self._ways.send("video", track)

    def replace_screen_video_track(self, track: MediaStreamTrack | None) -> None:
        """Has no effect but a warning: the protocol makes the screen section recvonly on this side."""
        if track is not None:
            logger.warning("nothing can be sent in the screen section: it is recvonly on this side")

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """How many bits a second pictures may take from now on, by any way."""
        self._ways.use_bitrate(wanted_bps, limit_bps)

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value, once and in order; False when it had to be dropped."""
        return self._ways.current is not None and self._ways.current.send_app_message(message)

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message would not be dropped; False when it would be even after ``timeout_s``."""
        return self._ways.current is not None and await self._ways.current.message_room(timeout_s)

    def ask_to_renegotiate(self) -> None:
        """Ask the client for a new offer, where there is anything to negotiate."""
        if self._ways.current is not None:
            self._ways.current.ask_to_renegotiate()

    async def stats(self) -> dict[str, Any]:
        """The figures of the way that carries; ``route`` is ``"relay"`` where that is no WebRTC."""
        return {} if self._ways.current is None else await self._ways.current.stats()

    # Events of the ways

    def _answers(self) -> dict[str, Callable[..., Any]]:
        return {
            "new": lambda way: self._pass_on(way, "new"),
            "connecting": lambda way: self._pass_on(way, "connecting"),
            "failed": lambda way: self._pass_on(way, "failed"),
            "connected": self._on_connected,
            "disconnected": self._on_silent,
            "closed": self._on_gone,
            "track-started": self._on_track,
            "track-status": self._on_track_status,
            "app-message": self._on_message,
        }

    def _pass_on(self, way: Way, what: str) -> None:
        if way is self._ways.current and self._ways.candidate is None:
            self._mailbox.post(what)

    def _on_connected(self, way: Way) -> None:
        if way is self._ways.candidate:
            before = self._ways.climb()
            if before is not None:
                self._spawn(self._let_go(before), "let go")
        if way is self._ways.current:
            self._carry(way)

    def _carry(self, way: Way) -> None:
        self._pc_id = way.pc_id
        way.speak()
        self._follow_tracks(way)
        if not self._told_connected:
            self._told_connected = True
            self._mailbox.post("connected")

    def _on_silent(self, way: Way) -> None:
        if way is self._ways.current:
            self._fall_silent()

    def _fall_silent(self) -> None:
        if self._told_connected:
            self._told_connected = False
            self._mailbox.post("disconnected")

    async def _on_gone(self, way: Way) -> None:
        if not self._ways.gone(way):
            return
        left, reason = self._ways.current, way.end_reason or EndReason.FAILED
        if left is None:
            self._end(reason)
        elif left.is_connected():
            self._carry(left)
        elif left.state in (ConnectionState.NEW, ConnectionState.CONNECTING):
            self.end_reason = self.end_reason or reason
            await left.let_go()  # who has left a relay, or was lost there, tries nothing else
        else:
            self._fall_silent()

    def _on_track(self, way: Way, track: object) -> None:
        if way is self._ways.current:
            self._follow_tracks(way)

    def _on_track_status(self, way: Way, section: Section, enabled: bool) -> None:
        source = self._inputs.get(Section(section))
        if source is not None:
            source.set_enabled(enabled)
        self._mailbox.post("track-status", section, enabled)

    def _on_message(self, way: Way, message: Any) -> None:
        if not self._mailbox.post("app-message", message, droppable=True):
            logger.warning("a message of the client was dropped: its handlers do not keep up")

    # Small steps

    def _follow_tracks(self, way: Way) -> None:
        tracks = {
            Section.AUDIO: way.audio_input_track(),
            Section.CAMERA: way.video_input_track(),
            Section.SCREEN: way.screen_video_input_track(),
        }
        for section, track in tracks.items():
            if track is not None and section not in self._inputs:
                self._inputs[section] = ClientSource(section)
                self._mailbox.post("track-started", self._inputs[section])
            if section in self._inputs:
                self._inputs[section].use(track)

    def _end(self, reason: EndReason) -> None:
        if self._closed:
            return
        self._closed = True
        self.end_reason = self.end_reason or reason
        for callback in self._close_callbacks:
            callback(self)
        for source in self._inputs.values():
            source.close()
            self._mailbox.post("track-ended", source)
        self._ways.stop()
        self._mailbox.post("closed")

    async def _let_go(self, before: Any) -> None:
        await asyncio.sleep(LET_GO_S)
        await before.let_go()

    async def _give_up(self, way: Way) -> None:
        """ICE of aiortc never ends by itself, and the page has no word for its own end."""
        await asyncio.sleep(TRY_S)
        if way is self._ways.candidate and not way.is_connected():
            await way.let_go()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a client's way did not end cleanly", exc_info=error)
