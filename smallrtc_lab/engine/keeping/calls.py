"""The kernel asks for the last seconds: encoded, for it decodes them itself."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab.engine.bridge import Reply
from smallrtc_lab.engine.calls import CallGroup
from smallrtc_lab.errors import EngineError
from smallrtc_lab.framing import MAX_MESSAGE_BYTES, Header
from smallrtc_lab.media.take import Take
from smallrtc_lab.media.take_wire import pack_take
from smallrtc_lab.media.taken import TakenPictures

__all__ = ["KeepingCalls", "too_much"]

_HEADER_BYTES = 4 << 20


def too_much(take: Take) -> str:
    """What is said of a take that is larger than one answer, with what fits."""
    most_bytes = MAX_MESSAGE_BYTES - _HEADER_BYTES
    fits_s = take.duration_s * most_bytes / take.size_bytes
    return (
        f"the last {take.duration_s:.0f} s are {take.size_bytes / 1e6:.0f} MB, and {most_bytes / 1e6:.0f} MB can be "
        f"handed over at once: ask for about {0.9 * fits_s:.0f} s; lab.record() writes what is longer into a file"
    )


class KeepingCalls(CallGroup):
    """``take`` is the last seconds of everything, ``last_pictures`` those of one source."""

    async def call_take(self, session: str, seconds: float) -> Reply:
        """A take, packed by :func:`pack_take`."""
        found = self.engine.session(session)
        found.keeping.require_kept()
        return await self._packed(found.keeping.take(seconds, shareable=found.shareable))

    async def call_last_pictures(self, session: str, source: str, seconds: float) -> Reply:
        """A take of nothing but one source's pictures."""
        found = self.engine.session(session)
        found.keeping.require_kept()
        packets = found.keeping.pictures(source, seconds)
        end_s = packets[-1].time_s
        start_s = max(packets[0].time_s, end_s - min(seconds, found.keeping.keep_s))
        pictures = TakenPictures(source, packets)  # type: ignore[arg-type]
        take = Take(start_s, end_s - start_s, shareable=found.shareable, _sources={source: pictures})
        return await self._packed(take)

    async def _packed(self, take: Take) -> tuple[Header, bytes]:
        if take.size_bytes > MAX_MESSAGE_BYTES - _HEADER_BYTES:
            raise EngineError(too_much(take))
        loop = asyncio.get_running_loop()
        packed: tuple[dict[str, Any], bytes] = await loop.run_in_executor(
            self.engine.executor, pack_take, take
        )
        return packed
