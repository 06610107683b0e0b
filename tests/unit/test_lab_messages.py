"""Messages of the page, handed to a person's functions in order."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from smallrtc_lab.lab import messages as messages_module
from smallrtc_lab.lab.messages import MessageHandlers


class Wire:
    """Takes what the handlers tell the engine."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def log(self, line: str) -> None:
        pass

    def submit(self, method: str, **arguments: Any) -> None:
        if method == "problem":
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


def test_a_function_that_does_not_return_is_named_once_it_is_long(
    handlers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks finds which one runs, and that the others wait; when it has returned nothing is said any more."""
    gate = threading.Event()

    def waits(message: Any) -> None:
        gate.wait(60)

    handlers.add(waits)
    handlers.watch_stuck()
    handlers.received(1)
    monkeypatch.setattr(messages_module, "_STUCK_S", 0.05)
    deadline_s = time.monotonic() + 60
    while "waits has not returned" not in (said := capsys.readouterr().err):
        assert time.monotonic() < deadline_s
        handlers.watch_stuck()
        time.sleep(0.01)
    assert "what shares its thread waits" in said
    gate.set()
    settle(handlers)
    handlers.watch_stuck()
    handlers.watch_stuck()
    assert handlers._stuck is None


def test_a_message_that_ends_programs_ends_nothing(handlers, capsys: pytest.CaptureFixture[str]) -> None:
    """`exit()` in a function is an error as any: said, counted, and the next message is handled."""
    got: list[Any] = []

    def leaves(message: Any) -> None:
        got.append(message)
        raise SystemExit(message)

    handlers.add(leaves)
    handlers.received("one")
    handlers.received("two")
    settle(handlers)
    assert got == ["one", "two"]
    assert "SystemExit: two" in capsys.readouterr().err
    assert handlers._access.told[0]["message"] == "leaves: SystemExit: one"
