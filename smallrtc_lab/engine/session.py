"""A session: one notebook's meeting place. It outlives its connections, pages and links.

Everything here runs on the engine's loop and depends on no kernel code.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from typing import Any

from smallrtc_lab.errors import RequestError
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.requests import SmallWebRTCPatchRequest, SmallWebRTCRequest, SmallWebRTCRequestHandler

from .bridge import Bridge
from .inbound import AudioInbound, VideoInbound
from .pages import Message, Page, Pages
from .processing import Processing
from .shelf import Shelf
from .simulate import SimulatedBrowser

__all__ = ["Session"]

logger = logging.getLogger(__name__)

_FIRST_MEDIA_S = 5.0
_STATS_INTERVAL_S = 0.5
_PAGE_STATE_ORDER = ("reconnecting", "connecting", "asking", "failed")


class Session:
    """Streams, pages and the one connection of a Lab.

    ``send_page(key, message)`` reaches a page through the link.
    """

    def __init__(
        self, session_id: str, options: dict[str, Any], bridge: Bridge, executor: Executor, send_page: Any
    ) -> None:
        self.session_id = session_id
        self.options = options
        self.clock = SessionClock(time.monotonic())
        self.shelf = Shelf()
        self.pages = Pages(send_page, self)
        self.video = {name: VideoInbound(name, self.clock) for name in ("camera", "screen")}
        self.audio = AudioInbound(self.clock)
        self.processing = Processing(self, bridge, executor)
        self.connection: SmallWebRTCConnection | None = None
        self.owner: str | None = None  # the page that the connection belongs to
        self.error: Message | None = None
        self.simulated: SimulatedBrowser | None = None
        self.settings: Message = {"audio": None, "video": None, "screen": None}
        self.page_figures: Message = {}
        self.route: str | None = None
        self.messages_dropped = 0
        self._bridge = bridge
        self._live = False
        self._state = "idle"
        self._early_messages: list[Any] = []
        self._handler = SmallWebRTCRequestHandler([])
        self._loopback_handler = SmallWebRTCRequestHandler([], connection_options={"loopback": True})
        self._ice_servers: list[Message] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._counted = (0, 0, time.monotonic())
        self.figures: Message = {"fps": 0.0, "level_db": None}
        self._spawn(self._report_figures())

    # Signaling

    def welcomed(self, welcome: Message) -> None:
        """The server said hello: its ICE servers and limits hold for this session."""
        self._ice_servers = welcome.get("ice_servers") or []
        self._handler.update_ice_servers(_as_ice_servers(self._ice_servers))
        self.pages.greeting = {
            "ice_servers": self._ice_servers,
            "limits": welcome.get("limits", {}),
            "started": bool(self.pages.greeting.get("started")),
        }

    async def offer(self, body: Message) -> Message:
        """Answer an offer; raises :class:`RequestError` when it is refused."""
        request = SmallWebRTCRequest.from_dict(body)
        page = _page_of(body)
        await self._make_room(page, request.pc_id)
        answer = await self._handler.handle_web_request(request, self._adopt)
        self.owner = page
        return answer

    async def _offer_of_simulation(self, body: Message) -> Message:
        return await self._loopback_handler.handle_web_request(
            SmallWebRTCRequest.from_dict(body), self._adopt
        )

    async def patch(self, body: Message) -> Message:
        """Take candidates that came after the offer."""
        await self._handler.handle_patch_request(SmallWebRTCPatchRequest.from_dict(body))
        return {"status": "success"}

    async def _make_room(self, page: str | None, pc_id: str | None) -> None:
        """A session has one connection: another page's live one is not taken away, anything else makes way."""
        current = self.connection
        if current is None or current.pc_id == pc_id:
            return
        if self.simulated is not None and page is not None:
            await self.stop_simulation()
        elif current.is_connected() and self.owner != page and self.pages.find(self.owner):
            raise RequestError(400, "live-elsewhere", "This lab is live in another tab. Stop it there first.")
        else:
            await current.disconnect()

    async def _adopt(self, connection: SmallWebRTCConnection) -> None:
        """A new connection: give it what Python sends back, and follow what happens to it."""
        self.connection = connection
        connection.replace_audio_track(self.processing.audio_return.new_track())
        connection.replace_video_track(self.processing.video_return.new_track())

        @connection.event_handler("connected")
        async def on_connected(_connection: SmallWebRTCConnection) -> None:
            self._spawn(self._go_live(connection))

        @connection.event_handler("track-started")
        async def on_track(_connection: SmallWebRTCConnection, _track: object) -> None:
            self._pump_new_tracks(connection)

        @connection.event_handler("app-message")
        async def on_message(_connection: SmallWebRTCConnection, message: Any) -> None:
            self._bridge.event(self.session_id, "message", message=message, sender=connection.pc_id)

        async def on_gone(_connection: SmallWebRTCConnection) -> None:
            await self._lost(connection)

        for name in ("disconnected", "failed", "closed"):
            connection.event_handler(name)(on_gone)
        await connection.connect()

    def _pump_new_tracks(self, connection: SmallWebRTCConnection) -> None:
        tracks = {
            "camera": connection.video_input_track(),
            "screen": connection.screen_video_input_track(),
        }
        for name, track in tracks.items():
            if track is not None:
                self.video[name].follow(track)
        audio = connection.audio_input_track()
        if audio is not None:
            self.audio.follow(audio)

    async def _go_live(self, connection: SmallWebRTCConnection) -> None:
        if connection is not self.connection:
            return
        self._pump_new_tracks(connection)
        self._flush_messages(connection)
        self.update()
        expected = [s.wait_flowing() for s in self._expected()]
        try:
            await asyncio.wait_for(asyncio.gather(*expected), _FIRST_MEDIA_S)
        except TimeoutError:
            missing = " and ".join(s.source for s in self._expected() if not s.flowing)
            self.problem(
                "no-media",
                f"Connected, but nothing has come from the {missing} yet.",
                "Check that it is not muted or used by another program.",
            )
        else:
            self.clear_problem("no-media")
        if connection is self.connection and connection.is_connected():
            self._live = True
            self.route = (await connection.stats()).get("route")
            self.update()

    def _expected(self) -> list[VideoInbound | AudioInbound]:
        sources: list[VideoInbound | AudioInbound] = []
        if self.options.get("video") is not False:
            sources.append(self.video["camera"])
        if self.options.get("audio") is not False:
            sources.append(self.audio)
        return sources

    async def _lost(self, connection: SmallWebRTCConnection) -> None:
        if connection is not self.connection:
            return
        self.connection = None
        self._live = False
        self.route = None
        for stream in (*self.video.values(), self.audio):
            await stream.disconnect()
        self.update()

    # Messages

    def send_message(self, message: Any) -> None:
        """To the browser; kept (50 at most) until there is one."""
        if self.connection is not None and self.connection.is_connected():
            self.connection.send_app_message(message)
        elif len(self._early_messages) < 50:
            self._early_messages.append(message)
        else:
            self.messages_dropped += 1
            self.problem(
                "messages-dropped",
                f"{self.messages_dropped} messages were dropped: 50 wait for a browser already.",
                "Wait for lab.wait_live() before sending more.",
            )

    def _flush_messages(self, connection: SmallWebRTCConnection) -> None:
        for message in self._early_messages:
            connection.send_app_message(message)
        self._early_messages.clear()

    # Start and stop

    def start(self) -> None:
        """Ask the pages to start; they do so if their user clicked before, else they ask for the click."""
        self.pages.greeting["started"] = True
        self.pages.tell({"type": "command", "command": "start"})

    async def stop(self) -> None:
        """Everything off: pages close their devices, the connection ends."""
        self.pages.greeting["started"] = False
        self.pages.tell({"type": "command", "command": "stop"})
        await self.stop_simulation()
        if self.connection is not None:
            await self.connection.disconnect()

    async def simulate(self, video: Message | None, audio: Message | None) -> None:
        """A browser of our own, with synthetic sources, through real WebRTC on this machine."""
        await self.stop_simulation()
        if self.connection is not None:
            await self.connection.disconnect()
        self.simulated = SimulatedBrowser(video, audio)
        self.owner = None
        self.update()
        try:
            await self.simulated.connect(self._offer_of_simulation)
        except BaseException:
            await self.stop_simulation()
            raise

    async def stop_simulation(self) -> None:
        """Close the simulated browser, if there is one."""
        browser, self.simulated = self.simulated, None
        if browser is not None:
            if self.connection is not None:
                await self.connection.disconnect()
            await browser.close()

    async def close(self) -> None:
        """The lab was closed."""
        await self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.processing.close()
        await self._handler.close()
        await self._loopback_handler.close()
        self.shelf.clear()

    # State, told to kernel and pages

    @property
    def shareable(self) -> bool:
        """Whether what is seen is no person: only a simulated browser's pictures may be saved unasked."""
        return self.simulated is not None or bool(self.options.get("save_pictures"))

    @property
    def watched(self) -> bool:
        """Whether media flows and somebody looks."""
        return self._live and self.pages.visible

    def update(self) -> None:
        """Work out the state anew and tell the kernel when it changed."""
        state = self._derive_state()
        error = self._derive_error()
        if (state, error) == (self._state, self.error):
            return
        self._state, self.error = state, error
        self._bridge.event(self.session_id, "state", state=state, error=error, route=self.route)

    def _derive_state(self) -> str:
        if self._live:
            return "live"
        if self.connection is not None and self.connection.is_connected():
            return "connecting"
        said = {page.state for page in self.pages}
        if self.simulated is not None:
            said.add("connecting")
        return next((state for state in _PAGE_STATE_ORDER if state in said), "idle")

    def _derive_error(self) -> Message | None:
        return next((page.error for page in self.pages if page.error is not None), None)

    def problem(
        self, code: str, message: str, next_step: str, *, detail: str | None = None, count: int = 1
    ) -> None:
        """Show a problem in the pages and tell the kernel."""
        told = {"code": code, "message": message, "next_step": next_step, "detail": detail, "count": count}
        self.pages.tell({"type": "problem", **told}, standing=True, key=f"problem-{code}")
        self._bridge.event(self.session_id, "problem", problem=told)

    def clear_problem(self, code: str) -> None:
        """The problem is over."""
        if self.pages.forget(f"problem-{code}"):
            gone = {"code": code, "message": "", "next_step": "", "detail": None, "count": 0}
            self.pages.tell({"type": "problem", **gone})

    def page_status(self, page: Page) -> None:
        """A page told its state, or left; a connection whose page has left is closed."""
        if page.key not in self.pages and self.owner == page.name and self.connection is not None:
            self._spawn(self.connection.disconnect())
        self.update()

    def page_settings(self, settings: Message) -> None:
        """What the browser granted."""
        self.settings = settings
        self._bridge.event(self.session_id, "settings", settings=settings)

    def page_stats(self, stats: Message) -> None:
        """The page's own figures."""
        self.page_figures = stats

    def page_control(self, callback: str, name: str, value: Any) -> None:
        """A slider was moved."""
        self._bridge.event(self.session_id, "control", callback=callback, control=name, value=value)

    # Figures

    async def _report_figures(self) -> None:
        while True:
            await asyncio.sleep(_STATS_INTERVAL_S)
            self._count_figures()
            self.processing.watch_stuck()
            if not self._live:
                continue
            self._bridge.event(self.session_id, "figures", droppable=True, **self.figures)
            dropped = self.processing.dropped()
            self.pages.tell(
                {
                    "type": "stats",
                    "video_fps": self.figures["fps"],
                    "audio_loss": self.figures.get("audio_loss", 0.0),
                    "delay_ms": self.page_figures.get("rtt_ms"),
                    "dropped": dropped,
                }
            )

    def _count_figures(self) -> None:
        received, _, then = self._counted
        now = time.monotonic()
        count = self.video["camera"].received
        self._counted = (count, 0, now)
        self.figures = {
            "fps": round((count - received) / max(now - then, 1e-3), 1),
            "level_db": round(self.audio.level_db(), 1) if self.audio.flowing else None,
        }

    async def stats(self) -> Message:
        """Everything that is counted, for ``lab.stats()``."""
        connection = await self.connection.stats() if self.connection is not None else {}
        return {
            "state": self._state,
            "time_s": self.clock.now_s(),
            "video": {n: {"received": v.received, "dropped": v.dropped} for n, v in self.video.items()},
            "audio": {"received": self.audio.received, "dropped": self.audio.dropped},
            "processing": self.processing.stats(),
            "connection": connection,
            "page": self.page_figures,
            "messages_dropped": self.messages_dropped,
            **self.figures,
        }

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of session %s failed", self.session_id, exc_info=task.exception())


def _page_of(body: Message) -> str | None:
    asked = body.get("request_data", body.get("requestData"))
    page = asked.get("page") if isinstance(asked, dict) else None
    return page if isinstance(page, str) else None


def _as_ice_servers(servers: list[Message]) -> Any:
    from smallrtc_lab.rtc import IceServer

    return [IceServer(**{k: s[k] for k in ("urls", "username", "credential") if k in s}) for s in servers]
