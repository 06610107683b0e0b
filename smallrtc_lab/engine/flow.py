"""The one connection of a session: its tracks flow into the session's streams, its messages to the kernel.

States as the W3C has them: a connection that is ``disconnected`` may come back, one that ``failed`` or is ``closed``
is gone, and the session waits for another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from smallrtc_lab.rtc.state import ConnectionState
from smallrtc_lab.sctp import VARIABLES

from .connections import SessionConnection, SourceTrack
from .inbound import AudioInbound, VideoInbound
from .ladder import Ladder
from .mail import Mail
from .outlets import Kind
from .processing import Processing
from .relaying.connection import RelayConnection
from .sources import Sources
from .told import Told, so_far

__all__ = ["Flow", "FlowEvents"]

logger = logging.getLogger(__name__)

_FIRST_MEDIA_S = 5.0
_LATE_MEDIA_S = 600.0
_LET_GO_S = 3.0  # after another connection has taken over: the page moves, too, and hangs up itself
_TRY_S = 25.0  # a page itself gives up after 15
_LAST_WORDS_S = 1.0  # a client that has just come gets what was said to it before it is told to go


class FlowEvents(Protocol):
    """What a flow tells its session."""

    def update(self) -> None:
        """Something changed that the session's state depends on."""

    def message(self, message: Any, sender: str) -> None:
        """The browser sent a message."""

    def connection_event(self, what: str, connection: SessionConnection, **more: Any) -> None:
        """An event of the connection's own, for a program in the kernel that follows it."""

    def problem(self, code: str, message: str, next_step: str) -> None:
        """Something the person should know."""

    def clear_problem(self, code: str) -> None:
        """It is over."""


