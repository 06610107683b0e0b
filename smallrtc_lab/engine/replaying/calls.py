"""The kernel replays in real time: it paces, the engine shows."""

from __future__ import annotations

import asyncio

import av
import numpy as np

from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.calls import CallGroup
from smallrtc_lab.errors import EngineError
from smallrtc_lab.rtc.sections import Section

from .connection import ReplayConnection
from .track import ReplayTrack

__all__ = ["ReplayCalls"]

_SECTIONS = {"sound": Section.AUDIO, "camera": Section.CAMERA, "screen": Section.SCREEN}


class ReplayCalls(CallGroup):
    """``replay_begin``, then pictures and sound, then ``replay_end``. A browser that comes ends it quietly."""

    with_payload = frozenset({"replay_sound"})

    async def call_replay_begin(self, session: str, sources: list[str]) -> None:
        """Stand where a browser's connection would be; raises :class:`EngineError` while there is one."""
        found = self.engine.session(session)
        if found.flow.connection is not None:
            raise EngineError("this lab is live: lab.stop() first, or replay without speed=")
        connection = ReplayConnection([_SECTIONS[source] for source in sources], self.engine.executor)
        await found.adopt(connection)
        try:
            await connection.followed()
        except TimeoutError:
            await connection.disconnect()
            raise EngineError(
                "the session did not begin to read the replay; is this machine overloaded?"
            ) from None

    async def call_replay_picture(
        self, session: str, source: str, slot: list[int], shape: list[int], format: str, at_s: float
    ) -> bool:
        """A picture in a slot of the kernel's, ``format`` as PyAV names it; False when the replay has ended."""
        ref = SlotRef.from_json(slot)
        try:
            track = self._track(session, source)
            if track is None:
                return False
            loop = asyncio.get_running_loop()
            frame = await loop.run_in_executor(self.engine.executor, self._read, ref, tuple(shape), format)
        finally:
            self.engine.bridge.free(ref)
        await track.picture(frame, at_s)
        return True

    async def call_replay_sound(self, session: str, position: int, payload: bytes) -> bool:
        """(n, 2) int16 at 48 kHz; False when the replay has ended."""
        track = self._track(session, "sound")
        if track is not None:
            track.sound(np.frombuffer(payload, np.int16).reshape(-1, 2), position)
        return track is not None

    async def call_replay_end(self, session: str) -> None:
        """Nothing more comes; what was kept stays."""
        found = self.engine.find(session)
        if found is not None and isinstance(found.flow.connection, ReplayConnection):
            await found.flow.connection.disconnect()

    def _track(self, session: str, source: str) -> ReplayTrack | None:
        found = self.engine.find(session)
        connection = None if found is None else found.flow.connection
        return connection.tracks.get(_SECTIONS[source]) if isinstance(connection, ReplayConnection) else None

    def _read(self, ref: SlotRef, shape: tuple[int, ...], format: str) -> av.VideoFrame:
        view = self.engine.bridge.attachments.view(ref)
        size = int(np.prod(shape))
        return av.VideoFrame.from_ndarray(np.frombuffer(view, np.uint8, count=size).reshape(shape), format)
