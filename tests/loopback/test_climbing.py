"""A served bot's client that comes by a relay socket, by WebRTC, or by one after the other: the bot meets it once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import numpy as np
import pytest
from support.knownmedia import tone_of
from support.linkserver import LinkServer, link_server
from support.relaypage import RelayPage
from support.waiting import until

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.host import BotHost, HostOptions
from smallrtc_lab.bots.served import ServedBot
from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.engine.relaying.visitors import VisitorSockets
from smallrtc_lab.params import TransportParams
from smallrtc_lab.relay.packets import Control
from smallrtc_lab.rtc.clients import ClientInfo
from smallrtc_lab.rtc.requests import ConnectionMode
from smallrtc_lab.rtc.transport import SmallWebRTCTransport

BOTH = TransportParams(
    audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True
)
INVITED = {"session_id": "a-name", "relays": True}


class Echo:
    """A bot that gives everything back, and what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.messages: list[Any] = []
        self.missing = ""
        self.bodies: list[Any] = []

    async def bot(self, runner_args: RunnerArguments) -> None:
        connection = runner_args.webrtc_connection
        self.bodies.append((runner_args.body, runner_args.session_id))
        transport = SmallWebRTCTransport(connection, BOTH)
        for event in ("connected", "disconnected", "closed", "track-started"):
            connection.event_handler(event)(lambda *_, event=event: self.events.append(event))

        @transport.event_handler("on_client_connected")
        async def came(transport: Any, client: Any) -> None:
            self.events.append("on_client_connected")
            self.missing = "" if hasattr(client, "pc") else "no pc"

        @transport.event_handler("on_client_disconnected")
        async def left(transport: Any, client: Any) -> None:
            self.events.append("on_client_disconnected")

        @transport.event_handler("on_app_message")
        async def heard(transport: Any, message: Any, sender: str) -> None:
            self.messages.append(message)
            await transport.send_message({"echo": message})

        async def pictures() -> None:
            async for frame in transport.input().video_frames("camera"):
                await transport.output().write_video_frame(255 - frame.image)

        async def sounds() -> None:
            async for clip in transport.input().audio_frames():
                await transport.output().write_audio_frame(clip)

        await asyncio.gather(pictures(), sounds())


class Party(Protocol):
    """Whoever serves the bot, seen from the server."""

    def dial(self, name: str = "a-name", body: Any = None, **options: Any) -> RelayPage:
        """A relay socket of a client's."""

    def lose(self, page: RelayPage) -> None:
        """That socket is gone."""

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        """A client's offer."""

    @property
    def clients(self) -> list[ClientInfo]:
        """Who is here."""


class ProcessParty:
    """The bot in a process of its own, without that process and without the link."""

    def __init__(self, host: BotHost) -> None:
        self._host = host
        self._pages: dict[str, RelayPage] = {}
        self._sockets = VisitorSockets(self, lambda visitor: host.relays_of(visitor, self))

    def dial(self, name: str = "a-name", body: Any = None, **options: Any) -> RelayPage:
        key = f"k{len(self._pages)}"
        page = self._pages[key] = RelayPage(lambda content: self._say(key, "", content), **options)
        self._say(key, "-open", client={"session_id": name, "body": body})
        return page

    def lose(self, page: RelayPage) -> None:
        self._say(next(key for key, one in self._pages.items() if one is page), "-close")

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._host.offer(body)

    @property
    def clients(self) -> list[ClientInfo]:
        return self._host.clients

    def send(self, key: str, content: bytes) -> None:
        self._pages[key].take(content)

    def close(self, key: str, code: int, reason: str) -> None:
        self._pages[key].closed = (code, reason)
        self._say(key, "-close")

    def _say(self, key: str, what: str, content: bytes = b"", **more: Any) -> None:
        self._sockets.received({"type": f"media{what}", "page": key, **more}, content)


