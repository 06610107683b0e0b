"""When a picture must need no earlier one: for who joins, after an error, on resuming; once a second at most."""

from __future__ import annotations

__all__ = ["LEAST_INTERVAL_S", "KeyframeAsk", "KeyframeGate"]

LEAST_INTERVAL_S = 1.0


class KeyframeGate:
    """The sender's side: whether the next picture is to be a keyframe. The first one always is."""

    def __init__(self) -> None:
        self._wanted = True
        self._last_s = float("-inf")

    def want(self) -> None:
        """Somebody needs one."""
        self._wanted = True

    def take(self, now_s: float) -> bool:
        """Whether the picture that is encoded now is to be one."""
        if not self._wanted or now_s - self._last_s < LEAST_INTERVAL_S:
            return False
        self._wanted, self._last_s = False, now_s
        return True


class KeyframeAsk:
    """The receiver's side: pictures are useless until a keyframe came, which is asked for again and again till then."""

    def __init__(self) -> None:
        self.needed = True
        self._asked_s = float("-inf")

    def usable(self, keyframe: bool) -> bool:
        """Whether a picture that came can be decoded."""
        if keyframe:
            self.needed = False
        return not self.needed

    def lost(self) -> None:
        """Decoding failed, or what came was thrown away."""
        self.needed = True

    def ask(self, now_s: float) -> bool:
        """Whether the next report asks for one."""
        if not self.needed or now_s - self._asked_s < LEAST_INTERVAL_S:
            return False
        self._asked_s = now_s
        return True
