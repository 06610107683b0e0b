"""Who may connect to a session: one page at a time, or a simulated browser, and what makes way for what."""

from __future__ import annotations

from typing import Any

import pytest
from support.waiting import until

from smallrtc_lab.engine.session import Session
from smallrtc_lab.engine.simulate import SimulatedBrowser
from smallrtc_lab.errors import RequestError

VIDEO = {"name": "bars", "width": 160, "height": 120, "frame_rate": 30}
OFFER = {"sdp": "v=0\r\n", "type": "offer", "pc_id": None, "restart_pc": False}


def page_is(session: Session, page: str, state: str) -> None:
    """A page says hello and how it stands."""
    session.pages.opened(page)
    session.pages.received(page, {"type": "hello", "version": 1, "page": page, "visible": True})
    session.pages.received(page, {"type": "status", "state": state, "error": None})


async def test_a_simulation_takes_the_place_of_the_one_before(session: Session) -> None:
    """The first one's connection ends, the second one is live, and none is left after its end."""
    await session.reception.simulate(VIDEO, None)
    first = session.reception.simulated
    await until(lambda: session.flow.state == "live")
    await session.reception.simulate(VIDEO | {"width": 320, "height": 240}, None)
    assert session.reception.simulated not in (None, first)
    await until(lambda: session.flow.state == "live")
    await session.reception.stop_simulation()
    assert session.reception.simulated is None
    await until(lambda: session.flow.connection is None)


async def test_a_simulation_that_cannot_be_leaves_nothing(session: Session) -> None:
    """A source that does not exist is an error, and nobody is connected."""
    with pytest.raises(ValueError, match="no-such"):
        await session.reception.simulate({"name": "no-such"}, None)
    assert session.reception.simulated is None
    assert session.flow.connection is None


async def test_a_page_takes_the_place_of_a_simulation(session: Session) -> None:
    """Its offer is announced and answered, the simulation ends, and the connection is that page's."""
    await session.reception.simulate(VIDEO, None)
    told: list[str] = []

    async def before() -> None:
        told.append("offer")

    session.reception.before_offer = before
    browser = SimulatedBrowser(None, None)

    async def offer(body: dict[str, Any]) -> dict[str, Any]:
        return await session.reception.offer(body | {"request_data": {"page": "p1"}})

    await browser.connect(offer)
    assert told == ["offer"]
    assert session.reception.page == "p1"
    assert session.reception.simulated is None
    await browser.close()


async def test_what_one_page_has_opened_no_other_takes(session: Session) -> None:
    """While a page has the devices, another's offer is 400 with a sentence; once it has left, it is looked at."""
    page_is(session, "p1", "asking")
    stranger = OFFER | {"request_data": {"page": "p2"}}
    with pytest.raises(RequestError, match="live in another tab") as refused:
        await session.reception.offer(stranger)
    assert (refused.value.status, refused.value.code) == (400, "live-elsewhere")
    page_is(session, "p1", "idle")
    with pytest.raises(RequestError) as refused:
        await session.reception.offer(stranger)
    assert refused.value.code == "bad-sdp"


async def test_candidates_of_nobody_are_refused(session: Session) -> None:
    """Candidates for a connection that never was are an error of the request."""
    with pytest.raises(RequestError) as refused:
        await session.reception.patch({"pc_id": "nobody", "candidates": []})
    assert 400 <= refused.value.status < 500
