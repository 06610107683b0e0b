"""How many bits a second a connection's pictures may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["H264_RANGE", "VP8_RANGE", "BitrateRange", "VideoBitrate"]


class BitrateRange(NamedTuple):
    """Where an encoder starts and stays when nobody asked for anything, in bits a second."""

    least_bps: int
    start_bps: int
    most_bps: int


# aiortc's own.
VP8_RANGE = BitrateRange(250_000, 500_000, 1_500_000)
H264_RANGE = BitrateRange(500_000, 1_000_000, 3_000_000)


@dataclass
class VideoBitrate:
    """``wanted_bps`` is what was asked for, and ``limit_bps`` what is allowed whatever was asked; None: nothing was.

    Belongs to a connection and outlives the peers of its restarts; encoders ask it before each picture.
    """

    wanted_bps: int | None = None
    limit_bps: int | None = None

    def target_bps(self, estimated_bps: int | None, usual: BitrateRange = VP8_RANGE) -> int:
        """What an encoder aims at, when the receiver estimates so much for the way to it (REMB), or has not yet.

        What was asked for is the start and the most; a way that is estimated below gets less.
        """
        most = usual.most_bps if self.wanted_bps is None else self.wanted_bps
        if self.limit_bps is not None:
            most = min(most, self.limit_bps)
        start = usual.start_bps if self.wanted_bps is None else most
        aimed = start if estimated_bps is None else estimated_bps
        return max(min(usual.least_bps, most), min(aimed, most))
