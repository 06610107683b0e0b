"""What the engine can find out about its ways to browsers: for ``lab.diagnose()``.

Pages are asked over the session socket, and every server and socket is tried at the same time, each with a deadline.
What fails is a finding, never an exception.
"""

from __future__ import annotations

import asyncio

from smallrtc_lab.rtc.connection import to_ice_servers
from smallrtc_lab.rtc.ice_check import check_ice_servers
from smallrtc_lab.rtc.udp_check import check_udp

from .calls import CallGroup
from .pages import Message

__all__ = ["DiagnosisCalls"]

_PAIRS = 40  # of them are told; a machine with many interfaces has hundreds


class DiagnosisCalls(CallGroup):
    """The call of ``lab.diagnose()``."""

    async def call_diagnose(self, session: str) -> Message:
        """Everything of a lab's session that only the engine can find out; within about four seconds."""
        found = self.engine.session(session)
        servers = to_ice_servers(found.ice_servers.for_pages)
        checks, udp, answers = await asyncio.gather(
            check_ice_servers(servers), check_udp(), found.questions.ask()
        )
        return {
            "state": found.state,
            "route": found.flow.route,
            "simulated": found.reception.simulated is not None,
            "pages": len(list(found.pages)),
            "answers": answers,
            "ice": [
                {"url": one.url, "finding": one.finding.value, "detail": one.detail, "ms": one.took_ms}
                for one in checks
            ],
            "problems": found.pages.problems,
            "udp": [{"works": one.works, "ms": one.took_ms} for one in udp],
            "pairs": found.flow.tried_pairs()[:_PAIRS],
        }
