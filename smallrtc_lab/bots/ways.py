"""The ways to one client, WebRTC and relay sockets, and what a bot sends: always over the one that carries."""

from __future__ import annotations

from typing import Literal, Protocol

from aiortc import MediaStreamTrack

from smallrtc_lab.engine.connections import SessionConnection
from smallrtc_lab.engine.ladder import Ladder
from smallrtc_lab.engine.relaying.connection import RelayConnection

__all__ = ["Way", "Ways"]


class Way(SessionConnection, Protocol):
    """A connection as a bot's client has it."""

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""


class Ways:
    """A bot's tracks are in one way at a time: one that ends stops what it sends."""

    def __init__(self) -> None:
        self._ladder = Ladder()
        self._ways: set[Way] = set()
        self._tracks: dict[Literal["audio", "video"], MediaStreamTrack | None] = {
            "audio": None,
            "video": None,
        }
        self._bitrate: tuple[int | None, int | None] | None = None

    @property
    def current(self) -> Way | None:
        """The one that carries."""
        return self._of(self._ladder.current)

    @property
    def candidate(self) -> Way | None:
        """The one that takes over when it is through."""
        return self._of(self._ladder.candidate)

    def place(self, way: Way) -> SessionConnection | None:
        """Put a new one on its rung: a relay carries at once, WebRTC beside one tries. Returns what is to be let go."""
        before, ladder = self.current, self._ladder
        self._ways.add(way)
        relay, relayed = isinstance(way, RelayConnection), isinstance(before, RelayConnection)
        if before is not None and relayed and not relay:
            return ladder.consider(way)
        self._empty(before)
        if before is None:
            given_up = ladder.begin(way)
        else:
            given_up = (ladder.stand_in if relay and not relayed else ladder.replace)(way)
        self._fill(way)
        return given_up

    def climb(self) -> SessionConnection | None:
        """The candidate is through. Returns the one that is to be let go."""
        before = self._ladder.climb()
        self._empty(before)
        self._fill(self.current)
        return before

    def gone(self, way: Way) -> bool:
        """One has ended; whether it was the one that carried."""
        carried = self._ladder.gone(way)
        self._ways.discard(way)
        if carried:
            self._fill(self.current)
        return carried

    def send(self, kind: Literal["audio", "video"], track: MediaStreamTrack | None) -> None:
        """Send this track from now on, or none."""
        self._tracks[kind] = track
        self._fill(self.current, kind)

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None) -> None:
        """How many bits a second pictures may take."""
        self._bitrate = (wanted_bps, limit_bps)
        if self.current is not None:
            self.current.use_bitrate(wanted_bps, limit_bps)

    def stop(self) -> None:
        """The client has gone: what was sent to it ends, as with any connection."""
        for track in self._tracks.values():
            if track is not None:
                track.stop()

    def _of(self, connection: SessionConnection | None) -> Way | None:
        return next((way for way in self._ways if way is connection), None)

    def _fill(self, way: Way | None, *kinds: Literal["audio", "video"]) -> None:
        if way is None:
            return
        if not kinds or "audio" in kinds:
            way.replace_audio_track(self._tracks["audio"])
        if not kinds or "video" in kinds:
            way.replace_video_track(self._tracks["video"])
        if not kinds and self._bitrate is not None:
            way.use_bitrate(*self._bitrate)

    def _empty(self, way: SessionConnection | None) -> None:
        if way is not None:
            way.replace_audio_track(None)
            way.replace_video_track(None)