class KernelParty:
    """The bot in a kernel: a real engine, its bridge, and a link without a Jupyter server."""

    def __init__(self, link: LinkServer, served: ServedBot) -> None:
        self._link = link
        self._served = served

    def dial(self, name: str = "a-name", body: Any = None, **options: Any) -> RelayPage:
        return self._link.relay("bot", {"session_id": name, "body": body}, **options)

    def lose(self, page: RelayPage) -> None:
        self._link.lose("bot", page)

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._link.ask("bot", "offer", body)

    @property
    def clients(self) -> list[ClientInfo]:
        return self._served.clients


@asynccontextmanager
async def in_a_process(bot: Any, reports: list[str], mode: str, most: int | None) -> AsyncIterator[Party]:
    options = HostOptions(
        connection_options={"loopback": True}, mode=ConnectionMode(mode), max_connections=most
    )
    host = BotHost(bot, options, reports.append)
    try:
        yield ProcessParty(host)
    finally:
        await host.close()


@asynccontextmanager
async def in_a_kernel(bot: Any, reports: list[str], mode: str, most: int | None) -> AsyncIterator[Party]:
    options = {"mode": mode, "max_connections": most, "guest_token": None}
    async with link_server() as link:
        client = EngineClient(link.arguments)
        served = ServedBot(client, "bot", bot, reports.append, options=options)
        try:
            await asyncio.to_thread(served.open)
            yield KernelParty(link, served)
        finally:
            await asyncio.to_thread(served.close)
            await asyncio.to_thread(client.stop)


HOMES = {"process": in_a_process, "kernel": in_a_kernel}


