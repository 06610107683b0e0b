"""Recordings of a session: its taps into files, through whatever its connections go through.

Everything here runs on the engine's loop; what touches the disk has a thread of its own (``media/recorder.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from smallrtc_lab.engine.bridge import Bridge
from smallrtc_lab.engine.inbound import AudioInbound, VideoInbound
from smallrtc_lab.errors import EngineError, RequestError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.media.recorder import Recorder, RecorderFigures
from smallrtc_lab.media.recorder_formats import TrackName, file_format
from smallrtc_lab.rtc.sections import Section

from .sent import Sent

if TYPE_CHECKING:
    from smallrtc_lab.engine.session import Session

__all__ = ["Recordings", "SessionRecording", "What"]

What: TypeAlias = Literal["received", "sent", "both"]

_REPORT_S = 0.5
_FINISH_S = 8.0
_LAST_FINISH_S = 1.2  # when the engine ends it may be killed soon after; what is written plays all the same
_SETTLE_S = 1.0  # then it has shown what is sent
_MOST_PIECE_BYTES = 1 << 20
_SENT = {
    Section.AUDIO: TrackName("audio", "sent sound"),
    Section.CAMERA: TrackName("video", "sent picture"),
}


class SessionRecording:
    """One recording, from its taps to its report. ``number`` is the kernel's name for it."""

    def __init__(
        self, session: Session, number: int, path: Path, base: Path, what: What, bridge: Bridge
    ) -> None:
        self.number = number
        self.ended = False
        self._session = session
        self._bridge = bridge
        self._format = file_format(path)
        self._undo: list[Callable[[], None]] = []
        self._told: RecorderFigures | None = None
        expected = self._expected(what)
        unsure = "video" in self._format.kinds and (what != "received" or not expected)
        settle_s = _SETTLE_S if unsure else 0.0
        self._recorder = Recorder(path, self._format, expected, settle_s=settle_s, base=base)
        if what in ("received", "both"):
            self._tap_received()
        if what in ("sent", "both"):
            self._tap_sent(session.recordings.sent)
        self._task = asyncio.get_running_loop().create_task(self._watch(), name=f"recording-{number}")

    def figures(self) -> Header:
        """How it stands."""
        return self._recorder.figures()._asdict() | {"number": self.number}

    async def stop(self, timeout_s: float = _FINISH_S) -> Header:
        """Finish the files; the last figures."""
        self._untap()
        done = await asyncio.to_thread(self._recorder.stop, timeout_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.ended = True
        self._tell()
        if not done:
            raise EngineError(f"the disk was too slow to finish the recording within {timeout_s:g} s")
        return self.figures()

    def _expected(self, what: What) -> set[TrackName]:
        """The tracks that flow now, of those the file has room for."""
        sources: list[VideoInbound | AudioInbound] = []
        if what in ("received", "both"):
            sources = [self._session.audio, *self._session.video.values()]
        names = {_name(one) for one in sources if one.flowing}
        return {name for name in names if name.kind in self._format.kinds}

    def _tap_received(self) -> None:
        self._tap_stream(self._session.audio)
        if "video" in self._format.kinds:
            for stream in self._session.video.values():
                self._tap_stream(stream)

    def _tap_stream(self, stream: VideoInbound | AudioInbound) -> None:
        name, gaps = _name(stream), stream.gaps_skipped

        def tap(packet: TimedPacket) -> None:
            nonlocal gaps
            before, gaps = gaps, stream.gaps_skipped
            self._recorder.put(name, packet, broken=gaps > before)

        stream.taps.append(tap)
        self._undo.append(lambda: stream.taps.remove(tap))

    def _tap_sent(self, sent: Sent) -> None:
        kinds = self._format.kinds

        def tap(section: Section, packet: TimedPacket) -> None:
            name = _SENT.get(section)
            if name is not None and name.kind in kinds:
                self._recorder.put(name, packet)

        sent.taps.append(tap)
        sent.watch(self._session.flow.connection)
        self._undo.append(lambda: sent.taps.remove(tap))

    def _untap(self) -> None:
        for undo in self._undo:
            undo()
        self._undo.clear()

    async def _watch(self) -> None:
        """Ask for keyframes while they are needed, and tell how it goes."""
        while True:
            if self._recorder.wants_keyframe:
                self._session.recordings.sent.request_keyframe()
                for stream in self._session.video.values():
                    await stream.request_keyframe()
            self._tell()
            if self._recorder.state.value == "failed":
                self._untap()
                self._say_failed()
                return
            await asyncio.sleep(_REPORT_S)

    def _tell(self) -> None:
        figures = self._recorder.figures()
        if figures != self._told:
            self._told = figures
            self._bridge.event(self._session.session_id, "recording", **self.figures())

    def _say_failed(self) -> None:
        figures = self._recorder.figures()
        first = Path(figures.paths[0]).name if figures.paths else "the recording"
        self._session.problem(
            f"recording-{self.number}",
            f"{first}: {figures.error}",
            "The rest goes on without it; what was recorded is kept.",
        )


class Recordings:
    """All recordings of a session."""

    def __init__(self, session: Session, bridge: Bridge) -> None:
        self.sent = Sent(session.clock)
        self._session = session
        self._bridge = bridge
        self._running: dict[int, SessionRecording] = {}
        self._finished: dict[int, Sequence[str]] = {}  # number → its files

    def start(self, number: int, path: Path, base: Path, what: What) -> Header:
        """Begin one into ``path``, an empty file; next ones are named after ``base``."""
        recording = SessionRecording(self._session, number, path, base, what, self._bridge)
        self._running[number] = recording
        return recording.figures()

    async def stop(self, number: int) -> Header:
        """Finish one; raises :class:`EngineError` for one this engine does not know."""
        recording = self._running.pop(number, None)
        if recording is None:
            raise EngineError("this recording has ended already")
        try:
            return await recording.stop()
        finally:
            self._finished[number] = recording.figures()["paths"]
            self._session.clear_problem(f"recording-{number}")
            self.connection_changed()

    async def piece(self, asked: dict[str, Any]) -> tuple[Header, bytes]:
        """A piece of a file, for who downloads it: ``number``, ``index`` of the file, ``offset``, ``count``.

        Raises :class:`RequestError` 404 for a file that is not there.
        """
        try:
            path = Path(self._paths(asked["number"])[asked["index"]])
            offset, count = int(asked["offset"]), min(int(asked["count"]), _MOST_PIECE_BYTES)
            size, content = await asyncio.to_thread(_read, path, offset, count)
        except (OSError, LookupError, TypeError, ValueError):
            raise RequestError(
                404, "unknown-recording", "There is no such recording, or no longer."
            ) from None
        return {"name": path.name, "size": size}, content

    def _paths(self, number: int) -> Sequence[str]:
        running = self._running.get(number)
        return self._finished[number] if running is None else running.figures()["paths"]

    def connection_changed(self) -> None:
        """The session has another connection, or none: follow what it sends, if somebody records that."""
        self.sent.watch(self._session.flow.connection if self.sent.taps else None)

    async def close(self) -> None:
        """Finish all of them."""
        ending = [one.stop(_LAST_FINISH_S) for one in self._running.values()]
        self._running.clear()
        await asyncio.gather(*ending, return_exceptions=True)
        self.sent.watch(None)


def _name(stream: VideoInbound | AudioInbound) -> TrackName:
    return TrackName("video" if isinstance(stream, VideoInbound) else "audio", stream.source)


def _read(path: Path, offset: int, count: int) -> tuple[int, bytes]:
    """How large a file is, and a piece of it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(offset)
        return size, file.read(count)