class Flow:
    """``live`` once the first picture and sound, where expected, have come over the connection."""

    def __init__(
        self,
        video: dict[str, VideoInbound],
        audio: AudioInbound,
        processing: Processing,
        events: FlowEvents,
        *,
        expected: list[VideoInbound | AudioInbound],
        ready: bool = True,
    ) -> None:
        self._ladder = Ladder()
        self._sources = Sources(video, audio, expected, events)
        self.live = False
        self.route: str | None = None
        self.mail = Mail(events)
        self._processing = processing
        self._events = events
        self._ready = ready  # False: the kernel says when it is, for each client
        self._waits = not ready
        self._told = Told(events)
        self._stuck = False
        self._tried: list[dict[str, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connection(self) -> SessionConnection | None:
        """The connection that carries, or is to."""
        return self._ladder.current

    @property
    def state(self) -> str | None:
        """What the connection itself says of the session's state; None leaves the word to the pages."""
        if self.live:
            return "live"
        if self.connection is None:
            return None
        if self.connection.is_connected():
            return "connecting"
        return "reconnecting" if self.connection.state is ConnectionState.DISCONNECTED else None

    async def adopt(self, connection: SessionConnection) -> None:
        """A new client: give it what Python sends back, and follow what happens to it."""
        self._waits = not self._ready
        self._told.begin()
        await self._begin(connection, self._ladder.begin(connection))

    async def replace(self, connection: SessionConnection) -> None:
        """The same client, by another way that carries at once. WebRTC that carried until now goes on trying."""
        falls = isinstance(connection, RelayConnection) and not isinstance(self.connection, RelayConnection)
        take = self._ladder.stand_in if falls else self._ladder.replace
        await self._begin(connection, take(connection))

    async def consider(self, connection: SessionConnection) -> None:
        """The same client tries another way while that of now carries: it takes over when it is through."""
        await self._follow(connection, self._ladder.consider(connection))
        self._spawn(self._give_up(connection), "give-up")

    async def _begin(self, connection: SessionConnection, given_up: SessionConnection | None) -> None:
        self.mail.use(None)  # until this one is connected
        self._sources.meet_sender()
        self.renew_outputs()
        await self._follow(connection, given_up)

    async def _follow(self, connection: SessionConnection, given_up: SessionConnection | None) -> None:
        handlers: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
            "connected": self._on_connected,
            "track-started": self._on_track,
            "track-ended": self._on_track_end,
            "track-status": self._on_track_status,
            "app-message": self._on_message,
            "disconnected": self._on_silent,
            "failed": self._on_gone,
            "closed": self._on_gone,
        }
        for name, handler in handlers.items():
            connection.add_event_handler(name, handler)
        if given_up is not None:
            await given_up.let_go()
        if not self._waits:
            await connection.connect()

    async def connect(self) -> None:
        """The kernel is ready for its client."""
        self._waits = False
        for connection in (self.connection, self._ladder.candidate):
            if connection is not None:
                await connection.connect()

    def so_far(self) -> list[dict[str, Any]]:
        """What a program that begins to follow the connection has missed, as events."""
        return so_far(self.connection)

    def renew_outputs(self, *kinds: Kind) -> None:
        """Give the connection what Python sends now, of these kinds or of both."""
        if self.connection is None:
            return
        if not kinds or "audio" in kinds:
            self.connection.replace_audio_track(self._processing.new_track("audio"))
        if not kinds or "video" in kinds:
            self.connection.replace_video_track(self._processing.new_track("video"))
            self.connection.use_bitrate(*self._processing.stage.bitrate)

    def ask_to_renegotiate(self) -> None:
        """Ask the browser for a new offer."""
        if self.connection is not None:
            self.connection.ask_to_renegotiate()

    async def disconnect(self) -> None:
        """End the connection, if there is one; the browser is told."""
        if self._ladder.candidate is not None:
            await self._ladder.candidate.disconnect()
        if self.connection is not None:
            if self.connection.is_connected():
                await self.mail.emptied(_LAST_WORDS_S)
            await self.connection.disconnect()

    async def close(self) -> None:
        """End everything."""
        await self.disconnect()
        await self.mail.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send_message(self, message: Any) -> None:
        """To the browser; kept (50 at most) until there is one that takes it."""
        await self.mail.send(message)

    def watch_messages(self) -> None:
        """Say so when the browser is there and takes no message, and when it does again."""
        stuck = self.connection is not None and self.connection.messages_stuck
        if stuck and not self._stuck:
            self._events.problem(
                "messages-stuck",
                "Messages from Python no longer arrive, while the connection lives: the network between here and the "
                "browser seems to lose every large packet.",
                f"Set {VARIABLES[0]} to a smaller number of bytes before the kernel starts, 800 for example.",
            )
        elif self._stuck and not stuck:
            self._events.clear_problem("messages-stuck")
        self._stuck = stuck

    async def stats(self) -> dict[str, Any]:
        """The connection's figures; empty without one."""
        return {} if self.connection is None else await self.connection.stats()

    def tried_pairs(self) -> list[dict[str, str]]:
        """Which pairs of candidates were tried by the connection there is, or by the last one."""
        return _tried_by(self.connection) or self._tried

    # Events of a connection

    async def _on_connected(self, connection: SessionConnection) -> None:
        if connection is self._ladder.candidate:
            self._spawn(self._climb(connection), "climb")
        if connection is not self.connection:
            return
        self._speak(connection)
        # Not awaited here: the connection delivers its events one by one, and this waits for media.
        self._spawn(self._go_live(connection), "go-live")

    def _speak(self, connection: SessionConnection) -> None:
        """Messages go over this connection from now on."""
        connection.speak()
        self.mail.use(connection)
        self._told.here(connection)

    async def _climb(self, connection: SessionConnection) -> None:
        """A better way is through: everything goes over it from now on."""
        if connection is not self._ladder.candidate:
            return  # given up meanwhile, or told twice
        before = self._ladder.climb()
        if before is not None:
            self._spawn(self._let_go_later(before), "let-go")
        self._sources.meet_sender()
        self.renew_outputs()
        self._speak(connection)
        await self._go_live(connection)

    async def _let_go_later(self, before: SessionConnection) -> None:
        try:
            await asyncio.sleep(_LET_GO_S)
        finally:
            await before.let_go()

    async def _give_up(self, connection: SessionConnection) -> None:
        """ICE of aiortc never ends by itself, and the page has no word for its own end."""
        await asyncio.sleep(_TRY_S)
        if connection is self._ladder.candidate and not connection.is_connected():
            await connection.let_go()

    async def _on_track(self, connection: SessionConnection, track: SourceTrack) -> None:
        if connection is self.connection:
            self._sources.follow(connection)
            self._told.track(connection, track)

    async def _on_track_end(self, connection: SessionConnection, track: SourceTrack) -> None:
        if connection is self.connection:
            self._events.connection_event("track-ended", connection, section=int(track.section))

    async def _on_track_status(self, connection: SessionConnection, section: int, enabled: bool) -> None:
        if connection is self.connection:
            self._events.connection_event("track-status", connection, section=int(section), enabled=enabled)

    async def _on_message(self, connection: SessionConnection, message: Any) -> None:
        self._events.message(message, connection.pc_id)

    async def _on_silent(self, connection: SessionConnection) -> None:
        if connection is not self.connection:
            return
        self._told.silent(connection)
        await self._silence()

    async def _silence(self) -> None:
        self.mail.use(None)
        self.live = False
        self.route = None
        await self._sources.disconnect()
        self._events.update()

    async def _on_gone(self, connection: SessionConnection) -> None:
        self._tried = _tried_by(connection) or self._tried
        carried = connection is self.connection
        if not carried:
            self._ladder.gone(connection)
            return
        await self._silence()
        self._ladder.gone(connection)
        left = self.connection
        if left is not None and left.state in (ConnectionState.NEW, ConnectionState.CONNECTING):
            self._ladder.gone(left)  # who has left a relay, or was lost there, tries nothing else
            await left.let_go()
            left = None
        if left is None:
            self._told.gone(connection)
        else:
            await self._go_on(left)
        self._events.update()

    async def _go_on(self, left: SessionConnection) -> None:
        """What was tried beside the one that has gone is all there is now, of the same client."""
        self.renew_outputs()
        if left.is_connected():
            await self._on_connected(left)
        else:
            self._told.silent(left)

    async def _go_live(self, connection: SessionConnection) -> None:
        self._sources.follow(connection)
        self._events.update()
        all_flow = await self._sources.first_media(_FIRST_MEDIA_S)
        route = (await connection.stats()).get("route")
        if connection is self.connection and connection.is_connected():
            self.live, self.route = True, route
            self._events.update()
            if not all_flow:
                await self._sources.first_media(_LATE_MEDIA_S)  # what comes late takes the problem back

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a connection could not go live", exc_info=error)


def _tried_by(connection: SessionConnection | None) -> list[dict[str, str]]:
    """The candidate pairs of a connection; a relay has none."""
    tried: Callable[[], list[dict[str, str]]] = getattr(connection, "tried_pairs", list)
    return tried()
