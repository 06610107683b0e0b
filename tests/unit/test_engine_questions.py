"""Questions to the pages of a session, and their answers."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab.engine.pages import Pages
from smallrtc_lab.engine.questions import PageQuestions


class Session:
    """Pages that have said hello, and what they were told."""

    def __init__(self, *keys: str) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.pages = Pages(lambda key, message: self.told.append((key, message)), self)  # type: ignore[arg-type]
        self.questions = PageQuestions(self.pages)
        for key in keys:
            self.pages.opened(key)
            self.pages.received(key, {"type": "hello", "version": 1, "page": f"page {key}", "visible": True})
        self.pages.opened("silent")  # it never says hello, and is not asked
        self.told.clear()

    def page_diagnosis(self, key: str, diagnosis: dict[str, Any]) -> None:
        self.questions.answered(key, diagnosis)

    def say(self, key: str, **diagnosis: Any) -> None:
        self.pages.received(key, {"type": "diagnosis", "pairs": [], **diagnosis})


async def test_every_page_is_asked_and_the_last_answer_ends_the_wait() -> None:
    """Each answer comes with its round trip; what is no plain value of a page is dropped."""
    session = Session("a", "b")
    asking = asyncio.ensure_future(session.questions.ask(60))
    await asyncio.sleep(0)
    assert [(key, message["type"]) for key, message in session.told] == [("a", "diagnose"), ("b", "diagnose")]
    number = session.told[0][1]["id"]
    session.say(
        "b", id=number, secure=True, nested={"x": 1}, pairs=[{"local": "host", "more": []}, "no pair"]
    )
    session.say("a", id=number, secure=False)
    session.say("a", id=number + 1, secure=True)  # to nothing
    first, second = await asking
    assert (first["secure"], second["secure"]) == (True, False)
    assert first["pairs"] == [{"local": "host"}]
    assert "nested" not in first
    assert first["round_trip_ms"] >= 0


async def test_a_page_that_is_silent_is_not_waited_for_longer() -> None:
    """The answers there are by the deadline are returned; a late one is dropped."""
    session = Session("a", "b")
    asking = asyncio.ensure_future(session.questions.ask(0.1))
    await asyncio.sleep(0)
    session.say("a", id=session.told[0][1]["id"])
    assert len(await asking) == 1
    session.say("b", id=session.told[0][1]["id"])


async def test_without_a_page_nothing_is_waited_for() -> None:
    """The answer is there at once."""
    assert await Session().questions.ask(60) == []
