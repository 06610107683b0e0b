"""How many bits a second a stream of pictures may have, from what was acknowledged and how the round trip grew.

A queue on the way shows as a round trip that is longer than the least one; it is the sum of all that the path does not
carry. The target falls below what came through while there is one, so that it empties, and climbs slowly while there is
none and the encoder uses what it has. Sound is not touched: it takes its few kbit/s out of the same path first.
"""

from __future__ import annotations

from .window import Acknowledged

__all__ = ["MOST_BPS", "START_BPS", "BitrateControl"]

MOST_BPS = 2_500_000  # where nobody asked: as much as WebRTC's own default for one picture of this size
START_BPS = 600_000
LEAST_BPS = 80_000

_INTERVAL_S = 0.5
_QUEUED_S = 0.08  # more than this, at the best moment of an interval, is a queue
_CLEAR_S = 0.04
_FALL = 0.8
_CLIMB = 1.06
_USED = 0.6  # of the target: an encoder with nothing to say proves nothing
_REST_S = 2.0  # after a fall


class BitrateControl:
    """``target_bps`` is what an encoder is to aim at. Times are seconds of any steady clock."""

    def __init__(self, start_bps: int = START_BPS) -> None:
        self.target_bps = start_bps
        self._most_bps = MOST_BPS
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

    def use(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """What is wanted is the most, within a limit; half of it is the least to begin with, until the path says no."""
        wanted = MOST_BPS if wanted_bps is None else wanted_bps
        most_bps = wanted if limit_bps is None else min(wanted, limit_bps)
        if most_bps == self._most_bps:
            return
        self._most_bps = most_bps
        if wanted_bps is not None and self._fell_s == float("-inf"):
            self.target_bps = max(self.target_bps, most_bps // 2)
        self.target_bps = min(self.target_bps, most_bps)

    def _judge(self, through_bps: float, now_s: float) -> None:
        if self._queued_s > _QUEUED_S:
            least_bps = min(LEAST_BPS, self._most_bps)
            self.target_bps = round(max(least_bps, _FALL * min(self.target_bps, through_bps)))
            self._fell_s = now_s
            return
        rested = now_s - self._fell_s > _REST_S
        if rested and self._queued_s < _CLEAR_S and through_bps > _USED * self.target_bps:
            self.target_bps = round(min(self._most_bps, _CLIMB * self.target_bps))
