"""Questions to the pages of a session, and their answers: how do things stand where you are?"""

from __future__ import annotations

import asyncio
import itertools
import time

from .pages import Message, Pages

__all__ = ["PageQuestions"]

PAGES_S = 3.0


class PageQuestions:
    """Asks every page how things stand there, and collects the answers; on the engine's loop."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._ids = itertools.count(1)
        self._open: dict[int, dict[str, Message]] = {}
        self._news = asyncio.Event()

    async def ask(self, timeout_s: float = PAGES_S) -> list[Message]:
        """The answers by then, each with ``round_trip_ms`` and what the engine knows of the page."""
        number, began_s = next(self._ids), time.monotonic()
        answers = self._open[number] = {}
        asked = {page.key for page in self._pages if page.name is not None}
        self._pages.tell({"type": "diagnose", "id": number})
        try:
            async with asyncio.timeout(timeout_s):
                while asked - set(answers):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass  # a page that does not answer is told by its absence
        finally:
            del self._open[number]
        for answer in answers.values():
            answer["round_trip_ms"] = (answer.pop("came_s") - began_s) * 1000
        return list(answers.values())

    def answered(self, key: str, message: Message) -> None:
        """A page answered; one that comes too late, or to nothing, is dropped."""
        answers = self._open.get(message.get("id", 0))
        if answers is not None:
            answers[key] = {**message, "came_s": time.monotonic()}
            self._news.set()
