"""The kernel begins and ends recordings."""

from __future__ import annotations

from pathlib import Path

from smallrtc_lab.engine.calls import CallGroup
from smallrtc_lab.framing import Header

from .recorder import What

__all__ = ["RecordingCalls"]


class RecordingCalls(CallGroup):
    """``record`` and ``stop_recording``; in between the session's ``recording`` events tell how it goes."""

    async def call_record(self, session: str, number: int, path: str, base: str, what: What) -> Header:
        """Begin a recording into an absolute path, to an empty file; next ones are named after ``base``."""
        return self.engine.session(session).recordings.start(number, Path(path), Path(base), what)

    async def call_stop_recording(self, session: str, number: int) -> Header:
        """Finish the file; the last figures."""
        return await self.engine.session(session).recordings.stop(number)
