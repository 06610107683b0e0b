"""Messages of the page, handed to a person's functions in order."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from smallrtc_lab.lab.messages import MessageHandlers


class Wire:
    """Takes what the handlers tell the engine."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def log(self, line: str) -> None:
        pass

    def submit(self, method: str, **arguments: Any) -> None:
        self.told.append(arguments["problem"])


@pytest.fixture
def handlers():
    made = MessageHandlers(Wire())
    yield made
    made.worker.close()
    assert made.worker.join(5)


def settle(handlers: MessageHandlers) -> None:
    """Wait until everything handed over so far was handled."""
    done = threading.Event()
    handlers.worker.submit(done.set)
    assert done.wait(5)


def test_messages_that_come_before_any_function_wait_for_it_in_order(handlers) -> None:
    """A page that speaks before the notebook listens is heard, once and in order."""
    got: list[Any] = []
    for number in range(10):
        handlers.received(number)
    settle(handlers)
    handlers.add(got.append)
    handlers.received(10)
    settle(handlers)
    assert got == list(range(11))


def test_what_waits_is_bounded_and_what_is_dropped_is_said(handlers) -> None:
    """Fifty wait; the fifty-first is dropped with a sentence that names the next step."""
    got: list[Any] = []
    for number in range(60):
        handlers.received(number)
    settle(handlers)
    handlers.add(got.append)
    settle(handlers)
    assert got == list(range(50))
    assert [told["message"].split()[0] for told in handlers._access.told] == ["1", "10"]
    assert "on_message" in handlers._access.told[0]["next_step"]


def test_a_function_of_the_same_name_replaces_the_one_before(handlers) -> None:
    """Running the cell again does not make a message arrive twice."""
    got: list[Any] = []

    def handler(message: Any) -> None:
        got.append(("first", message))

    handlers.add(handler)

    def handler(message: Any) -> None:
        got.append(("second", message))

    handlers.add(handler)
    handlers.received(1)
    settle(handlers)
    assert got == [("second", 1)]
