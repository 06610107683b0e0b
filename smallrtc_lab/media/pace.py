"""Which of a stream's pictures a function gets, by count and by time; the same live and replayed."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["FramePace"]


@dataclass
class FramePace:
    """Each ``every``-th picture is due, and at most ``max_rate_hz`` of them a second."""

    every: int = 1
    max_rate_hz: float | None = None
    seen: int = 0
    next_s: float = field(default=float("-inf"))

    def due(self, time_s: float) -> bool:
        """Whether the picture of that time, the next of the stream, is due."""
        self.seen += 1
        if (self.seen - 1) % self.every:
            return False
        if self.max_rate_hz is None:
            return True
        interval_s = 1.0 / self.max_rate_hz
        # A tenth of an interval of tolerance: frames at exactly the asked rate jitter around it.
        if time_s < self.next_s - 0.1 * interval_s:
            return False
        # From when it was due, not from when it came: else 20 of 30 frames a second would become 15.
        self.next_s = (self.next_s if self.next_s > time_s - interval_s else time_s) + interval_s
        return True
