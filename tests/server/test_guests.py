"""Guests of a served session: their link opens that session, and nothing else of the server."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

TOKEN = "a-guest-token-of-some-length"
OFFER = {"sdp": "v=0", "type": "offer"}
GUEST = {"Authorization": f"guest {TOKEN}"}


async def serving(server: Any, session: str = "echo", token: Any = TOKEN) -> Any:
    """An engine with one served session, once the server has heard of it, and another that is not served."""
    engine = await server.engine("private")
    await engine.send({"type": "session-open", "session": session, "serves": True, "guest_token": token})
    await engine.expect("session-served")
    reply, _ = await asyncio.gather(server.offer(session), engine.answer())
    assert reply.status_code == 200
    return engine


async def ask(
    server: Any, method: str, path: str, body: Any = None, headers: dict[str, str] = GUEST
) -> httpx.Response:
    """A request of somebody without any cookie."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.request(method, server.url + path, json=body, headers=headers)


async def test_a_guest_meets_what_is_served(server: Any) -> None:
    """With the token alone: start, offers by its name or directly, candidates; the engine sees an ordinary client."""
    engine = await serving(server)
    started = await ask(server, "POST", "sessions/echo/start", {"body": 1})
    name = started.json()["sessionId"]
    for path in ("sessions/echo/api/offer", "api/offer", f"sessions/{name}/api/offer"):
        reply, request = await asyncio.gather(ask(server, "POST", path, OFFER), engine.answer())
        assert (reply.status_code, request["session"]) == (200, "echo"), path
    patch = {"pc_id": "p", "candidates": []}
    reply, request = await asyncio.gather(
        ask(server, "PATCH", f"sessions/{name}/api/offer", patch), engine.answer()
    )
    assert (reply.status_code, request["method"]) == (200, "patch")
    reply = await ask(server, "POST", f"start?guest_token={TOKEN}", {}, {})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "sessions/private/api/offer"),
        ("PATCH", "sessions/private/api/offer"),
        ("POST", "sessions/private/start"),
        ("GET", "sessions/echo/pictures/x"),
        ("GET", "sessions/echo/socket"),
        ("GET", "nowhere"),
    ],
)
async def test_a_guest_opens_nothing_else_here(server: Any, method: str, path: str) -> None:
    """Other sessions, pictures, the session socket: refused with 403, whatever the token."""
    await serving(server)
    body = None if method == "GET" else OFFER | {"pc_id": "p", "candidates": []}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = GUEST | (
        upgrade | {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} if "socket" in path else {}
    )
    reply = await ask(server, method, path, body, headers)
    assert reply.status_code == 403
    assert reply.json()["reason"] in ("not-your-session", "login-required")


async def test_a_guest_is_relayed_to_what_it_is_guest_of(server: Any) -> None:
    """By its own invitation or the session's name; the relay socket of any other session is refused."""
    engine = await serving(server)
    name = (await ask(server, "POST", "sessions/echo/start", {})).json()["sessionId"]
    for session in (name, "echo"):
        page = await server.dial(f"sessions/{session}/media", GUEST)
        assert (await engine.expect("media-open"))["session"] == "echo"
        await page.close()
        await engine.expect("media-close")
    for headers, session in ((GUEST, "private"), ({"Authorization": "guest of-nobody-at-all-here"}, "echo")):
        with pytest.raises(InvalidStatus) as refused:
            await server.dial(f"sessions/{session}/media", headers)
        assert refused.value.response.status_code == 403


async def test_a_guest_opens_nothing_of_jupyter(server: Any) -> None:
    """Neither as a token of Jupyter's nor as a guest's: no contents, no kernels, no page of its own."""
    await serving(server)
    base = server.url.removesuffix("smallrtc/")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        page = await client.get(f"{server.url}client/?session=echo&guest_token={TOKEN}")
        assert page.status_code == 200  # and the cookie of a guest is in the client now
        for path in ("api/contents", "api/kernels", "api/sessions", "api/terminals"):
            for more in ({}, {"headers": GUEST}, {"params": {"token": TOKEN}}):
                reply = await client.get(base + path, **more)
                assert reply.status_code in (403, 404), path


async def test_the_page_keeps_its_guest_by_a_cookie(server: Any) -> None:
    """The link's page sets a cookie that scripts cannot read; its requests then need the XSRF value, as a login's."""
    engine = await serving(server)
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        page = await client.get(f"{server.url}client/?session=echo&guest_token={TOKEN}")
        cookie = next(c for c in page.headers.get_list("set-cookie") if c.startswith("smallrtc-guest"))
        assert "HttpOnly" in cookie
        assert TOKEN not in cookie
        assert (await client.get(f"{server.url}client/page.js")).status_code == 200
        refused = await client.post(f"{server.url}sessions/echo/start", json={})
        assert (refused.status_code, refused.json()["reason"]) == (403, "xsrf")
        xsrf = {"X-XSRFToken": client.cookies["_xsrf"]}
        started = await client.post(f"{server.url}sessions/echo/start", json={}, headers=xsrf)
        name = started.json()["sessionId"]
        url = f"{server.url}sessions/{name}/api/offer"
        reply, _ = await asyncio.gather(client.post(url, json=OFFER, headers=xsrf), engine.answer())
        assert reply.status_code == 200


async def test_a_token_ends_with_what_it_is_for(server: Any) -> None:
    """A wrong token, one of a session that is served no longer, and one too short to be a secret admit nobody."""
    engine = await serving(server)
    wrong = {"Authorization": "guest another-token-of-some-length"}
    assert (await ask(server, "POST", "start", {}, wrong)).status_code == 403
    await engine.send({"type": "session-close", "session": "echo"})
    await engine.send({"type": "session-open", "session": "short", "serves": True, "guest_token": "short"})
    await engine.expect("session-served")
    reply, _ = await asyncio.gather(server.offer("short"), engine.answer())
    assert reply.status_code == 200
    for headers in (GUEST, {"Authorization": "guest short"}, {"Authorization": "guest"}):
        assert (await ask(server, "POST", "start", {}, headers)).status_code == 403


async def test_a_person_with_a_login_is_no_guest(server: Any) -> None:
    """Whoever Jupyter knows may do what they may, also with a guest's link in the address."""
    engine = await serving(server)
    reply, request = await asyncio.gather(
        server.ask("POST", f"sessions/private/api/offer?guest_token={TOKEN}", OFFER), engine.answer()
    )
    assert (reply.status_code, request["session"]) == (200, "private")
