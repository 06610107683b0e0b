"""The sockets of plots, through a real Jupyter server: beside the session socket and never in its way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from smallrtc_lab.framing import unpack

HELLO = {
    "type": "hello",
    "version": 1,
    "page": "random",
    "width": 640,
    "height": 320,
    "ratio": 1,
    "visible": True,
}


async def view_of(server: Any, plot: str = "p1", **options: Any) -> Any:
    """One view of a plot of session s1."""
    return await server.dial(f"sessions/s1/plots/{plot}/socket", server.headers, **options)


async def read(socket: Any) -> Any:
    async with asyncio.timeout(60):
        return await socket.recv()


async def test_a_view_and_its_engine_talk(server: Any) -> None:
    """What a view says reaches the engine with plot and key; pictures come back as binary messages."""
    engine = await server.engine("s1")
    view = await view_of(server)
    opened = await engine.expect("plot-open")
    assert (opened["session"], opened["plot"]) == ("s1", "p1")
    await view.send(json.dumps(HELLO))
    said = await engine.expect("plot")
    assert said["message"] == HELLO
    to_view = {"type": "plot", "session": "s1", "plot": "p1", "page": opened["page"]}
    await engine.send({**to_view, "message": {"type": "state", "state": "live"}})
    await engine.send({**to_view, "message": {"type": "picture", "n": 1}}, b"\xff\xd8jpeg")
    assert json.loads(await read(view)) == {"type": "state", "state": "live"}
    assert unpack(await read(view)) == ({"type": "picture", "n": 1}, b"\xff\xd8jpeg")
    await engine.send({**to_view, "type": "plot-kick", "code": 4404, "reason": "closed"})
    assert (await engine.expect("plot-close"))["page"] == opened["page"]


async def test_an_engine_that_comes_back_hears_how_the_view_stands(server: Any) -> None:
    """Size, theme and visibility that changed since the hello are in the hello that is repeated."""
    engine = await server.engine("s1")
    view = await view_of(server)
    await engine.expect("plot-open")
    await view.send(json.dumps(HELLO))
    for change in (
        {"type": "size", "width": 400, "height": 200, "ratio": 2},
        {"type": "theme", "theme": "dark"},
        {"type": "visible", "visible": False},
    ):
        await view.send(json.dumps(change))
    for _ in range(4):
        await engine.expect("plot")
    engine.socket.transport.abort()
    assert json.loads(await read(view)) == {"type": "engine", "state": "absent"}
    engine = await server.engine("s1", kernel_id=engine.kernel_id)
    assert json.loads(await read(view)) == {"type": "engine", "state": "here"}
    await engine.expect("plot-open")
    hello = (await engine.expect("plot"))["message"]
    assert (hello["width"], hello["ratio"], hello["theme"], hello["visible"]) == (400, 2, "dark", False)


async def test_a_view_that_reads_nothing_delays_nobody(start_server: Any) -> None:
    """Pictures for a view that does not read are dropped in its own outbox; the session socket goes on at once."""
    server = await start_server("--SmallRTCLab.max_queue_bytes=300000")
    engine = await server.engine("s1")
    deaf = await view_of(server, deaf=True)
    slow = (await engine.expect("plot-open"))["page"]
    page, other = await server.page("s1"), await view_of(server, "p2")
    keys = {(await engine.read())["page"] for _ in range(2)}
    assert slow not in keys
    outbox = next(iter(server.extension.broker._sessions)).pages[slow].outbox
    to_slow = {"type": "plot", "session": "s1", "plot": "p1", "page": slow}
    for number in range(200):
        await engine.send({**to_slow, "message": {"type": "picture", "n": number}}, b"x" * 73_000)
    for key in keys:
        told = {"type": "log", "text": "quick"}
        await engine.send({"type": "page", "session": "s1", "page": key, "message": told})
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert [json.loads(await read(one))["text"] for one in (page.socket, other)] == ["quick", "quick"]
    print(f"after {1000 * (loop.time() - began_s):.0f} ms; {outbox.dropped} pictures dropped")
    assert outbox.dropped > 50
    deaf.transport.abort()


async def test_refused_before_the_upgrade(start_server: Any) -> None:
    """A plot's name that can be none is 404, one view too many 429; pages are counted for themselves."""
    server = await start_server(
        "--SmallRTCLab.max_plots_per_session=1", "--SmallRTCLab.max_pages_per_session=1"
    )
    await server.engine("s1")
    await view_of(server)
    for plot, status, reason in (("a%20b", 404, "unknown-plot"), ("p2", 429, "too-many-plots")):
        with pytest.raises(InvalidStatus) as refused:
            await view_of(server, plot)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["reason"] == reason
    await server.page("s1")
