"""Calls that wait for their answer: each is settled once, whatever comes."""

from __future__ import annotations

import pytest

from smallrtc_lab.engine.pending import PendingCalls
from smallrtc_lab.errors import EngineCrashed, EngineError, NotLiveError, SmallRTCError


def test_each_answer_settles_its_own_call() -> None:
    """Answers come in any order, with a result and a payload; one without its call does no harm."""
    calls = PendingCalls()
    first, second = calls.begin(1), calls.begin(2)
    calls.answered({"id": 2, "result": "b"}, b"two")
    calls.answered({"id": 2, "result": "again"}, b"")
    calls.answered({"id": 7, "result": "nobody asked"}, b"")
    assert not first.done()
    calls.answered({"id": 1, "result": None}, b"")
    assert (first.result(0), second.result(0)) == ((None, b""), ("b", b"two"))


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("NotLiveError", NotLiveError),
        ("RequestError", EngineError),  # of the protocol, it needs a status
        ("KeyError", EngineError),
        ("annotations", EngineError),  # a name of that module which is no exception
    ],
)
def test_an_error_is_raised_as_the_same_class(kind: str, raised: type[SmallRTCError]) -> None:
    """The project's own errors cross the bridge as themselves, all others as the engine's."""
    calls = PendingCalls()
    call = calls.begin(1)
    calls.answered({"id": 1, "error": {"kind": kind, "message": "no sound yet"}}, b"")
    error = call.exception(0)
    assert type(error) is raised
    assert "no sound yet" in str(error)


def test_an_engine_that_has_gone_answers_every_call() -> None:
    """All that wait get the reason; those settled, forgotten or cancelled before stay as they were."""
    calls = PendingCalls()
    settled, forgotten, cancelled, waiting = (calls.begin(number) for number in range(4))
    calls.answered({"id": 0, "result": 5}, b"")
    calls.forget(1)
    cancelled.cancel()
    calls.fail_all(EngineCrashed("signal 9"))
    assert settled.result(0) == (5, b"")
    assert not forgotten.done()
    assert cancelled.cancelled()
    assert isinstance(waiting.exception(0), EngineCrashed)
