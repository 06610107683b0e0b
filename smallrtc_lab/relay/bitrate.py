"""How many bits a second a stream of pictures may have, from what was acknowledged and how the round trip grew.

A queue on the way shows as a round trip that is longer than the least one; it is the sum of all that the path does not
carry. The target falls below what came through while there is one, so that it empties, and climbs slowly while there is
none and the encoder uses what it has. Sound is not touched: it takes its few kbit/s out of the same path first.
"""

from __future__ import annotations

from .window import Acknowledged

__all__ = ["BitrateControl"]

_INTERVAL_S = 0.5
_QUEUED_S = 0.08  # more than this, at the best moment of an interval, is a queue
_CLEAR_S = 0.04
_FALL = 0.8
_CLIMB = 1.06
_USED = 0.6  # of the target: an encoder with nothing to say proves nothing
_REST_S = 2.0  # after a fall


class BitrateControl:
    """``target_bps`` between ``least_bps`` and ``most_bps``. Times are seconds of any steady clock."""

    def __init__(
        self, *, start_bps: int = 600_000, least_bps: int = 80_000, most_bps: int = 2_500_000
    ) -> None:
        self.target_bps = min(start_bps, most_bps)
        self._least_bps = least_bps
        self._most_bps = most_bps
        self._begun_s: float | None = None
        self._bytes = 0
        self._queued_s = float("inf")  # at the best moment of this interval
        self._fell_s = float("-inf")

    def acknowledged(self, told: Acknowledged, now_s: float) -> bool:
        """Take what a report told; whether the target is another one now."""
        if self._begun_s is None:
            self._begun_s = now_s
        self._bytes += told.freed_bytes
        self._queued_s = min(self._queued_s, told.queued_s)
        if now_s - self._begun_s < _INTERVAL_S:
            return False
        before = self.target_bps
        self._judge(8 * self._bytes / (now_s - self._begun_s), now_s)
        self._begun_s, self._bytes, self._queued_s = now_s, 0, float("inf")
        return self.target_bps != before

    def limit(self, most_bps: int) -> None:
        """No more than that from now on."""
        self._most_bps = most_bps
        self.target_bps = max(self._least_bps, min(self.target_bps, most_bps))

    def _judge(self, through_bps: float, now_s: float) -> None:
        if self._queued_s > _QUEUED_S:
            self.target_bps = round(max(self._least_bps, _FALL * min(self.target_bps, through_bps)))
            self._fell_s = now_s
            return
        rested = now_s - self._fell_s > _REST_S
        if rested and self._queued_s < _CLEAR_S and through_bps > _USED * self.target_bps:
            self.target_bps = round(min(self._most_bps, _CLIMB * self.target_bps))
