"""Errors of a person's function: once per kind, counted, and never a flood."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.lab import report as report_module
from smallrtc_lab.lab.report import Report


class Access:
    """Keeps the calls to the engine."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def submit(self, method: str, **args: Any) -> None:
        self.calls.append((method, args))


def raised(error: Exception) -> Exception:
    """The error with a traceback."""
    try:
        raise error
    except Exception as same:  # noqa: BLE001 - any
        return same


@pytest.fixture
def access() -> Access:
    """No calls yet."""
    return Access()


@pytest.fixture
def report(access: Access) -> Report:
    """The report of `effect`, outside a notebook: its words go to standard error."""
    return Report("effect", access)  # type: ignore[arg-type]


def test_the_first_of_a_kind_is_shown_with_its_traceback(
    report: Report, access: Access, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the cell and in the widget: what, where, and what happens meanwhile."""
    report.failed(raised(ValueError("no <b>")), meanwhile="the original passes")
    shown = capsys.readouterr().err
    assert shown.startswith("effect, the original passes:\nTraceback")
    assert "raise error" in shown
    ((method, args),) = access.calls
    problem = args["problem"]
    assert (method, problem["code"], problem["count"]) == ("problem", "callback-effect", 1)
    assert problem["message"] == "effect: ValueError: no <b>"
    assert problem["detail"].startswith("Traceback")


def test_the_same_again_is_counted_and_shown_once_a_second(
    report: Report, access: Access, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty a second fill no notebook."""
    for _ in range(100):
        report.failed(raised(ValueError("same")), meanwhile="m")
    assert capsys.readouterr().err.count("Traceback") == 1
    assert report.counts == {"ValueError: same": 100}
    monkeypatch.setattr(report_module, "_INTERVAL_S", 0.0)
    report.failed(raised(ValueError("same")), meanwhile="m")
    assert "effect (101 times), m:" in capsys.readouterr().err
    assert access.calls[-1][1]["problem"]["count"] == 101


def test_messages_that_are_ever_new_are_one_kind_in_the_end(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that holds a time or a number is told apart a few times, and then only counted."""
    for number in range(1000):
        report.failed(raised(ValueError(f"at {number}")), meanwhile="m")
    assert len(report.counts) == 21
    assert report.counts["ValueError, each time with another text"] == 980
    assert capsys.readouterr().err.count("Traceback") == 21


class Clock:
    """A worker of which a test says whether its function could be stopped."""

    def __init__(self, *, stops: bool) -> None:
        self.stops = stops
        self.asked = 0

    def stop_call(self) -> bool:
        self.asked += 1
        return self.stops


def test_being_stuck_is_said_and_the_error_before_it_is_not_lost(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the function has returned, the last error stands there again."""
    worker: Any = Clock(stops=True)
    report.failed(raised(ValueError("before")), meanwhile="m")
    capsys.readouterr()
    report.stuck(3.5, worker)
    report.stuck(4.0, worker)
    assert capsys.readouterr().err.count("effect has not returned for 4 s. It is stopped after 10 s") == 1
    report.stuck(9.0, worker, others_wait=True)
    assert "9 s, and what shares its thread waits" in capsys.readouterr().err
    assert worker.asked == 0
    report.stuck(0, worker)
    assert "ValueError: before" in capsys.readouterr().err
    report.stuck(0, worker)
    assert capsys.readouterr().err == ""


def test_what_does_not_return_is_stopped_or_named(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    """After ten seconds it is asked to end; what is still there three seconds later is beyond Python's reach."""
    worker: Any = Clock(stops=True)
    report.stuck(10, worker)
    assert worker.asked == 1
    assert capsys.readouterr().err == ""
    report.stuck(13, worker)
    assert worker.asked == 1
    assert "inside a call that Python cannot stop (C code, a sleep, a lock)" in capsys.readouterr().err


def test_clearing_tells_the_page_only_when_there_was_something(report: Report, access: Access) -> None:
    """A function that never failed leaves nothing to take back."""
    report.clear()
    assert access.calls == []
    report.failed(raised(ValueError("x")), meanwhile="m")
    report.clear()
    assert access.calls[-1] == ("clear_problem", {"code": "callback-effect"})


def test_a_result_that_cannot_be_used_has_no_traceback_of_ours(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check happens in this package: its lines help nobody."""
    from smallrtc_lab.lab.results import as_picture

    try:
        as_picture("text")
    except TypeError as error:
        outside = error.__traceback__
        assert outside is not None
        report.failed(error.with_traceback(outside.tb_next), meanwhile="m")
    shown = capsys.readouterr().err
    assert "TypeError: got str" in shown
    assert "smallrtc_lab" not in shown
