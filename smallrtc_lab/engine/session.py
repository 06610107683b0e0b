"""A session: one notebook's meeting place. It outlives its connections, its pages and the link.

Everything here runs on the engine's loop and depends on no kernel code.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.places import find_place

from .asked import beyond_limits
from .bridge import Bridge
from .budget import Budget
from .carriage import Carriage
from .connections import SessionConnection
from .flow import Flow
from .ice_servers import CREDENTIALS_FAILED, IceServers, credentials_failed
from .inbound import AudioInbound, VideoInbound
from .keeping.keeper import KEEP_S, Keeping, sound_ring_s
from .outlets import Kind
from .pages import Message, Page, Pages
from .plotting.plots import Plotting
from .processing import Processing
from .questions import PageQuestions
from .reception import Reception
from .recording.recorder import Recordings
from .relaying.connection import RelayConnection
from .shedding import Shedding
from .shelf import Shelf
from .statistics import Statistics

__all__ = ["Session"]

logger = logging.getLogger(__name__)

_FIGURES_INTERVAL_S = 0.5
_PAGE_STATE_ORDER = ("reconnecting", "connecting", "asking", "failed")


class Session:
    """Streams, pages and the one connection of a Lab. ``send_page(key, message)`` reaches a page by the link."""

    def __init__(
        self, session_id: str, options: dict[str, Any], bridge: Bridge, executor: Executor, send_page: Any
    ) -> None:
        self.session_id = session_id
        self.options = options
        self.clock = SessionClock(time.monotonic())
        self.shelf = Shelf()
        self.on_gone: Callable[[], None] = lambda: None  # whoever was connected has left for good
        self.pages = Pages(send_page, self)
        self.video = {name: VideoInbound(name, self.clock) for name in ("camera", "screen")}
        keep_s = float(options.get("keep_s", KEEP_S))
        self.audio = AudioInbound(self.clock, ring_s=sound_ring_s(keep_s))
        self.processing = Processing(self, bridge, executor)
        self.processing.stage.wanted_bps = options.get("quality_bps")
        self.flow = Flow(
            self.video,
            self.audio,
            self.processing,
            self,
            expected=self._expected(),
            ready=not options.get("waits_for_kernel", False),
        )
        self.reception = Reception(self.flow, self.pages)
        self.ice_servers = IceServers(
            options.get("ice_servers"), use=self.reception.use_ice_servers, events=self
        )
        self.reception.before_offer = self.ice_servers.needed
        self.questions = PageQuestions(self.pages)
        self.reception.on_simulation = lambda: self.shedding.tell()
        self.settings: Message = {"audio": None, "video": None, "screen": None}
        self.figures: Message = {"fps": 0.0, "level_db": None}
        self.page_figures: Message = {}
        self.statistics = Statistics(self)
        self.history = self.statistics.history
        self.plotting = Plotting(self, bridge)
        self.keeping = Keeping(self.clock, self.video, self.audio, keep_s, lambda: self.history.rows)
        self.recordings = Recordings(self, bridge)
        self.shedding = Shedding(self, options.get("max_delay_s"))
        self.carriage = Carriage(self, find_place())
        self._bridge = bridge
        self._told: tuple[str, Message | None, str | None] = ("idle", None, None)
        self._refusal: Message | None = None
        self._listening: bool | None = None  # until a page has said
        self._counted = (0, time.monotonic())
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._report_figures())

    def welcomed(self, welcome: Message) -> None:
        """The server said hello: its ICE servers and limits hold for this session."""
        self._refusal = None
        limits = self.carriage.welcomed(welcome.get("limits", {}))
        self.ice_servers.offered_by_server(welcome.get("ice_servers") or [])
        started = bool(self.pages.greeting.get("started"))
        self.pages.greeting = {
            "ice_servers": self.ice_servers.for_pages,
            "limits": limits,
            "started": started,
            "relay_at_once": find_place().relays_at_once,
        }
        self.renew_ice_servers(None, welcome.get("ice_failure"), by_server=True)
        beyond = beyond_limits(self.options.get("video"), welcome.get("limits", {}))
        if beyond:
            self.problem(
                "limited",
                f"This server allows {beyond}; the browser is asked for no more.",
                "Whoever runs the server can raise max_width, max_height and max_frame_rate.",
            )

    def renew_ice_servers(
        self, servers: list[Message] | None, failure: str | None, *, by_server: bool = False
    ) -> None:
        """New credentials, or other servers, for connections from now on; one that runs goes on. Pages are told.

        ``failure`` says why none came; without ``servers`` those from before stay.
        """
        if by_server and self.options.get("ice_servers") is not None:
            return  # the Lab names its own
        if servers is not None and servers != self.ice_servers.for_pages:
            take = self.ice_servers.offered_by_server if by_server else self.ice_servers.renew
            take(servers)
            self.pages.greeting["ice_servers"] = servers
            self.pages.tell({"type": "ice-servers", "ice_servers": servers})
        if failure is None:
            self.clear_problem(CREDENTIALS_FAILED)
        else:
            self.problem(CREDENTIALS_FAILED, *credentials_failed(failure))

    def refused(self, message: str, reason: str) -> None:
        """The server does not take this session: no page can reach it. The kernel is told why."""
        self._refusal = {
            "code": reason,
            "message": message,
            "next_step": "lab.simulate() works all the same.",
        }
        self.update()

    def start(self) -> None:
        """Ask the pages to start; they do so if their user clicked before, else they ask for the click."""
        self.pages.greeting["started"] = True
        self.pages.invite()

    async def stop(self) -> None:
        """Everything off: pages close their devices, the connection ends."""
        self.pages.greeting["started"] = False
        self.pages.tell({"type": "command", "command": "stop"})
        await self.reception.stop_simulation()
        await self.flow.disconnect()

    async def simulate(self, video: Message | None, audio: Message | None) -> None:
        """See :meth:`Reception.simulate`."""
        await self.reception.simulate(video, audio)
        self.update()

    async def adopt(self, connection: SessionConnection) -> None:
        """A client that came by a hall: see :class:`~.hall.Hall`."""
        await self.flow.adopt(connection)

    async def go_on(self, connection: SessionConnection) -> None:
        """The same client by another way: a relay carries at once, WebRTC beside one when it is through."""
        relayed, relay = (isinstance(one, RelayConnection) for one in (self.flow.connection, connection))
        await (self.flow.consider if relayed and not relay else self.flow.replace)(connection)

    def outlet(self, kind: Kind, on: bool) -> None:
        """A program in the kernel sends this kind by itself from now on, or no longer."""
        self.processing.outlet(kind, on)
        self.flow.renew_outputs()

    async def close(self) -> None:
        """The lab was closed."""
        await self.recordings.close()
        await self.stop()
        await self.plotting.close()
        self.shedding.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ice_servers.close()
        await self.reception.close()
        await self.flow.close()
        await self.processing.close()
        await self.keeping.close()
        self.shelf.clear()

    # State, told to kernel and pages

    @property
    def state(self) -> str:
        """Where the session stands, by its connection and else by what its pages say."""
        if self.flow.state is not None:
            return self.flow.state
        said = {page.state for page in self.pages}
        if self.reception.simulated is not None or "live" in said:  # a page may know a moment before we do
            said.add("connecting")
        return next((state for state in _PAGE_STATE_ORDER if state in said), "idle")

    @property
    def shareable(self) -> bool:
        """Whether what is seen is no person: only a simulated browser's pictures may be saved unasked."""
        return self.reception.simulated is not None or bool(self.options.get("save_pictures"))

    @property
    def watched(self) -> bool:
        """Whether media flows and somebody looks."""
        return self.flow.live and self.pages.visible

    def update(self) -> None:
        """Tell the kernel when the state, the error or the route has changed."""
        self.recordings.connection_changed()
        if self.flow.connection is None and self.pages.find(self.pages.owner) is None:
            self.pages.own(None)  # the link was lost, and the owner with it
        error = next((page.error for page in self.pages if page.error is not None), self._refusal)
        now = (self.state, error, self.flow.route)
        if now != self._told:
            self._told = now
            self.keeping.event("state", state=now[0], error=error, route=now[2])
            self._bridge.event(self.session_id, "state", state=now[0], error=error, route=now[2])
            self.plotting.refresh()

    def message(self, message: Any, sender: str) -> None:
        """The browser sent a message: it is the kernel's."""
        self.keeping.message(message, "browser")
        self._bridge.event(self.session_id, "message", message=message, sender=sender)

    def connection_event(self, what: str, connection: SessionConnection, **more: Any) -> None:
        """A program in the kernel that follows the connection is told."""
        self._bridge.event(self.session_id, "connection", what=what, pc_id=connection.pc_id, **more)
        if what == "closed":
            self.on_gone()

    def problem(
        self, code: str, message: str, next_step: str, *, detail: str | None = None, count: int = 1
    ) -> None:
        """Show a problem in the pages and tell the kernel."""
        told = {"code": code, "message": message, "next_step": next_step, "detail": detail, "count": count}
        self.keeping.event("problem", **told)
        self.pages.tell({"type": "problem", **told}, standing=True, key=f"problem-{code}")
        self._bridge.event(self.session_id, "problem", problem=told)

    def clear_problem(self, code: str) -> None:
        """The problem is over."""
        if self.pages.forget(f"problem-{code}"):
            gone = {"code": code, "message": "", "next_step": "", "detail": None, "count": 0}
            self.pages.tell({"type": "problem", **gone})

    # What pages say

    def page_status(self, page: Page) -> None:
        """A page told its state, claimed the devices or left; a connection whose page no longer has them is closed."""
        if page.state in ("idle", "failed") and self._listening:
            self._tell_listening(False)
        connected, owner = self.reception.page, self.pages.owner
        if connected is not None and connected != owner and page.name in (connected, owner):
            self._spawn(self.flow.disconnect())
        self.update()

    def page_settings(self, settings: Message) -> None:
        """What the browser granted."""
        self.settings = settings
        self._bridge.event(self.session_id, "settings", settings=settings)

    def page_stats(self, stats: Message) -> None:
        """The page's own figures, and whether somebody listens there."""
        self.page_figures = stats
        self._tell_listening(stats.get("listening") is True)

    def page_diagnosis(self, key: str, diagnosis: Message) -> None:
        """A page answered how things stand there."""
        self.questions.answered(key, diagnosis)

    def _tell_listening(self, listening: bool) -> None:
        if listening != self._listening:
            self._listening = listening
            self._bridge.event(self.session_id, "listening", listening=listening)

    def page_control(self, callback: str, name: str, value: Any) -> None:
        """A slider was moved."""
        self.keeping.event("control", callback=callback, control=name, value=value)
        self._bridge.event(self.session_id, "control", callback=callback, control=name, value=value)

    # Figures

    async def _report_figures(self) -> None:
        while True:
            await asyncio.sleep(_FIGURES_INTERVAL_S)
            self._count_figures()
            self.processing.watch_stuck()
            self.flow.watch_messages()
            if self.flow.connection is not None:
                await self.statistics.sample()
                self.shedding.measure(self.statistics.network_ms)
                self.carriage.adapt(self.statistics.sent_bps)
            self.plotting.refresh()
            if not self.flow.live:
                continue
            self._bridge.event(self.session_id, "figures", droppable=True, **self.figures)
            self.pages.tell({"type": "stats", **self._told_figures()})

    def _told_figures(self) -> Message:
        return {
            **self.statistics.for_pages(),
            "video_fps": self.figures["fps"],
            "audio_loss": self.audio.loss,
            "dropped": self.processing.dropped(),
        }

    def _count_figures(self) -> None:
        then_count, then_s = self._counted
        count, now_s = self.video["camera"].received, time.monotonic()
        self._counted = (count, now_s)
        self.figures = {
            "fps": round((count - then_count) / max(now_s - then_s, 1e-3), 1),
            "level_db": round(self.audio.level_db(), 1) if self.audio.flowing else None,
        }

    async def stats(self) -> Message:
        """Everything that is counted, for ``lab.stats()``."""
        return await self.statistics.everything()

    @property
    def budget(self) -> Budget:
        """What is shed: to hold the delay that the lab was made with, and where processors are full."""
        return self.shedding.budget

    @property
    def bridge_dropped(self) -> int:
        """Events that the kernel was too busy to read."""
        return self._bridge.dropped

    def _expected(self) -> list[VideoInbound | AudioInbound]:
        """The streams a live connection has: what was asked of the browser."""
        sources: list[VideoInbound | AudioInbound] = []
        if self.options.get("video") is not False:
            sources.append(self.video["camera"])
        if self.options.get("audio") is not False:
            sources.append(self.audio)
        return sources

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of session %s failed", self.session_id, exc_info=error)
