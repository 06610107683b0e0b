"""Relay sockets through a real Jupyter server: packets both ways, who may come, and what a deaf page costs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from smallrtc_lab.framing import unpack


async def relay_of(server: Any, session: str = "s1", **options: Any) -> Any:
    return await server.dial(f"sessions/{session}/media", server.headers, **options)


async def read(socket: Any) -> Any:
    async with asyncio.timeout(60):
        return await socket.recv()


async def media_at(engine: Any) -> tuple[dict[str, Any], bytes]:
    async with asyncio.timeout(60):
        return unpack(await engine.socket.recv())


async def close_code(socket: Any) -> int | None:
    async with asyncio.timeout(60):
        await socket.wait_closed()
    code: int | None = socket.close_code
    return code


async def test_packets_go_both_ways_as_they_are(server: Any) -> None:
    """With the page's key; the engine may close the socket, and hears when the page does."""
    engine = await server.engine("s1")
    page = await relay_of(server)
    opened = await engine.expect("media-open")
    assert opened["session"] == "s1"
    to_page = {"type": "media", "session": "s1", "page": opened["page"]}
    await page.send(b"\x01picture")
    assert await media_at(engine) == (to_page, b"\x01picture")
    await engine.send(to_page, b"\x02sound")
    assert await read(page) == b"\x02sound"
    await engine.send({**to_page, "type": "media-kick", "code": 4403, "reason": "live-elsewhere: so"})
    assert await close_code(page) == 4403
    assert page.close_reason == "live-elsewhere: so"
    assert (await engine.expect("media-close"))["page"] == opened["page"]
    other = await relay_of(server)
    await engine.expect("media-open")
    await other.close()
    await engine.expect("media-close")


async def test_without_an_engine_there_is_no_relay(server: Any) -> None:
    """404 for a session that never was, 503 for one whose engine is gone; then nothing is waited for."""
    with pytest.raises(InvalidStatus) as refused:
        await relay_of(server, "never")
    assert refused.value.response.status_code == 404
    engine = await server.engine("s1")
    page = await relay_of(server)
    await engine.expect("media-open")
    engine.socket.transport.abort()
    assert await close_code(page) == 4503
    with pytest.raises(InvalidStatus) as refused:
        await relay_of(server)
    assert refused.value.response.status_code == 503


async def test_what_is_no_packet_ends_the_socket(start_server: Any) -> None:
    """Text is 4400, a packet beyond `max_media_bytes` 1009, one socket too many 429."""
    server = await start_server("--SmallRTCLab.max_media_bytes=1000", "--SmallRTCLab.max_pages_per_session=1")
    await server.engine("s1")
    page = await relay_of(server)
    with pytest.raises(InvalidStatus) as refused:
        await relay_of(server)
    assert refused.value.response.status_code == 429
    await page.send("text")
    assert await close_code(page) == 4400
    page = await relay_of(server)
    await page.send(bytes(1001))
    assert await close_code(page) == 1009


async def test_a_flood_is_read_at_the_bitrate_that_is_allowed(start_server: Any) -> None:
    """Nothing of it is lost: the page is read more slowly."""
    server = await start_server("--SmallRTCLab.max_bitrate_bps=4000000")  # 1 MB/s, 2 MB at once
    engine = await server.engine("s1", max_size=2**24)
    page = await relay_of(server)
    await engine.expect("media-open")
    began_s = time.monotonic()
    sending = asyncio.gather(*(page.send(bytes(100_000)) for _ in range(35)))
    for _ in range(35):
        _, payload = await media_at(engine)
        assert len(payload) == 100_000
    await sending
    assert time.monotonic() - began_s > 0.8


async def test_a_page_that_reads_nothing_is_closed_and_delays_nobody(start_server: Any) -> None:
    """What waits for it is bounded; another page goes on meanwhile."""
    server = await start_server("--SmallRTCLab.max_queue_bytes=300000")
    engine = await server.engine("s1")
    deaf = await relay_of(server, deaf=True)
    to_deaf = {"type": "media", "session": "s1", "page": (await engine.expect("media-open"))["page"]}
    quick = await relay_of(server)
    to_quick = {**to_deaf, "page": (await engine.expect("media-open"))["page"]}
    for number in range(100):
        await engine.send(to_deaf, bytes(100_000))
        if number % 20 == 0:
            await engine.send(to_quick, b"%d" % number)
            assert await read(quick) == b"%d" % number
    with contextlib.suppress(ConnectionClosed):
        while await read(deaf):
            pass
    assert deaf.close_code in (4408, 1006)


async def test_a_client_of_what_is_served_is_known_by_its_invitation(server: Any) -> None:
    """The engine hears which client a socket is of and what it brought, and of its offers that they are the same's."""
    engine = await server.engine()
    await engine.send({"type": "session-open", "session": "echo", "serves": True})
    await engine.expect("session-served")
    name = (await server.ask("POST", "start", {"body": {"room": 7}, "relay": True})).json()["sessionId"]
    page = await relay_of(server, name)
    opened = await engine.expect("media-open")
    assert (opened["session"], opened["client"]) == ("echo", {"session_id": name, "body": {"room": 7}})
    asked = asyncio.create_task(server.offer(name))
    request = await engine.answer()
    assert (request["body"]["session_id"], request["body"]["relays"]) == (name, True)
    assert (await asked).status_code == 200
    await page.close()
    await engine.expect("media-close")


async def test_sockets_of_what_is_served_are_limited(start_server: Any) -> None:
    """Two for each client there may be; and no more new ones a minute than offers, for each may begin a bot."""
    server = await start_server("--SmallRTCLab.max_connections=1", "--SmallRTCLab.offers_per_minute=3")
    engine = await server.engine()
    await engine.send({"type": "session-open", "session": "echo", "serves": True})
    await engine.expect("session-served")
    pages = [await relay_of(server, "echo") for _ in range(2)]
    with pytest.raises(InvalidStatus) as refused:
        await relay_of(server, "echo")
    assert refused.value.response.status_code == 429
    for page in pages:
        await page.close()
    for _ in range(4):
        await engine.read()
    third, fourth = await relay_of(server, "echo"), await relay_of(server, "echo")
    assert await close_code(fourth) == 4429
    await third.close()
