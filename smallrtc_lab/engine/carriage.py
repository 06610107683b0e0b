"""A session's caps at work: pictures and plots are kept within them, and no picture goes to a page that nobody sees.

What the budget sheds holds for the pictures that a relay sends, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smallrtc_lab.places import Place

from .caps import UNSEEN_BPS, Caps
from .relaying.connection import RelayConnection

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Carriage"]

_SMOOTH = 0.3  # of a new figure, twice a second: a keyframe is no reason to draw a plot more rarely


class Carriage:
    """Of one session, on the engine's loop."""

    def __init__(self, session: Session, place: Place) -> None:
        self.caps = Caps(place.most_bps)
        self._session = session
        self._sent_bps = 0.0

    def welcomed(self, limits: dict[str, Any]) -> dict[str, Any]:
        """The server's limits hold from now on; what pages are told of them."""
        self.caps = Caps(self.caps.total_bps, limits.get("max_bitrate_bps"))
        self._session.processing.stage.limits = dict(limits)
        self._limit_pictures()
        return self.caps.for_page(limits)

    def adapt(self, sent_bps: float | None) -> None:
        """Twice a second, with what was sent meanwhile: what Python sends is brought within the caps."""
        self._sent_bps += _SMOOTH * ((sent_bps or 0.0) - self._sent_bps)
        self._session.plotting.share(self.caps.plots_bps(self._sent_bps))
        connection = self._session.flow.connection
        if isinstance(connection, RelayConnection):
            connection.show(self.seen)
            connection.ask(self._session.budget.level.scale, self._session.budget.max_frame_rate)
        if self._limit_pictures() and connection is not None:
            connection.use_bitrate(*self._session.processing.stage.bitrate)

    def describe(self) -> dict[str, int | bool | None]:
        """For ``lab.stats()``."""
        wanted_bps, limit_bps = self._session.processing.stage.bitrate
        return {**self.caps.describe(), "wanted_bps": wanted_bps, "limit_bps": limit_bps, "seen": self.seen}

    @property
    def seen(self) -> bool:
        """Whether somebody looks at the page that is connected; of a client without a page nobody knows."""
        page = self._session.pages.find(self._session.reception.page)
        return page is None or page.visible

    def _limit_pictures(self) -> bool:
        """Whether pictures are limited otherwise than before."""
        limits = self._session.processing.stage.limits
        limit_bps = self.caps.pictures_bps(plots=self._session.plotting.seen)
        if self.caps.total_bps is not None and not self.seen:
            limit_bps = UNSEEN_BPS
        if limit_bps == limits.get("max_bitrate_bps"):
            return False
        limits["max_bitrate_bps"] = limit_bps
        return True
