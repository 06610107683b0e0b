"""`POST start` as the npm client sends it, and the offers that follow it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

OFFER = {"sdp": "v=0", "type": "offer"}


async def serving(server: Any, *sessions: str) -> Any:
    """An engine whose sessions take outside clients, once the server has heard so."""
    engine = await server.engine(*sessions, serves=True)
    reply, _ = await asyncio.gather(server.offer(sessions[-1]), engine.answer())
    assert reply.status_code == 200
    return engine


async def test_nothing_to_start_yet(server: Any) -> None:
    """503 and a sentence while nothing is served, 404 for a session that takes no outside clients."""
    reply = await server.ask("POST", "start", {"transport": "webrtc"})
    assert (reply.status_code, reply.json()["reason"]) == (503, "nothing-served")
    assert "serve(bot)" in reply.json()["message"]
    reply = await server.ask("POST", "start", {"transport": "carrier pigeon"})
    assert (reply.status_code, reply.json()["reason"]) == (400, "malformed")
    engine = await server.engine("lab")
    await asyncio.gather(server.offer("lab"), engine.answer())
    for name in ("lab", "never", "a%20b"):
        reply = await server.ask("POST", f"sessions/{name}/start", {})
        assert (reply.status_code, reply.json()["reason"]) == (404, "not-served")


async def test_names_a_session_of_its_own_and_ice_servers(start_server: Any) -> None:
    """Each start gets another name that cannot be guessed, with the configured servers unless declined."""
    servers = [{"urls": ["turn:turn.example:3478"], "username": "u", "credential": "c"}]
    server = await start_server(f"--SmallRTCLab.ice_servers={json.dumps(servers)}")
    await serving(server, "echo")
    first = (await server.ask("POST", "start", {"body": {"a": 1}})).json()
    assert first["iceConfig"] == {"iceServers": servers}
    second = (await server.ask("POST", "start", {"enableDefaultIceServers": False})).json()
    assert set(second) == {"sessionId"}
    assert len({first["sessionId"], second["sessionId"], "echo"}) == 3
    assert len(first["sessionId"]) > 20


async def test_no_ice_servers_no_ice_config(server: Any) -> None:
    """`iceConfig` is left out when there is nothing in it."""
    await serving(server, "echo")
    assert set((await server.ask("POST", "start", {})).json()) == {"sessionId"}


async def test_offers_carry_what_start_was_told(server: Any) -> None:
    """The `body` of start reaches the served session with an offer that has no request data of its own."""
    engine = await serving(server, "first", "second")
    for path, session in (("start", "first"), ("sessions/second/start", "second")):
        name = (await server.ask("POST", path, {"body": {"room": 7}})).json()["sessionId"]
        reply, request = await asyncio.gather(server.offer(name), engine.answer())
        assert (reply.status_code, request["session"]) == (200, session)
        assert (request["body"]["request_data"], request["body"]["session_id"]) == ({"room": 7}, name)
        _, request = await asyncio.gather(server.offer(name, requestData="mine"), engine.answer())
        assert request["body"]["request_data"] == "mine"
        patch = {"pc_id": "p1", "candidates": []}
        _, request = await asyncio.gather(
            server.ask("PATCH", f"sessions/{name}/api/offer", patch), engine.answer()
        )
        assert (request["session"], request["body"]) == (session, patch)


async def test_invitations_end_with_what_they_lead_to(server: Any) -> None:
    """When the session is served no longer its invitations open nothing."""
    engine = await serving(server, "echo")
    name = (await server.ask("POST", "start", {})).json()["sessionId"]
    await engine.send({"type": "session-close", "session": "echo"})
    reply = await server.offer("echo")
    assert (reply.status_code, reply.json()["reason"]) == (503, "engine-absent")
    reply = await server.offer(name)
    assert (reply.status_code, reply.json()["reason"]) == (404, "unknown-session")
    assert (await server.ask("POST", "start", {})).status_code == 503


async def test_invitations_outlive_an_engine_that_crashed(server: Any) -> None:
    """They lead to what the same kernel serves when it is back, and never to what another kernel serves."""
    engine = await serving(server, "echo")
    name = (await server.ask("POST", "start", {"body": 1})).json()["sessionId"]
    await engine.socket.close()
    assert (await server.offer(name)).status_code == 503  # a client tries again
    engine = await server.engine("echo", serves=True, kernel_id=engine.kernel_id)
    reply, request = await asyncio.gather(server.offer(name), engine.answer())
    assert (reply.status_code, request["body"]["request_data"]) == (200, 1)
    reply, _ = await asyncio.gather(server.offer(f"echo/sessions/{name}"), engine.answer())
    assert reply.status_code == 200
    await engine.socket.close()
    assert (await server.offer("echo")).status_code == 503
    await server.engine("echo", serves=True)
    assert (await server.offer(name)).status_code == 404


async def test_pages_of_an_origin_that_is_allowed(start_server: Any) -> None:
    """Their browsers' preflight is answered, and they can read answers and refusals alike."""
    origin = {"Origin": "https://a.example"}
    server = await start_server("--ServerApp.allow_origin=https://a.example")
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    preflight = await server.http.options(f"{server.url}sessions/echo/api/offer", headers=origin | asked)
    assert preflight.status_code < 300
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for status in (503, 200):
        reply = await server.http.post(f"{server.url}start", json={}, headers=server.headers | origin)
        assert reply.status_code == status
        assert reply.headers["Access-Control-Allow-Origin"] == "https://a.example"
        if status == 503:
            assert reply.json()["detail"] == reply.json()["message"]
            await serving(server, "echo")


async def test_too_many_starts(start_server: Any) -> None:
    """More open invitations than the server allows are refused with 429."""
    server = await start_server("--SmallRTCLab.max_invitations=2")
    await serving(server, "echo")
    codes = [(await server.ask("POST", "start", {})).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


async def test_the_protocols_own_addresses_at_the_root(start_server: Any) -> None:
    """With `at_root` the same requests work where clients of a standalone runner send them, and only for who may."""
    server = await start_server("--SmallRTCLab.at_root=True")
    engine = await serving(server, "echo")
    root = f"http://127.0.0.1:{server.app.port}"
    started = await server.http.post(f"{root}/start", json={"body": "b"}, headers=server.headers)
    name = started.json()["sessionId"]
    for path in (f"/sessions/{name}/api/offer", "/api/offer"):
        reply, request = await asyncio.gather(
            server.http.post(root + path, json=OFFER, headers=server.headers), engine.answer()
        )
        assert (reply.status_code, request["session"]) == (200, "echo")
    for path in ("/start", "/api/offer", f"/sessions/{name}/api/offer"):
        assert (await server.http.post(root + path, json=OFFER)).status_code == 403


async def test_without_at_root_nothing_is_answered_there(server: Any) -> None:
    """A Jupyter server's root stays its own."""
    base = server.url.removesuffix("smallrtc/")
    assert (await server.http.post(f"{base}start", json={}, headers=server.headers)).status_code in (404, 405)
