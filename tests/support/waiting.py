"""Waiting for a condition inside the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["until"]


async def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Look a hundred times a second until `condition()` holds; AssertionError when it does not in time."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"after {timeout_s} s the condition does not hold") from None
