"""What ``lab.diagnose()`` knows before it judges, and how it gets to know it. A probe that fails raises nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.places import Place, find_place

from .access import Access
from .cell import in_kernel

__all__ = ["Facts", "find_facts"]

ENGINE_S = 10.0
_ANSWERED = (
    "secure",
    "camera",
    "microphone",
    "cameras",
    "microphones",
    "webrtc",
    "web_codecs",
    "media_devices",
)


@dataclass(frozen=True)
class Facts:
    """All of them; ``engine`` is what the media process told, None with ``engine_error`` when it told nothing."""

    place: Place
    in_kernel: bool
    link: str  # of the engine to the Jupyter server: none, dialling, linked or lost
    link_reason: str
    state: str
    error: dict[str, Any] | None
    wants: tuple[str, ...]  # camera, microphone
    webrtc: bool = True  # whether it may be tried
    engine: dict[str, Any] | None = None
    engine_error: str = ""
    engine_ms: float | None = None

    @property
    def page(self) -> dict[str, Any] | None:
        """The answer of the page that came first and is whole; None without any."""
        answers = [] if self.engine is None else self.engine["answers"]
        return next((one for one in answers if all(name in one for name in _ANSWERED)), None)

    @property
    def pages(self) -> int:
        """How many pages show the lab."""
        return 0 if self.engine is None else int(self.engine["pages"])

    def problem(self, code: str) -> dict[str, Any] | None:
        """A problem that stands now: ``message`` and ``next_step``."""
        standing = [] if self.engine is None else self.engine["problems"]
        return next((one for one in standing if one["code"] == code), None)

    @property
    def ice(self) -> list[dict[str, Any]]:
        """What came of trying each STUN and TURN server."""
        return [] if self.engine is None else list(self.engine["ice"])

    @property
    def turn(self) -> list[dict[str, Any]]:
        """Those of them that relay."""
        return [one for one in self.ice if one["url"].startswith("turn")]


def find_facts(access: Access, wants: tuple[str, ...], *, webrtc: bool = True) -> Facts:
    """Ask the engine, which asks the pages; within ``ENGINE_S`` seconds."""
    client: EngineClient = access.client
    engine, error, began_s = None, "", time.monotonic()
    try:
        engine = access.call("diagnose", timeout_s=ENGINE_S)
    except SmallRTCError as failure:
        error = str(failure).split("\n")[0]
    took_ms = (time.monotonic() - began_s) * 1000
    return Facts(
        place=find_place(),
        in_kernel=in_kernel(),
        link=client.link_state,
        link_reason=client.link_reason,
        state=str(access.mirror["state"]),
        error=access.mirror["error"],
        wants=wants,
        webrtc=webrtc,
        engine=engine,
        engine_error=error,
        engine_ms=took_ms,
    )