@pytest.fixture(params=list(HOMES))
def served(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Serve a bot: ``async with served(bot, reports) as party``, wherever the bot is at home."""

    @asynccontextmanager
    async def serve(
        bot: Any, reports: list[str], mode: str = "multiple", most: int | None = None
    ) -> AsyncIterator[Party]:
        async with HOMES[request.param](bot, reports, mode, most) as party:
            yield party
        await until(lambda: not any("smallrtc bot" in one.name for one in threading.enumerate()))

    return serve


async def welcomed(page: RelayPage) -> RelayPage:
    page.hello()
    async with asyncio.timeout(60):
        await page.welcomed.wait()
    page.start()
    return page


async def test_a_client_that_is_relayed_meets_the_bot_as_any_other(served: Any) -> None:
    """Picture, tone and messages go both ways; it knows no peer connection; when it says bye, the bot is told."""
    echo, reports = Echo(), list[str]()
    async with served(echo.bot, reports) as party:
        page = await welcomed(party.dial(body={"room": 7}))
        await until(lambda: page.pictures_came > 5 and page.sounds_came > 60)
        assert echo.bodies == [({"room": 7}, "a-name")]
        assert [(who.session_id, who.state) for who in party.clients] == [("a-name", "connected")]
        hz, _ = tone_of(np.concatenate(page.sounds[-40:])[:, 0] / 32768, 48_000)
        assert hz == pytest.approx(700, abs=5)
        for number in range(20):
            page.say(number)
        await until(lambda: page.messages == [{"echo": number} for number in range(20)])
        assert echo.missing == "no pc"
        await page.stop()
        page.send(Control({"type": "bye"}))
        await until(lambda: not party.clients and "on_client_disconnected" in echo.events)
    assert echo.events.count("connected") == echo.events.count("closed") == 1
    assert reports == []


async def offered(party: Party, browser: Any) -> None:
    """A peer of aiortc's comes by WebRTC, as the client that is known by that name."""
    await browser.accept(await party.offer({"sdp": await browser.offer(), "type": "offer", **INVITED}))
    await browser.opened()
    browser.ping()


async def test_webrtc_that_comes_later_takes_over_and_a_relay_stands_in_for_it(
    wire: Any, served: Any
) -> None:
    """The bot is called once and told `connected` once, and goes on through both; the last way's end is its end."""
    echo, reports = Echo(), list[str]()
    browser = wire.Browser(audio=wire.Tone(), video=wire.Camera(wire.picture()))
    async with served(echo.bot, reports) as party:
        page = await welcomed(party.dial())
        await until(lambda: page.pictures_came > 5)
        page.say("relayed")
        await offered(party, browser)
        browser.channel.send('"direct"')
        await until(lambda: {"echo": "direct"} in browser.messages)
        assert echo.messages == ["relayed", "direct"]
        returned = next(track for track in browser.tracks if track.kind == "video")
        inverted = 255 - wire.picture()[20, 20].astype(int)
        async with asyncio.timeout(60):
            while np.abs((await returned.recv()).to_ndarray(format="rgb24")[20, 20] - inverted).max() > 30:
                pass
        again = await welcomed(party.dial(goes_on=page))  # the page doubts its direct way
        await page.stop()
        await until(lambda: again.pictures_came > 5)
        again.say("relayed again")
        await until(lambda: {"echo": "relayed again"} in again.messages)
        await browser.close()
        count = again.pictures_came
        await until(lambda: again.pictures_came > count + 20)
        await again.stop()
        again.send(Control({"type": "bye"}))
        await until(lambda: "on_client_disconnected" in echo.events)
    assert echo.events.count("connected") == echo.events.count("on_client_connected") == 1
    assert echo.events.count("disconnected") == 0
    assert len(echo.bodies) == 1
    assert reports == []


@pytest.mark.parametrize("served", ["process", pytest.param("kernel", marks=pytest.mark.soak)], indirect=True)
async def test_a_bot_that_is_started_again_meets_the_pages_that_are_there(served: Any) -> None:
    """Its process was another one: what is said now arrives all the same, once, on both sides."""
    echo = Echo()
    async with served(echo.bot, []) as party:
        first = await welcomed(party.dial())
        for number in range(3):
            first.say(number)
        await until(lambda: {"echo": 2} in first.messages)
        await first.stop()
    async with served(echo.bot, []) as party:
        page = await welcomed(party.dial(goes_on=first))
        for number in range(3, 6):
            page.say(number)
        await until(lambda: {"echo": 5} in page.messages)
        await page.stop()
    said = [message for message in page.messages if "echo" in message]
    assert said == [{"echo": number} for number in range(6)]


@pytest.mark.soak
async def test_a_socket_that_is_lost_is_not_the_end(served: Any) -> None:
    """The page comes again by another one: the same bot goes on; a page that stays away is gone after seconds."""
    echo = Echo()
    async with served(echo.bot, []) as party:
        page = await welcomed(party.dial())
        await until(lambda: page.pictures_came > 5)
        await page.stop()
        party.lose(page)
        await until(lambda: "disconnected" in echo.events)
        again = await welcomed(party.dial(goes_on=page))
        await until(lambda: again.pictures_came > 5)
        assert len(echo.bodies) == len(party.clients) == 1
        await again.stop()
        party.lose(again)
        await until(lambda: not party.clients and "on_client_disconnected" in echo.events)


@pytest.mark.parametrize("served", ["process", pytest.param("kernel", marks=pytest.mark.soak)], indirect=True)
async def test_who_may_not_come_is_told_why(served: Any) -> None:
    """Single mode, the limit, and no hello: refused by a close code with a sentence, and nothing is left."""
    echo = Echo()
    async with served(echo.bot, [], "single") as party:
        one = await welcomed(party.dial("one"))
        other = party.dial("two")
        other.hello()
        await until(lambda: other.closed)
        assert other.closed == (4403, "busy: another client is connected; only one is allowed at a time")
        await one.stop()
    async with served(echo.bot, [], most=1) as party:
        silent = party.dial("silent")
        silent.say("no hello")
        await until(lambda: silent.closed)
        assert silent.closed[0] == 4400
        await until(lambda: not party.clients)
        one = await welcomed(party.dial("one"))
        other = party.dial("two")
        other.hello()
        await until(lambda: other.closed)
        assert other.closed[1].startswith("too-many: there is one connection already")
        await one.stop()
