"""What came of a network: it is asserted, printed, and, where a file is named, kept as a row of a table.

``SMALLRTC_LAB_NETWORKS_INTO=file`` in the environment names it; ``scripts/networks.py file`` makes the table. One
line of JSON a row; of rows of the same network and browser the last one counts.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .matrix import LabPage

__all__ = ["FILE", "FIRST_S", "SAYS", "Row", "arrived"]

FILE = "SMALLRTC_LAB_NETWORKS_INTO"
FIRST_S = 20.0  # a machine shared by many; the goal is printed beside what it took
SAYS = {"direct": "direct", "turn": "through a TURN server", "relay": "through Jupyter"}


@dataclass(frozen=True)
class Row:
    """One network and browser.

    `pair` is of ICE's candidates: the browser's kind, Python's, and the protocol; None through Jupyter. `first_s` is
    from the click to the first picture in Python, `delay_ms` from the camera to the returned picture, None where no
    picture is known, or no table wanted. `sentence` is what the person reads.
    """

    network: str
    browser: str
    route: str
    pair: list[str] | None
    first_s: float
    goal_s: float
    delay_ms: float | None
    sentence: str

    def keep(self) -> None:
        """Append it to the file, if there is to be one."""
        if name := os.environ.get(FILE):
            with Path(name).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")


async def arrived(
    page: LabPage,
    network: str,
    first_s: float,
    *,
    route: str,
    goal_s: float,
    known: bool | None = None,
    tone_hz: float | None = None,
) -> Row:
    """This way carries, page and Python say so, and pictures and sound are right both ways."""
    await page.wait_route(route)
    sentence = await page.wait_status(SAYS[route])
    pair = None if route == "relay" else await page.pair()
    await page.check_media(known=known, tone_hz=tone_hz)
    wanted = FILE in os.environ and known is not False
    delay_ms = await page.there_and_back_ms() if wanted else None
    row = Row(network, page.browser.name, route, pair, round(first_s, 2), goal_s, delay_ms, sentence)
    print(f"{row} (goal {goal_s} s)")
    assert first_s < FIRST_S
    if pair is not None:
        assert ("relay" in pair[:2]) == (route == "turn")
    row.keep()
    return row
