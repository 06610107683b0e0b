"""A replay in real time as a session's connection: state, plots, rings and recordings see it as they see a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any
from uuid import uuid4

from aiortc import MediaStreamTrack

from smallrtc_lab.events import EventEmitter
from smallrtc_lab.rtc.mailbox import Mailbox
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import ConnectionState, EndReason

from .track import ReplayTrack

__all__ = ["ReplayConnection"]

_EVENTS = (
    *("connected", "disconnected", "failed", "closed"),
    *("track-started", "track-ended", "track-status", "app-message"),
)


class ReplayConnection(EventEmitter):
    """The members of :class:`SessionConnection`. It takes nothing back: no pictures, no sound, no messages."""

    def __init__(self, sections: Iterable[Section], executor: Executor) -> None:
        super().__init__(_EVENTS)
        self.end_reason: EndReason | None = None
        self.tracks = {section: ReplayTrack(section, executor) for section in sections}
        self.pc_id = f"replay-{uuid4().hex}"
        self.state = ConnectionState.NEW
        self._mailbox = Mailbox(self, self)

    takes_messages = False
    messages_stuck = False

    def is_connected(self) -> bool:
        """Whether it goes on."""
        return self.state is ConnectionState.CONNECTED

    async def connect(self) -> None:
        """The session is ready."""
        if self.state is ConnectionState.NEW:
            self.state = ConnectionState.CONNECTED
            self._mailbox.post("connected")

    async def followed(self, timeout_s: float = 5.0) -> None:
        """Wait until the session reads every source: nothing that comes then is lost. Raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            for track in self.tracks.values():
                await track.followed.wait()

    async def disconnect(self) -> None:
        """It has ended, or makes way for a browser."""
        if self.state is ConnectionState.CLOSED:
            return
        self.state, self.end_reason = ConnectionState.CLOSED, EndReason.HERE
        for track in self.tracks.values():
            track.stop()
        self._mailbox.post("closed")
        await self._mailbox.drain()

    async def let_go(self) -> None:
        """As :meth:`disconnect`."""
        await self.disconnect()

    def audio_input_track(self) -> ReplayTrack | None:
        """The sound."""
        return self.tracks.get(Section.AUDIO)

    def video_input_track(self) -> ReplayTrack | None:
        """The camera's pictures."""
        return self.tracks.get(Section.CAMERA)

    def screen_video_input_track(self) -> ReplayTrack | None:
        """The shared screen's pictures."""
        return self.tracks.get(Section.SCREEN)

    def takes(self, kind: str) -> bool:
        """Nobody looks or listens."""
        return False

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """What is returned goes nowhere."""

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """What is returned goes nowhere."""

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """Nothing is sent."""

    def send_app_message(self, message: Any) -> bool:
        """Nobody reads."""
        return False

    async def messages_taken(self, timeout_s: float) -> bool:
        """Never."""
        return False

    def speak(self) -> None:
        """It says nothing."""

    def ask_to_renegotiate(self) -> None:
        """There is nothing to negotiate."""

    async def stats(self) -> dict[str, Any]:
        """No network, no figures."""
        return {"state": self.state.value, "route": None}
