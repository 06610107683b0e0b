"""Where a playback is."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["PlayClock", "PlayState"]


class PlayState(StrEnum):
    """``loading`` until there is something to play from here on; the last four are for good."""

    LOADING = "loading"
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    STOPPED = "stopped"
    REPLACED = "replaced"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self not in (PlayState.LOADING, PlayState.PLAYING, PlayState.PAUSED)


class PlayClock:
    """Seconds of what is played against those of :func:`time.monotonic`; stands still until it is started."""

    def __init__(self) -> None:
        self._position_s = 0.0
        self._since_s: float | None = None

    @property
    def running(self) -> bool:
        """Whether it moves."""
        return self._since_s is not None

    def at(self, now_s: float) -> float:
        """The position at that moment."""
        return self._position_s if self._since_s is None else self._position_s + now_s - self._since_s

    def when(self, position_s: float, now_s: float) -> float:
        """The moment of a position, if nothing stops before; a clock that stands is there now."""
        return now_s if self._since_s is None else self._since_s + position_s - self._position_s

    def start(self, now_s: float) -> None:
        """Move from now on."""
        if self._since_s is None:
            self._since_s = now_s

    def stop(self, now_s: float) -> None:
        """Stand still from now on."""
        self._position_s, self._since_s = self.at(now_s), None

    def move(self, position_s: float) -> None:
        """Stand still somewhere else."""
        self._position_s, self._since_s = position_s, None
