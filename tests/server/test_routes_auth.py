"""Who may ask: every route of the extension, as it is registered."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.routing import PathMatches, Rule, RuleRouter
from tornado.web import RequestHandler
from websockets.exceptions import InvalidStatus

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
OFFER = {"sdp": "v=0", "type": "offer"}
# No page may come here; an engine shows another proof (test_routes_link.py).
NOT_FOR_PAGES = {"smallrtc/link"}
# For a person, who is sent to the login page (test_routes_client.py).
FOR_PERSONS = {"smallrtc/client/"}
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


def rules(router: RuleRouter) -> Iterator[Rule]:
    for rule in router.rules:
        if isinstance(rule.target, RuleRouter):
            yield from rules(rule.target)
        else:
            yield rule


def registered(server: Any) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is registered below smallrtc/."""
    for rule in rules(server.app.web_app.default_router):
        pattern = rule.matcher.regex.pattern if isinstance(rule.matcher, PathMatches) else ""
        if "smallrtc/" not in pattern:
            continue
        path = (
            pattern[pattern.index("smallrtc/") :]
            .rstrip("$")
            .replace("([^/]+)", "s1")
            .replace("[^/]+", "s0")
            .replace(".*", "nowhere")
        )
        assert not re.search(r"[()\[\]*+?]", path), f"this test cannot make a path of {pattern}"
        for method in METHODS:
            if getattr(rule.target, method.lower()) is not RequestHandler._unimplemented_method:
                yield method, path


async def test_every_route_asks_who_is_there(server: Any) -> None:
    """Without a login nobody gets through, not even with a valid XSRF token, and the answer is JSON."""
    found = [(method, path) for method, path in registered(server) if path not in NOT_FOR_PAGES | FOR_PERSONS]
    assert len(found) >= 9, found
    for method, path in found:
        headers = {"Cookie": "_xsrf=abcd", "X-XSRFToken": "abcd"} | (UPGRADE if "socket" in path else {})
        url = server.url.removesuffix("smallrtc/") + path
        reply = await server.http.request(method, url, headers=headers, json=OFFER)
        assert reply.status_code == 403, (method, path)
        if method != "HEAD":
            assert reply.json()["reason"] == "login-required", (method, path)


async def test_every_route_says_so_itself(server: Any) -> None:
    """Each method carries Jupyter's own mark of authentication, whatever `allow_unauthenticated_access` is."""
    missing = []
    for rule in rules(server.app.web_app.default_router):
        if isinstance(rule.matcher, PathMatches) and "smallrtc/" in rule.matcher.regex.pattern:
            missing += server.app.web_app._check_handler_auth(rule.matcher, rule.target)
    assert missing == []


@contextlib.asynccontextmanager
async def login(server: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the cookies of somebody who opened Jupyter with the token's link."""
    base = server.url.removesuffix("smallrtc/")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        await client.get(f"{base}login")
        await client.get(f"{base}api/status", params={"token": "token-that-nobody-may-see"})
        assert "_xsrf" in client.cookies
        yield client


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_xsrf(server: Any, method: str) -> None:
    """With cookies alone a request is refused; with the cookie's value as X-XSRFToken it passes."""
    engine = await server.engine("s1")
    body = OFFER if method == "POST" else {"pc_id": "p", "candidates": []}
    async with login(server) as client:
        url = server.url + "sessions/s1/api/offer"
        for headers in ({}, {"X-XSRFToken": "wrong"}):
            reply = await client.request(method, url, json=body, headers=headers)
            assert (reply.status_code, reply.json()["reason"]) == (403, "xsrf")
        token = {"X-XSRFToken": client.cookies["_xsrf"]}
        reply, _ = await asyncio.gather(
            client.request(method, url, json=body, headers=token), engine.answer(200, {"status": "success"})
        )
        assert reply.status_code == 200


async def test_wrong_token(server: Any) -> None:
    """A wrong token is no login; a client that keeps its connections is told that this one ends."""
    reply = await server.ask("POST", "start", {}, headers={"Authorization": "token wrong"})
    assert (reply.status_code, reply.headers["Connection"]) == (403, "close")
    assert "Connection" not in (await server.ask("POST", "start", {})).headers


async def test_other_origins_are_refused(server: Any) -> None:
    """A page of another origin gets neither a socket nor an answer, although its browser sends the cookies."""
    await server.engine("s1")
    async with login(server) as client:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        evil = {"Origin": "http://evil.example", "Cookie": cookies}
        with pytest.raises(InvalidStatus) as refused:
            await server.dial("sessions/s1/socket", evil)
        assert refused.value.response.status_code == 403
        assert b"origin-not-allowed" in refused.value.response.body
        own = {"Origin": f"http://127.0.0.1:{server.app.port}", "Cookie": cookies}
        await server.dial("sessions/s1/socket", own)
        token = {"X-XSRFToken": client.cookies["_xsrf"], "Origin": "http://evil.example"}
        reply = await client.post(server.url + "sessions/s1/api/offer", json=OFFER, headers=token)
        assert reply.status_code in (403, 404)


class ReadOnly(Authorizer):
    """Lets people look and nothing else."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012

    async def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return action == "read"


async def test_the_authorizer_is_asked(server: Any) -> None:
    """Jupyter's authorizer decides on the resource `smallrtc`: read, write and, for the session socket, execute."""
    engine = await server.engine("s1")
    server.app.web_app.settings["authorizer"] = ReadOnly()
    assert (await server.offer("s1")).json()["reason"] == "not-authorized"
    with pytest.raises(InvalidStatus) as refused:
        await server.page("s1")
    assert refused.value.response.status_code == 403
    reply, _ = await asyncio.gather(
        server.ask("GET", "sessions/s1/pictures/x"), engine.answer(200, {"content_type": "image/png"}, b"x")
    )
    assert reply.status_code == 200
    assert ReadOnly.asked == [("write", "smallrtc"), ("execute", "smallrtc"), ("read", "smallrtc")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nowhere", 404),
        ("POST", "nowhere", 404),
        ("GET", "start", 405),
        ("DELETE", "sessions/s1/api/offer", 405),
    ],
)
async def test_errors_of_the_framework_are_json_too(server: Any, method: str, path: str, status: int) -> None:
    """Unknown addresses and methods are answered with a sentence and a code, not with a page."""
    reply = await server.ask(method, path)
    assert reply.status_code == status
    assert set(reply.json()) - {"detail"} == {"message", "reason"}
    assert reply.headers["content-type"] == "application/json"
