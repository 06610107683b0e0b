"""The beginning of a file: packets wait until each picture has a keyframe and each sound is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from .encoded import TimedPacket
from .recorder_formats import TrackName

__all__ = ["Opening"]

_MOST = 2000  # packets that wait: half a minute of sound and picture, if it should come to that


class Opening:
    """Collects what comes until a file can begin, for ``patience_s`` after the first packet at most.

    Everything that was expected must have come by then; what has not, gets no track in this file. For ``settle_s``
    others may come as well. Pictures count from their first keyframe on.
    """

    def __init__(self, expected: Iterable[TrackName], patience_s: float, settle_s: float = 0.0) -> None:
        self.first: dict[TrackName, TimedPacket] = {}
        self._expected = set(expected)
        self._patience_s = patience_s
        self._settle_s = settle_s
        self._held: deque[tuple[TrackName, TimedPacket]] = deque(maxlen=_MOST)
        self._since_s: float | None = None

    def offer(self, name: TrackName, packet: TimedPacket) -> bool:
        """Take a packet; whether the file can begin with what has come."""
        if self._since_s is None:
            self._since_s = packet.arrival_s
        if name in self.first or packet.packet.keyframe:
            self.first.setdefault(name, packet)
            self._held.append((name, packet))
        return self.ready(packet.arrival_s)

    def ready(self, now_s: float) -> bool:
        """Whether everything is there, or has been waited for long enough, at session time ``now_s``."""
        if not self.first or self._since_s is None:
            return False
        waited_s = now_s - self._since_s
        complete = self._expected <= self.first.keys() and waited_s >= self._settle_s
        return complete or waited_s > self._patience_s

    @property
    def origin_s(self) -> float:
        """Session time of the first picture, or of the first sound where there is no picture."""
        pictures = [one.time_s for name, one in self.first.items() if name.kind == "video"]
        return min(pictures or [one.time_s for one in self.first.values()])

    def held(self) -> list[tuple[TrackName, TimedPacket]]:
        """What waited, in the order of its coming."""
        return list(self._held)
