"""How many bytes of pictures one page may get: half of what its way was measured to carry, shared by all its plots.

A message of a few bytes goes before each picture; how much later than it the picture's last byte comes, by the page's
own clock, is what its bytes cost. So neither a long way nor a busy browser looks like a narrow way. Where it is next to
nothing nothing is limited; where not, first the quality of the pictures goes down and then their rate, for sound and
everything else go the same way (one 73 kB picture keeps 1 Mbit/s busy for 0.6 s). Where a place allows little
(``engine/caps.py``) the same is done to stay within that.
"""

from __future__ import annotations

from collections import deque

__all__ = ["QUALITIES", "ByteBudget"]

QUALITIES = (85, 70, 55, 40)  # of JPEG, the best first
SHARE = 0.5  # of the way; the rest is for what must not wait
UNNOTICED_S = 0.05  # a picture that takes no longer than that disturbs nobody
_SAMPLES = (
    8  # the way is as narrow as all but a quarter of them say: a busy machine delays some, a narrow way all
)
_SLOW = 0.8  # a smaller part of the wanted rate is said to the person
_WORSE, _BETTER = 0.5, 0.98  # of the wanted rate: where the quality changes
_SETTLE = 6  # pictures between two changes of quality


class ByteBudget:
    """The budget of one page. On the engine's loop."""

    def __init__(self) -> None:
        self.most_bytes_per_s: float | None = (
            None  # that its way may be used for; None: as much as it carries
        )
        self._samples: deque[float] = deque(maxlen=_SAMPLES)  # seconds a byte
        self._wanted: dict[str, tuple[int, float]] = {}  # view → bytes of its last picture, pictures a second
        self._quality = 0
        self._since_change = 0

    @property
    def quality(self) -> int:
        """The JPEG quality of the next picture."""
        return QUALITIES[self._quality]

    @property
    def factor(self) -> float:
        """The part of each plot's wanted rate that fits, 0 to 1."""
        return min(self._carried, self._allowed)

    @property
    def is_slow(self) -> bool:
        """Whether pictures are left out so that a person sees it."""
        return self.factor < _SLOW

    @property
    def why(self) -> str:
        """What is to blame for it."""
        return "slow connection" if self._carried <= self._allowed else "shared connection"

    def acknowledged(self, view: str, size: int, rate_hz: float, cost_s: float) -> None:
        """The bytes of a picture took ``cost_s`` seconds to come in; its view would have ``rate_hz`` of them."""
        self._wanted[view] = (size, rate_hz)
        self._samples.append(cost_s / size if cost_s > UNNOTICED_S and size else 0.0)
        self._adapt()

    def leave(self, view: str) -> None:
        """A view is hidden or gone and needs nothing."""
        self._wanted.pop(view, None)

    @property
    def _wanted_bytes_per_s(self) -> float:
        return sum(size * rate_hz for size, rate_hz in self._wanted.values())

    @property
    def _carried(self) -> float:
        """The part that its way carries."""
        cost = self._wanted_bytes_per_s * self._seconds_per_byte
        return min(1.0, SHARE / cost) if cost else 1.0

    @property
    def _allowed(self) -> float:
        """The part that it may be used for."""
        wanted = self._wanted_bytes_per_s
        return (
            1.0 if self.most_bytes_per_s is None or not wanted else min(1.0, self.most_bytes_per_s / wanted)
        )

    @property
    def _seconds_per_byte(self) -> float:
        """What the way was measured to need, 0 where that is nothing to speak of."""
        return sorted(self._samples)[len(self._samples) // 4] if self._samples else 0.0

    def _adapt(self) -> None:
        self._since_change += 1
        if self._since_change < _SETTLE:
            return
        if self.factor < _WORSE and self._quality + 1 < len(QUALITIES):
            self._change(+1)
        elif self.factor > _BETTER and self._quality and not self._seconds_per_byte:
            self._change(-1)

    def _change(self, step: int) -> None:
        self._quality += step
        self._since_change = 0
