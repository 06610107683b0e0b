"""Requests to one engine and their answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import unpack
from smallrtc_lab.server.exchange import Link
from smallrtc_lab.server.limits import Limits


class Outbox:
    """Takes everything, or nothing."""

    def __init__(self) -> None:
        self.headers: list[dict[str, Any]] = []
        self.full = False
        self.ending: int | None = None

    def put(self, message: bytes) -> bool:
        self.headers.append(unpack(message)[0])
        return not self.full

    async def put_in_turn(self, message: bytes) -> None:
        self.put(message)

    def close(self, code: int, reason: str) -> None:
        self.ending = code


def link_of(outbox: Outbox, **limits: Any) -> Link:
    return Link("k1", outbox, Limits(**limits))  # type: ignore[arg-type]


async def asked(link: Link) -> asyncio.Task[Any]:
    task = asyncio.create_task(link.request("s1", "offer", {}))
    await asyncio.sleep(0)
    return task


async def test_each_answer_finds_its_request() -> None:
    """Replies may come in any order; the id says whose they are, and strangers' ids are ignored."""
    outbox = Outbox()
    link = link_of(outbox)
    first, second = await asked(link), await asked(link)
    ids = [header["id"] for header in outbox.headers]
    link.replied({"id": 999, "status": 200, "body": {}}, b"")
    link.replied({"id": [], "status": 200, "body": {}}, b"")
    link.replied({"id": ids[1], "status": 404, "body": {"n": 2}}, b"")
    link.replied({"id": ids[0], "status": 200, "body": {"n": 1}}, b"jpeg")
    link.replied({"id": ids[0], "status": 200, "body": {"n": 3}}, b"")
    assert [(r.status, r.body["n"], r.payload) for r in (await first, await second)] == [
        (200, 1, b"jpeg"),
        (404, 2, b""),
    ]


@pytest.mark.parametrize(
    "reply", [{"status": "200", "body": {}}, {"status": 200, "body": "x"}, {"status": 99, "body": {}}]
)
async def test_nonsense_is_no_answer(reply: dict[str, Any]) -> None:
    """An engine's reply without a status or a body is answered with 502."""
    outbox = Outbox()
    link = link_of(outbox)
    task = await asked(link)
    link.replied({"id": outbox.headers[0]["id"]} | reply, b"")
    with pytest.raises(RequestError) as refused:
        await task
    assert refused.value.status == 502


async def test_silence_and_loss_are_answered() -> None:
    """No reply in time, or no engine any more: 503 each, with a code of its own."""
    link = link_of(Outbox(), request_timeout_s=0.05)
    with pytest.raises(RequestError) as refused:
        await link.request("s1", "offer", {})
    assert (refused.value.status, refused.value.code) == (503, "engine-timeout")
    task = await asked(link)
    link.lost()
    with pytest.raises(RequestError) as refused:
        await task
    assert (refused.value.status, refused.value.code) == (503, "engine-gone")


async def test_pending_requests_are_bounded() -> None:
    """One request more than may wait is refused with 429 at once; when one was answered there is room again."""
    outbox = Outbox()
    link = link_of(outbox, max_pending_requests=1)
    task = await asked(link)
    with pytest.raises(RequestError) as refused:
        await link.request("s1", "offer", {})
    assert refused.value.status == 429
    link.replied({"id": outbox.headers[0]["id"], "status": 200, "body": {}}, b"")
    await task
    link.lost()
    later = await asked(link)
    link.replied({"id": outbox.headers[-1]["id"], "status": 200, "body": {}}, b"")
    assert (await later).status == 200


async def test_an_engine_without_room_is_closed() -> None:
    """An engine that misses what it must know would be wrong for ever; it is closed, and links anew."""
    outbox = Outbox()
    outbox.full = True
    link_of(outbox).tell({"type": "page-open"})
    assert outbox.ending == 4408
