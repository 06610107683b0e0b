"""Pictures and sounds for a cell, straight from the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

PATH = "sessions/s1/pictures/frame-7"


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "audio/wav"])
async def test_bytes_come_as_they_are_and_are_not_kept(server: Any, content_type: str) -> None:
    """A picture arrives byte for byte with its type, and no cache, no sniffing and no other origin may have it."""
    engine = await server.engine("s1")
    payload = bytes(range(256)) * 4000
    reply, request = await asyncio.gather(
        server.ask("GET", PATH), engine.answer(200, {"content_type": content_type}, payload)
    )
    assert (request["method"], request["body"]) == ("picture", {"name": "frame-7"})
    assert reply.content == payload
    assert reply.headers["content-type"] == content_type
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", None, 3, ["image/png"]])
async def test_what_a_browser_might_run_is_not_passed_on(server: Any, content_type: Any) -> None:
    """Anything but the three kinds is answered with 502."""
    engine = await server.engine("s1")
    reply, _ = await asyncio.gather(
        server.ask("GET", PATH), engine.answer(200, {"content_type": content_type}, b"<script>")
    )
    assert (reply.status_code, reply.json()["reason"]) == (502, "bad-reply")


async def test_a_picture_that_is_none(server: Any) -> None:
    """The engine's 404 passes, and so does the server's own for a session that never was."""
    engine = await server.engine("s1")
    body = {"message": "There is no such picture.", "reason": "unknown-picture"}
    reply, _ = await asyncio.gather(server.ask("GET", PATH), engine.answer(404, body))
    assert (reply.status_code, reply.json()) == (404, body)
    assert (await server.ask("GET", "sessions/never/pictures/x")).json()["reason"] == "unknown-session"
