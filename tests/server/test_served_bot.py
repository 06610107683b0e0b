"""A bot served by a kernel: its media in a real engine, its code on a thread here, its clients from outside."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from support.outside import COLOUR, PEER_LEFT, TONE_HZ, Client, until

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.served import ServedBot
from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc.transport import SmallWebRTCTransport
from smallrtc_lab.server.proof import link_proof

DEADLINE_S = 60.0
EVERYTHING = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True
)


def outside(server: Any) -> Client:
    """A client that knows the server's token."""
    return Client(server.url, server.headers["Authorization"].removeprefix("token "))


def bot_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("smallrtc bot")}


@asynccontextmanager
async def serving(
    server: Any, bot: Any, *, name: str = "echo", **options: Any
) -> AsyncIterator[tuple[ServedBot, list[str]]]:
    """Serve as a kernel does; the engine and all threads are gone afterwards."""
    kernel = await server.idle_kernel()
    proof = link_proof(kernel, server.key(kernel))
    link = {"server": server.extension.address.url, "kernel_id": kernel, "proof": proof, "certificate": None}
    reports: list[str] = []
    before = bot_threads()
    client = EngineClient(link)
    served = ServedBot(client, name, bot, reports.append, options={"mode": "multiple"} | options)
    await asyncio.to_thread(served.open)
    try:
        sessions = server.extension.broker._sessions
        await until(
            lambda: served.refusal or any(one.served and one.link.kernel_id == kernel for one in sessions)
        )
        yield served, reports
    finally:
        await asyncio.to_thread(served.close)
        assert client.pid is None
        assert bot_threads() <= before


async def echo(runner_args: RunnerArguments) -> None:
    """Two loops: what comes in goes out; messages too, with what the client brought."""
    transport = SmallWebRTCTransport(runner_args.webrtc_connection, EVERYTHING)

    @transport.event_handler("on_app_message")
    async def got(transport: SmallWebRTCTransport, message: Any, sender: str) -> None:
        await transport.send_message({"echo": message, "from": sender, "body": runner_args.body})

    async def pictures() -> None:
        async for frame in transport.input().video_frames("camera"):
            await transport.output().write_video_frame(255 - frame.image)

    async def sound() -> None:
        async for clip in transport.input().audio_frames():
            await transport.output().write_audio_frame(clip)

    await asyncio.gather(pictures(), sound())


async def test_an_echo_of_picture_sound_and_messages(server: Any) -> None:
    """All three cross engine and bridge both ways, and when the client leaves its bot ends by itself."""
    async with serving(server, echo) as (served, reports):
        client = outside(server)
        assert (await client.join(body={"room": 7})).status_code == 200
        client.say("hello")
        await until(lambda: client.messages)
        (who,) = served.clients
        assert client.messages == [{"echo": "hello", "from": who.pc_id, "body": {"room": 7}}]
        assert abs(time.time() - who.since_s) < DEADLINE_S
        inverted = 255 - np.array(COLOUR)
        await client.picture(lambda image: bool(np.abs(image.mean((0, 1)) - inverted).max() < 12))
        assert abs(await client.tone_hz() - TONE_HZ) < 5
        await client.close()
        await until(lambda: not served.clients)
        assert reports == []


async def test_two_clients_a_failing_bot_and_a_busy_one(server: Any) -> None:
    """Each client has a bot of its own: one that raises is told and reported, one that blocks harms no other."""
    free = threading.Event()

    async def bot(runner_args: RunnerArguments) -> None:
        connection, here = runner_args.webrtc_connection, asyncio.Event()
        connection.event_handler("connected")(lambda _: here.set())
        await connection.connect()
        await here.wait()
        connection.send_app_message("welcome")
        if runner_args.body == "block":
            free.wait(DEADLINE_S)
        if runner_args.body == "fail":
            raise LookupError("no such voice")
        await asyncio.sleep(3600)

    async with serving(server, bot) as (served, reports):
        clients = {body: outside(server) for body in ("block", "fail", "stay")}
        for body, client in clients.items():
            assert (await client.join(body=body)).status_code == 200
            await until(lambda client=client: client.messages)
        await until(lambda: reports)
        assert "LookupError: no such voice" in reports[0]
        failed = clients["fail"]
        await until(lambda: failed.messages[-1] == PEER_LEFT)
        assert len(served.clients) == 2
        free.set()
    stays = clients["stay"]
    await until(lambda: stays.messages[-1] == PEER_LEFT)
    for client in clients.values():
        await client.close()


async def test_single_mode_limits_and_taken_names(server: Any) -> None:
    """A second client is refused where one is allowed, and a name that another kernel serves is reported."""
    async with serving(server, echo, mode="single") as (_, reports):
        first, second = outside(server), outside(server)
        assert (await first.join("echo")).status_code == 200
        refused = await second.join("echo")
        assert (refused.status_code, refused.json()["reason"]) == (400, "busy")
        async with serving(server, echo) as (other, others):
            assert other.refusal is not None
            assert "another kernel" in others[0].lower()
        assert reports == []
        for client in (first, second):
            await client.close()
