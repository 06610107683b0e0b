"""Offers and candidates through a real Jupyter server."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

OFFER = {"sdp": "v=0", "type": "offer"}
PATCH = {"pc_id": "p1", "candidates": [{"candidate": "", "sdp_mid": "0", "sdp_mline_index": 0}]}


async def test_offer_reaches_the_engine_and_its_answer_the_page(server: Any) -> None:
    """An offer is handed to the session's engine with the protocol's fields only, and its reply comes back as it is."""
    engine = await server.engine("s1")
    reply, request = await asyncio.gather(
        server.offer("s1", requestData={"page": "p"}, junk=1, pc_id=None), engine.answer()
    )
    assert reply.status_code == 200
    assert reply.json() == {"sdp": "v=0 answer", "type": "answer", "pc_id": "p1"}
    assert (request["session"], request["method"]) == ("s1", "offer")
    assert set(request["body"]) == {"sdp", "type", "pc_id", "restart_pc", "request_data"}
    assert request["body"]["request_data"] == {"page": "p"}


async def test_candidates_reach_the_engine(server: Any) -> None:
    """PATCH goes the same way."""
    engine = await server.engine("s1")
    reply, request = await asyncio.gather(
        server.ask("PATCH", "sessions/s1/api/offer", PATCH), engine.answer(200, {"status": "success"})
    )
    assert reply.json() == {"status": "success"}
    assert (request["method"], request["body"]) == ("patch", PATCH)


async def test_a_refusal_of_the_engine_keeps_its_status(server: Any) -> None:
    """What the engine refuses comes back with its status, code and sentence."""
    engine = await server.engine("s1")
    body = {"message": "This is no session description.", "reason": "bad-sdp"}
    reply, _ = await asyncio.gather(server.offer("s1"), engine.answer(400, body))
    assert (reply.status_code, reply.json()) == (400, body)


async def test_a_late_engine_gets_the_offer(start_server: Any) -> None:
    """An offer that is faster than the engine's link waits for it."""
    server = await start_server("--SmallRTCLab.engine_wait_s=30")
    asking = asyncio.create_task(server.offer("s1"))
    engine = await server.engine()
    await asyncio.sleep(0.1)
    assert not asking.done()
    await engine.send({"type": "session-open", "session": "s1"})
    await engine.answer()
    assert (await asking).status_code == 200


async def test_unknown_gone_and_impossible_sessions(server: Any) -> None:
    """404 after the wait for what never was, 503 for what was and 404 for what cannot be."""
    began_s = time.monotonic()
    reply = await server.offer("never")
    assert (reply.status_code, reply.json()["reason"]) == (404, "unknown-session")
    assert 0.35 < time.monotonic() - began_s < 20
    engine = await server.engine("s1")
    await engine.send({"type": "session-close", "session": "s1"})
    reply = await server.offer("s1")
    assert (reply.status_code, reply.json()["reason"]) == (503, "engine-absent")
    assert (await server.offer("a%20b")).status_code == 404


async def test_an_engine_that_dies_meanwhile(server: Any) -> None:
    """A request that waits for an engine whose link breaks is answered with 503 at once."""
    engine = await server.engine("s1")
    asking = asyncio.create_task(server.offer("s1"))
    await engine.expect("request")
    engine.socket.transport.abort()
    reply = await asyncio.wait_for(asking, 30)
    assert (reply.status_code, reply.json()["reason"]) == (503, "engine-gone")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[" * 50_000, b"\xff", json.dumps({"type": "offer"}).encode()]
)
async def test_junk_is_400(server: Any, body: bytes) -> None:
    """Whatever is malformed is answered with 400 and JSON, without waiting for an engine."""
    reply = await server.ask("POST", "sessions/s1/api/offer", body)
    assert (reply.status_code, reply.json()["reason"]) == (400, "malformed")
    assert reply.json()["message"]
    assert reply.headers["content-type"] == "application/json"


async def test_huge_bodies_are_413(server: Any) -> None:
    """A body that says it is too large, and one that does not say so, are refused; the server lives on."""
    huge = json.dumps(OFFER | {"sdp": "x" * 3_000_000}).encode()

    async def pieces() -> Any:
        for start in range(0, len(huge), 65536):
            yield huge[start : start + 65536]

    for content in (huge, pieces()):
        reply = await server.http.post(
            server.url + "sessions/s1/api/offer", content=content, headers=server.headers
        )
        assert (reply.status_code, reply.json()["reason"]) == (413, "too-large")
    engine = await server.engine("s1")
    largest = "x" * (256 * 1024 - 500)
    reply, request = await asyncio.gather(server.offer("s1", sdp=largest), engine.answer())
    assert reply.status_code == 200
    assert request["body"]["sdp"] == largest


async def test_too_many_offers_are_429(start_server: Any) -> None:
    """The rate of offers and the number of waiting requests are limits of the configuration."""
    server = await start_server("--SmallRTCLab.offers_per_minute=2", "--SmallRTCLab.max_pending_requests=1")
    engine = await server.engine("s1")
    first = asyncio.create_task(server.offer("s1"))
    request = await engine.expect("request")
    reply = await server.offer("s1")
    assert (reply.status_code, reply.json()["reason"]) == (429, "too-many-requests")
    await engine.send({"type": "reply", "id": request["id"], "status": 200, "body": {}})
    assert (await first).status_code == 200
    reply = await server.offer("s1")
    assert (reply.status_code, reply.json()["reason"]) == (429, "too-often")


async def test_without_a_session_nothing_is_served_yet(server: Any) -> None:
    """Clients that name no session get 503 and a sentence until one is the default; then it answers them."""
    for method, body in (("POST", OFFER), ("PATCH", PATCH)):
        reply = await server.ask(method, "api/offer", body)
        assert (reply.status_code, reply.json()["reason"]) == (503, "nothing-served")
    engine = await server.engine("s1", serves=True)
    while not any(session.served for session in server.extension.broker._sessions):
        await asyncio.sleep(0.01)
    reply, request = await asyncio.gather(server.ask("POST", "api/offer", OFFER), engine.answer())
    assert (reply.status_code, request["session"]) == (200, "s1")
    reply, request = await asyncio.gather(server.ask("PATCH", "api/offer", PATCH), engine.answer())
    assert (reply.status_code, request["method"]) == (200, "patch")
