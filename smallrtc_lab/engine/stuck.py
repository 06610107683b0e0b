"""Which function of a person has not returned for long.

Functions that share a worker in the kernel run one after the other, in the order of delivery. So of all that a worker
owes an answer for, the item delivered first is the one that runs, and it runs since the answer before it. The others
wait, and are not to blame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from .subscriptions import Subscription

__all__ = ["running_s"]


def running_s(subscriptions: Iterable[Subscription]) -> dict[int, float]:
    """Subscription → seconds for which its function runs now; one a worker at most."""
    running: dict[str, tuple[float, int]] = {}  # worker → when what runs was delivered, and whose it is
    free_s: dict[str, float] = {}  # worker → when it gave its last answer
    for one in subscriptions:
        if one.worker is None:
            continue
        free_s[one.worker] = max(one.answered_s, free_s.get(one.worker, 0.0))
        if one.oldest_s is not None:
            mine = (one.oldest_s, one.number)
            running[one.worker] = min(mine, running.get(one.worker, mine))
    now_s = time.monotonic()
    return {
        number: now_s - max(delivered_s, free_s[worker]) for worker, (delivered_s, number) in running.items()
    }
