"""The picture that Python shows by itself, in the place of what callbacks return."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import av

from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.still import StillVideoTrack

__all__ = ["PictureStage", "Shown"]

REPEAT_S = 0.25  # how soon who comes late sees a picture that stands still, and how fast it becomes sharp


@dataclass(frozen=True)
class Shown:
    """Who shows: the playback's number, the name people know it by, the bitrate it asked for."""

    number: int
    name: str
    wanted_bps: int | None = None


class PictureStage:
    """One picture at a time; whoever comes last takes the place. On the engine's loop."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.shown: Shown | None = None
        self.put_count = 0
        self._changed = changed
        self._newest: tuple[av.VideoFrame, float] | None = None  # and when it was put
        self._track: StillVideoTrack | None = None
        self._sent = self._repeated = self._dropped = 0  # by tracks of before

    def take(self, shown: Shown) -> int | None:
        """``shown`` has the place now; the number of who had it before, if that was another."""
        before, self.shown = self.shown, shown
        if before == shown:
            return None
        if before is None or before.number != shown.number:
            self._newest = None
        self._changed()
        return None if before is None or before.number == shown.number else before.number

    def release(self, number: int) -> None:
        """Whoever that is shows nothing any more."""
        if self.shown is not None and self.shown.number == number:
            self.shown = self._newest = None
            self._let_go()
            self._changed()

    def put(self, number: int, frame: av.VideoFrame, time_s: float) -> bool:
        """Show ``frame``, yuv420p, due at ``time_s`` of :func:`time.monotonic`; False when another has the place."""
        if self.shown is None or self.shown.number != number:
            return False
        self._newest = (frame, time.monotonic())
        self.put_count += 1
        if self._track is not None:
            self._track.put(frame, time_s)
        return True

    def new_track(self) -> StillVideoTrack | None:
        """A track for a connection, which begins with the newest picture; None while nobody shows anything."""
        if self.shown is None:
            return None
        self._let_go()
        self._track = StillVideoTrack(REPEAT_S)
        if self._newest is not None:
            self._track.put(self._newest[0], time.monotonic())
        return self._track

    def stats(self) -> Header:
        """``shown``: by whom; pictures put, sent, among those sent again, and replaced before they were sent."""
        track = self._track
        return {
            "shown": None if self.shown is None else self.shown.name,
            "pictures": self.put_count,
            "sent": self._sent + (track.sent if track else 0),
            "repeated": self._repeated + (track.repeated if track else 0),
            "dropped": self._dropped + (track.dropped if track else 0),
        }

    def _let_go(self) -> None:
        track, self._track = self._track, None
        if track is not None:
            self._sent += track.sent
            self._repeated += track.repeated
            self._dropped += track.dropped
