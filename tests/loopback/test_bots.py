"""A bot served to several clients at once, each a real peer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.host import BotHost, HostOptions
from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.requests import ConnectionMode

DEADLINE_S = 10.0
LOOPBACK = {"loopback": True}


@asynccontextmanager
async def hosted(bot: Any, **options: Any) -> AsyncIterator[tuple[BotHost, list[str]]]:
    reports: list[str] = []
    host = BotHost(bot, HostOptions(connection_options=LOOPBACK, **options), reports.append)
    try:
        yield host, reports
    finally:
        await host.close()


async def join(host: BotHost, browser: Any, **fields: Any) -> dict[str, Any]:
    """One client joins; the answer."""
    answer = await host.offer({"sdp": await browser.offer(), "type": "offer", **fields})
    await browser.accept(answer)
    await browser.opened()
    return answer


async def greeter(runner_args: RunnerArguments) -> None:
    """Tells its client what it was told, and where it runs, until the client leaves."""
    connection, left = runner_args.webrtc_connection, asyncio.Event()
    connection.call_when_closed(lambda _: left.set())
    await connection.connect()
    connection.send_app_message([runner_args.body, runner_args.session_id, threading.current_thread().ident])
    await left.wait()


async def test_each_client_has_a_bot_of_its_own(wire: Any) -> None:
    """Two clients are served at once on two threads, each with its own data; when they leave, nothing is left."""
    browsers = [wire.Browser(audio="sendrecv"), wire.Browser(audio="sendrecv")]
    threads = threading.active_count()
    async with hosted(greeter) as (host, reports):
        answers = [
            await join(host, browser, request_data=number, session_id=f"s{number}")
            for number, browser in enumerate(browsers)
        ]
        assert host.connections == [answer["pc_id"] for answer in answers]
        assert [(who.pc_id, who.session_id) for who in host.clients] == [
            (answer["pc_id"], f"s{number}") for number, answer in enumerate(answers)
        ]
        assert all(who.state == "connected" for who in host.clients)
        for browser in browsers:
            await wire.until(lambda browser=browser: browser.messages)
        told = [browser.messages[0] for browser in browsers]
        assert [entry[:2] for entry in told] == [[0, "s0"], [1, "s1"]]
        assert told[0][2] != told[1][2]
        for browser in browsers:
            await browser.close()
        await wire.until(lambda: not host.connections, 20)
        assert reports == []
    await wire.until(lambda: threading.active_count() <= threads + 1)  # the executor's thread may stay


async def test_renegotiation_and_candidates_find_their_bot(wire: Any) -> None:
    """A known pc_id renegotiates with the same bot; a restart gives a new name that works from then on."""
    browser = wire.Browser(audio="sendrecv")
    async with hosted(greeter) as (host, _):
        first = await join(host, browser)
        assert await host.patch({"pc_id": first["pc_id"], "candidates": []}) == {"status": "success"}
        again = await host.offer({"sdp": await browser.offer(), "type": "offer", "pc_id": first["pc_id"]})
        assert again["pc_id"] == first["pc_id"]
        other = wire.Browser(audio="sendrecv")
        restarted = await join(host, other, pc_id=first["pc_id"], restart_pc=True)
        assert host.connections == [restarted["pc_id"]] != [first["pc_id"]]
        with pytest.raises(RequestError) as refused:
            await host.patch({"pc_id": first["pc_id"], "candidates": []})
        assert refused.value.status == 404
        for one in (browser, other):
            await one.close()


async def test_limits_and_single_mode_refuse_clearly(wire: Any) -> None:
    """One more than allowed is 429; in single mode a second client, or a wrong name, is 400."""
    browser, more = wire.Browser(audio="sendrecv"), wire.Browser(audio="sendrecv")
    offer = {"sdp": await more.offer(), "type": "offer"}
    async with hosted(greeter) as (host, _):
        host.use(ice_servers=[], max_connections=1)
        await join(host, browser)
        with pytest.raises(RequestError, match="one connection already") as refused:
            await host.offer(offer)
        assert refused.value.status == 429
    single = wire.Browser(audio="sendrecv")
    async with hosted(greeter, mode=ConnectionMode.SINGLE) as (host, _):
        await join(host, single)
        for pc_id, code in ((None, "busy"), ("wrong", "wrong-pc-id")):
            with pytest.raises(RequestError) as refused:
                await host.offer({**offer, "pc_id": pc_id})
            assert (refused.value.status, refused.value.code) == (400, code)
    for one in (browser, more, single):
        await one.close()


async def test_a_bot_that_fails_harms_nobody_else(wire: Any) -> None:
    """Its error is reported, its client is told peerLeft, and the next client is served."""

    async def failing(runner_args: RunnerArguments) -> None:
        await runner_args.webrtc_connection.connect()
        if runner_args.body == "fail":
            raise LookupError("no such voice")
        await greeter(runner_args)

    bad, good = wire.Browser(audio="sendrecv"), wire.Browser(audio="sendrecv")
    async with hosted(failing) as (host, reports):
        await host.offer({"sdp": await bad.offer(), "type": "offer", "request_data": "fail"})
        await wire.until(lambda: reports)
        assert "LookupError: no such voice" in reports[0]
        await join(host, good)
        await wire.until(lambda: good.messages)
    await wire.until(lambda: {"type": "signalling", "message": {"type": "peerLeft"}} in good.messages)
    for one in (bad, good):
        await one.close()


async def test_a_bad_offer_leaves_nothing_behind() -> None:
    """It is refused with 400, and its bot's thread ends."""
    threads = threading.active_count()
    async with hosted(greeter) as (host, _):
        with pytest.raises(RequestError) as refused:
            await host.offer({"sdp": "nonsense", "type": "offer"})
        assert refused.value.status == 400
        async with asyncio.timeout(DEADLINE_S):
            while threading.active_count() > threads:
                await asyncio.sleep(0.01)
