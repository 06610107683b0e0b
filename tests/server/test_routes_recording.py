"""A recording's file, read by the engine and handed on piece by piece."""

from __future__ import annotations

import asyncio
from typing import Any

PATH = "sessions/s1/recordings/3/0"
PIECE = 512 * 1024


async def test_a_file_comes_in_pieces_and_whole(server: Any) -> None:
    """Byte for byte, with its name and its length, for who is logged in and no page of another origin."""
    engine = await server.engine("s1")
    content = bytes(range(256)) * 5000

    async def read() -> list[dict[str, Any]]:
        asked = []
        while sum(len(content[one["offset"] :][:PIECE]) for one in asked) < len(content):
            offset = len(asked) * PIECE
            body = {"name": "lécture.webm", "size": len(content)}
            asked.append((await engine.answer(200, body, content[offset : offset + PIECE]))["body"])
        return asked

    reply, asked = await asyncio.gather(server.ask("GET", PATH), read())
    assert reply.content == content
    assert [(one["number"], one["index"], one["offset"]) for one in asked] == [
        (3, 0, 0),
        (3, 0, PIECE),
        (3, 0, 2 * PIECE),
    ]
    assert reply.headers["content-type"] == "video/webm"
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''l%C3%A9cture.webm"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_recording_that_is_none(server: Any) -> None:
    """The engine's 404 passes; numbers that are none, and answers without sense, are refused."""
    engine = await server.engine("s1")
    body = {"message": "There is no such recording.", "reason": "unknown-recording"}
    reply, _ = await asyncio.gather(server.ask("GET", PATH), engine.answer(404, body))
    assert (reply.status_code, reply.json()) == (404, body)
    assert (await server.ask("GET", "sessions/s1/recordings/x/0")).status_code == 404
    reply, _ = await asyncio.gather(server.ask("GET", PATH), engine.answer(200, {"name": 3}, b"x"))
    assert (reply.status_code, reply.json()["reason"]) == (502, "bad-reply")
