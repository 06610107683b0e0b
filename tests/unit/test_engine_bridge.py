"""The engine's end of the bridge: each call is answered, and nothing waits for the kernel."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.kernelend import KernelEnd

from smallrtc_lab.errors import NotLiveError, RequestError


@pytest_asyncio.fixture
async def kernel() -> AsyncIterator[KernelEnd]:
    """A bridge over real pipes."""
    end = KernelEnd()
    yield end
    await end.close()


async def test_a_call_is_answered_with_its_number_and_payload(kernel: KernelEnd) -> None:
    """Calls are answered by number, with result and bytes."""
    for number in (7, 8):
        kernel.writer.send({"type": "call", "id": number, "method": "m", "args": {"a": 1}}, b"bytes")
    answers = {
        header["id"]: (header, payload) for header, payload in [await kernel.next("reply") for _ in "ab"]
    }
    assert answers[7] == ({"type": "reply", "id": 7, "result": ["m", {"a": 1}]}, b"bytes")
    assert answers[8][1] == b"bytes"


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (NotLiveError(), "NotLiveError", "click Start, or call lab.wait_live()"),
        (RequestError(400, "bad", "No."), "RequestError", "No."),
        (ZeroDivisionError("division by zero"), "EngineError", "m: division by zero"),
        (OSError("no room"), "EngineError", "m: no room"),
    ],
)
async def test_whatever_a_call_raises_is_its_answer(
    kernel: KernelEnd, raised: Exception, kind: str, words: str
) -> None:
    """Errors of ours keep their class; any other is an engine error with its words, never silence."""

    async def fail(method: str, args: dict[str, Any], payload: bytes) -> tuple[Any, bytes]:
        raise raised

    kernel.on_call = fail  # type: ignore[method-assign]
    kernel.writer.send({"type": "call", "id": 1, "method": "m"})
    header, _ = await kernel.next("reply")
    assert header == {"type": "reply", "id": 1, "error": {"kind": kind, "message": words}}


async def test_an_answer_that_cannot_be_sent_is_answered_all_the_same(kernel: KernelEnd) -> None:
    """A result JSON cannot hold, or of more bytes than a message may have, comes back as an error."""
    results: list[tuple[Any, bytes]] = [(object(), b""), (None, b"x" * (64 * 1024 * 1024 + 1))]

    async def answer(method: str, args: dict[str, Any], payload: bytes) -> tuple[Any, bytes]:
        return results.pop(0)

    kernel.on_call = answer  # type: ignore[method-assign]
    for words in ("not JSON serializable", "exceeds"):
        kernel.writer.send({"type": "call", "id": 1, "method": "m"})
        header, _ = await kernel.next("reply")
        assert words in header["error"]["message"]


async def test_events_logs_and_deliveries_come_in_order(kernel: KernelEnd) -> None:
    """What the engine sends arrives as it was sent."""
    kernel.bridge.event("s", "state", state="live")
    kernel.bridge.log(logging.WARNING, "words")
    assert kernel.bridge.deliver(3, {"time_s": 1.5}, b"pcm")
    assert [await kernel.received.get() for _ in range(3)] == [
        ({"type": "event", "session": "s", "name": "state", "state": "live"}, b""),
        ({"type": "log", "level": logging.WARNING, "text": "words"}, b""),
        ({"type": "deliver", "subscription": 3, "time_s": 1.5}, b"pcm"),
    ]


async def test_a_slot_comes_back_by_free(kernel: KernelEnd) -> None:
    """The kernel's `free` makes a slot the engine's again; one for a slot nobody knows changes nothing."""
    taken = [kernel.bridge.pool.acquire(100) for _ in range(8)]
    assert kernel.bridge.pool.acquire(100) is None
    assert taken[3] is not None
    kernel.writer.send({"type": "free", "slot": ["/nowhere", 0, 100]})
    kernel.writer.send({"type": "free", "slot": list(taken[3][0])})
    kernel.writer.send({"type": "call", "id": 1, "method": "m"})
    await kernel.next("reply")
    again = kernel.bridge.pool.acquire(100)
    assert again is not None
    assert again[0] == taken[3][0]


async def test_results_and_dones_reach_their_handler(kernel: KernelEnd) -> None:
    """`done` and `result` are handed on in order; an unknown message is logged only."""
    kernel.writer.send({"type": "result", "subscription": 1}, b"sound")
    kernel.writer.send({"type": "mystery"})
    kernel.writer.send({"type": "done", "subscription": 1})
    kernel.writer.send({"type": "call", "id": 1, "method": "m"})
    await kernel.next("reply")
    assert [(header["type"], payload) for header, payload in kernel.done] == [
        ("result", b"sound"),
        ("done", b""),
    ]


async def test_the_kernels_end_is_told(kernel: KernelEnd) -> None:
    """When the kernel closes its pipe the engine hears of it."""
    kernel.writer.close()
    await kernel.engine_ended.wait()
