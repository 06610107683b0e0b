"""The engine's standard error is a file, for a pipe that a busy kernel does not read would stop the engine.

So that a library that complains all day does not fill the disk, the engine itself keeps only its end.
"""

from __future__ import annotations

import asyncio
import os
import stat

__all__ = ["keep_short", "trim"]

_INTERVAL_S = 5.0
_LIMIT_BYTES = 1_000_000
_KEPT_BYTES = 20_000


async def keep_short(descriptor: int) -> None:
    """Trim the file behind a descriptor every few seconds, until cancelled; what is no file is left alone."""
    while stat.S_ISREG(os.fstat(descriptor).st_mode):
        trim(descriptor)
        await asyncio.sleep(_INTERVAL_S)


def trim(descriptor: int, *, limit: int = _LIMIT_BYTES, kept: int = _KEPT_BYTES) -> bool:
    """Shorten a file of more than ``limit`` bytes to its last ``kept``; whether there was something to do.

    Its position, which all descriptors of this file share, is at its end afterwards. What another thread writes
    in between may be lost.
    """
    size = os.fstat(descriptor).st_size
    if size <= limit:
        return False
    os.lseek(descriptor, size - kept, os.SEEK_SET)
    end = os.read(descriptor, kept)
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, end)
    return True
