"""How many bits a second one session may put on its way in each direction, and who gets them; a law without I/O.

Where a place carries little, or others share its way (``Place.most_bps``), sound comes first, then pictures, then
plots, which get what the others leave. What a session is allowed it need not use: the laws of the path
(``relay/bitrate.py``, REMB, ``plotting/budget.py``) hold below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Caps"]

LEAST_SOUND_BPS, MOST_SOUND_BPS = 32_000, 64_000
SOUND_SHARE = 1 / 16
HEADERS_BPS = 40_000  # 50 packets of sound a second, 100 bytes each of ours, WebSocket, TLS, TCP and IP
REST_BPS = 50_000  # reports, figures, messages, and the headers of pictures
PICTURES_SHARE = 0.6  # beside plots that somebody sees
LEAST_PLOTS_SHARE = 0.1
UNSEEN_BPS = 30_000  # what no encoder goes below


@dataclass(frozen=True)
class Caps:
    """``total_bps``: of all together; ``picture_bps``: what the server allows a picture. None: as the path carries."""

    total_bps: int | None = None
    picture_bps: int | None = None

    @property
    def sound_bps(self) -> int | None:
        """Of Opus, without headers."""
        if self.total_bps is None:
            return None
        return round(min(MOST_SOUND_BPS, max(LEAST_SOUND_BPS, SOUND_SHARE * self.total_bps)))

    @property
    def camera_bps(self) -> int | None:
        """Of the pictures that a page sends, all together."""
        return self.pictures_bps(plots=False)

    def pictures_bps(self, *, plots: bool) -> int | None:
        """Of the pictures that Python sends, where somebody sees ``plots`` besides or not."""
        if self.total_bps is None:
            return self.picture_bps
        share = PICTURES_SHARE if plots else 1.0
        room = max(UNSEEN_BPS, round(share * self._beside_sound_bps))
        return room if self.picture_bps is None else min(room, self.picture_bps)

    def plots_bps(self, sent_bps: float) -> int | None:
        """Of all plots together, while Python sends ``sent_bps`` of sound and pictures."""
        if self.total_bps is None:
            return None
        return round(max(LEAST_PLOTS_SHARE * self.total_bps, self.total_bps - REST_BPS - sent_bps))

    def for_page(self, limits: dict[str, Any]) -> dict[str, Any]:
        """The server's ``limits`` as a page is told them."""
        if self.total_bps is None:
            return limits
        return {**limits, "max_bitrate_bps": self.camera_bps, "max_sound_bps": self.sound_bps}

    def describe(self) -> dict[str, int | None]:
        """For ``lab.stats()``."""
        return {
            "total_bps": self.total_bps,
            "sound_bps": self.sound_bps,
            "camera_bps": self.camera_bps,
        }

    @property
    def _beside_sound_bps(self) -> int:
        assert self.total_bps is not None
        return self.total_bps - (self.sound_bps or 0) - HEADERS_BPS - REST_BPS
