"""The session socket of a page, through a real Jupyter server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

HELLO = {"type": "hello", "version": 1, "page": "random", "visible": True}


async def test_a_page_and_its_engine_talk(server: Any) -> None:
    """What a page says reaches its engine with the page's key, and the engine's words reach that page alone."""
    engine = await server.engine("s1")
    page, other = await server.page("s1"), await server.page("s1")
    first, second = await engine.expect("page-open"), await engine.expect("page-open")
    assert first["page"] != second["page"]
    await page.send(HELLO)
    said = await engine.expect("page")
    assert (said["session"], said["message"]) == ("s1", HELLO)
    await engine.send(
        {"type": "page", "session": "s1", "page": said["page"], "message": {"type": "log", "text": "é"}}
    )
    assert await page.read() == {"type": "log", "text": "é"}
    await page.socket.close()
    assert (await engine.expect("page-close"))["page"] == said["page"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await other.socket.recv()


async def test_kick(server: Any) -> None:
    """The engine closes a page with a code and a reason, cut to what a close frame holds."""
    engine = await server.engine("s1")
    page = await server.page("s1")
    key = (await engine.expect("page-open"))["page"]
    await engine.send({"type": "page-kick", "session": "s1", "page": key, "code": 4001, "reason": "ü" * 100})
    assert await page.closed() == 4001
    assert page.socket.close_reason == "ü" * 61
    await engine.expect("page-close")


async def test_engine_lost_and_back(server: Any) -> None:
    """A page hears of both, its socket stays, and the returning engine hears of the page and its hello."""
    engine = await server.engine("s1")
    page = await server.page("s1")
    await page.send(HELLO)
    await engine.expect("page-open")
    await engine.expect("page")
    engine.socket.transport.abort()
    assert await page.read() == {"type": "engine", "state": "absent"}
    engine = await server.engine("s1", kernel_id=engine.kernel_id)
    assert await page.read() == {"type": "engine", "state": "here"}
    opened, said = await engine.expect("page-open"), await engine.expect("page")
    assert (said["page"], said["message"]) == (opened["page"], HELLO)


async def test_a_page_before_its_engine(start_server: Any) -> None:
    """A page that comes first waits for the engine; for one that never comes it is closed with 4404."""
    server = await start_server("--SmallRTCLab.engine_wait_s=2.5")
    page, lonely = await server.page("s1"), await server.page("never")
    await page.send(HELLO)
    engine = await server.engine("s1")
    await engine.expect("page-open")
    assert (await engine.expect("page"))["message"] == HELLO
    assert await lonely.closed() == 4404


async def test_refused_before_the_upgrade(start_server: Any) -> None:
    """A name that can be none is 404 and one page too many is 429, both with JSON."""
    server = await start_server("--SmallRTCLab.max_pages_per_session=1")
    await server.engine("s1")
    await server.page("s1")
    for session, status, reason in (("a%20b", 404, "unknown-session"), ("s1", 429, "too-many-pages")):
        with pytest.raises(InvalidStatus) as refused:
            await server.page(session)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["reason"] == reason


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"type": 3}', "[" * 60_000, b"{}"])
async def test_junk_closes_the_page(server: Any, junk: Any) -> None:
    """A page that speaks nonsense is closed with 4400; the engine and its other pages notice only that."""
    engine = await server.engine("s1")
    page, other = await server.page("s1"), await server.page("s1")
    await engine.expect("page-open")
    await engine.expect("page-open")
    await page.socket.send(junk)
    assert await page.closed() == 4400
    await engine.expect("page-close")
    await other.send(HELLO)
    assert (await engine.expect("page"))["message"] == HELLO


async def test_a_message_too_large_closes_the_page(server: Any) -> None:
    """One byte more than `max_message_bytes` ends the socket, one byte less passes."""
    engine = await server.engine("s1")
    page = await server.page("s1")
    await engine.expect("page-open")
    frame = '{"type":"log","x":""}'
    await page.socket.send(frame.replace('""', '"' + "x" * (64 * 1024 - len(frame)) + '"'))
    await engine.expect("page")
    with contextlib.suppress(ConnectionClosed):  # it may be closed while the message is still on its way
        await page.socket.send("x" * (64 * 1024 + 1))
    assert await page.closed() in (1006, 1009)
    await engine.expect("page-close")


async def test_a_page_that_reads_nothing(start_server: Any) -> None:
    """Statistics for a page that does not read are dropped; other messages end it; other pages are served meanwhile."""
    server = await start_server("--SmallRTCLab.max_queue_messages=20", "--SmallRTCLab.write_timeout_s=1.5")
    engine = await server.engine("s1")
    slow, quick = await server.page("s1", deaf=True), await server.page("s1")
    keys = [(await engine.expect("page-open"))["page"] for _ in range(2)]
    outbox = next(iter(server.extension.broker._sessions)).pages[keys[0]].outbox
    for number in range(400):
        message = {"type": "stats", "number": number, "x": "x" * 20_000}
        await engine.send({"type": "page", "session": "s1", "page": keys[0], "message": message})
    await engine.send(
        {"type": "page", "session": "s1", "page": keys[1], "message": {"type": "log", "text": "quick"}}
    )
    assert (await quick.read())["text"] == "quick"
    assert outbox.dropped > 100
    for _ in range(21):
        message = {"type": "command", "command": "stop"}
        await engine.send({"type": "page", "session": "s1", "page": keys[0], "message": message})
    assert (await engine.expect("page-close"))["page"] == keys[0]
    slow.socket.transport.abort()


async def test_a_flood_is_slowed_and_disturbs_nobody(start_server: Any) -> None:
    """A page that floods is read at its rate; what another page says meanwhile arrives at once."""
    server = await start_server("--SmallRTCLab.messages_per_second=50")
    engine = await server.engine("s1")
    flood, calm = await server.page("s1"), await server.page("s1")
    await engine.expect("page-open")
    await engine.expect("page-open")

    async def pour() -> None:
        for number in range(2000):
            await flood.send({"type": "control", "number": number})

    pouring = asyncio.create_task(pour())
    await asyncio.sleep(0.3)
    await calm.send({"type": "visible", "visible": False})
    loop = asyncio.get_running_loop()
    began_s, before = loop.time(), 0
    while (await engine.expect("page"))["message"]["type"] == "control":
        before += 1
    print(f"{before} messages of the flood came first, in {loop.time() - began_s:.2f} s")
    assert before < 1000
    pouring.cancel()
    await asyncio.gather(pouring, return_exceptions=True)
    flood.socket.transport.abort()


async def test_plain_request(server: Any) -> None:
    """The socket's address without a WebSocket answers with a sentence."""
    reply = await server.ask("GET", "sessions/s1/socket")
    assert (reply.status_code, reply.json()["reason"]) == (400, "not-a-websocket")
