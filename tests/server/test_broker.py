"""Pages and engines brought together, over wires in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.framing import pack, unpack
from smallrtc_lab.server.broker import Broker
from smallrtc_lab.server.exchange import Link
from smallrtc_lab.server.ice_servers import IceServerList
from smallrtc_lab.server.limits import Limits
from smallrtc_lab.turn.local import LocalTurn

HELLO = {"type": "hello", "version": 1, "page": "random", "visible": True}


class Wire:
    """A wire in memory; `stuck` ones take nothing."""

    def __init__(self, stuck: bool = False) -> None:
        self.sent: list[Any] = []
        self.code: int | None = None
        self.stuck = stuck
        self.ended = asyncio.Event()

    async def send(self, message: str | bytes) -> None:
        if self.stuck:
            await self.ended.wait()
        self.sent.append(json.loads(message) if isinstance(message, str) else unpack(message)[0])

    def close(self, code: int, reason: str) -> None:
        self.code = code
        self.ended.set()

    def abort(self) -> None:
        self.code = 1006
        self.ended.set()

    async def wait_closed(self) -> None:
        await self.ended.wait()

    def kinds(self) -> list[str]:
        """What was sent since the last call, by type; a page's message as page:type."""
        kinds = [m["type"] + (f":{m['message']['type']}" if m["type"] == "page" else "") for m in self.sent]
        self.sent.clear()
        return kinds


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def make(**limits: Any) -> Broker:
    return Broker(
        Limits(**({"engine_wait_s": 0.05, "close_timeout_s": 0.05} | limits)),
        ice_servers=IceServerList(
            [{"urls": ["stun:stun.example"]}], [], LocalTurn(Path("/nowhere")), lambda servers, failure: None
        ),
        base_url="/base/",
        on_activity=lambda kernel_id: None,
    )


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    broker = make()
    yield broker
    await broker.close()


async def engine(broker: Broker, *sessions: str, kernel: str = "k1") -> tuple[Link, Wire]:
    wire = Wire()
    link = broker.link_opened(kernel, wire)
    broker.link_message(link, pack({"type": "hello", "version": 1, "kernel_id": kernel, "pid": 1}))
    for session in sessions:
        broker.link_message(link, pack({"type": "session-open", "session": session}))
    await turns()
    return link, wire


async def test_welcome_tells_limits_and_ice_servers(broker: Broker) -> None:
    """The answer to hello is the first message and holds what the engine has to know."""
    _, wire = await engine(broker)
    welcome = wire.sent[0]
    assert (welcome["type"], welcome["version"], welcome["base_url"]) == ("welcome", 1, "/base/")
    assert welcome["ice_servers"] == [{"urls": ["stun:stun.example"]}]
    assert welcome["limits"]["max_connections"] == broker.limits.max_connections


@pytest.mark.parametrize(
    "first",
    [
        {"type": "session-open", "session": "s1"},
        {"type": "hello", "version": 2, "kernel_id": "k1"},
        {"type": "hello", "version": 1, "kernel_id": "k2"},
        {},
    ],
)
async def test_an_engine_must_say_hello_first(broker: Broker, first: dict[str, Any]) -> None:
    """Another first message, another version or another kernel's name end the link with a sentence."""
    link = broker.link_opened("k1", Wire())
    with pytest.raises(ProtocolError):
        broker.link_message(link, pack(first))
    broker.link_closed(link)


async def test_unknown_messages_are_ignored(broker: Broker) -> None:
    """A newer engine may say things this server does not know; nonsense in known ones changes nothing."""
    link, wire = await engine(broker, "s1")
    for header in (
        {"type": "from-the-future"},
        {"type": ["hello"]},
        {"type": "reply"},
        {"type": "session-close", "session": {}},
        {"type": "page", "session": "s1", "page": None, "message": 3},
        {"type": "page-kick", "session": "s2", "page": "x"},
    ):
        broker.link_message(link, pack(header))
    assert wire.code is None


async def test_page_and_engine_talk(broker: Broker) -> None:
    """A page's opening, words and end reach its engine, and the engine's words the page."""
    link, engine_wire = await engine(broker, "s1")
    page_wire = Wire()
    page = broker.pages.opened("s1", page_wire)
    await broker.pages.message(page, json.dumps(HELLO))
    broker.link_message(
        link, pack({"type": "page", "session": "s1", "page": page.key, "message": {"type": "welcome"}})
    )
    await turns()
    assert page_wire.kinds() == ["welcome"]
    broker.pages.closed(page)
    await turns()
    assert engine_wire.kinds() == ["welcome", "page-open", "page:hello", "page-close"]


async def test_a_page_that_came_first_is_introduced_with_its_hello(broker: Broker) -> None:
    """A page that opened before its engine linked is not told that the engine is absent, and says hello only once."""
    page_wire = Wire()
    page = broker.pages.opened("s1", page_wire)
    await broker.pages.message(page, json.dumps(HELLO))
    _, engine_wire = await engine(broker, "s1")
    assert engine_wire.kinds() == ["welcome", "page-open", "page:hello"]
    assert page_wire.sent == []


async def test_pages_are_told_when_the_engine_goes_and_returns(broker: Broker) -> None:
    """Absent when the link is lost, here when it is back; the new engine gets hello as it would be now."""
    link, _ = await engine(broker, "s1")
    page_wire = Wire()
    page = broker.pages.opened("s1", page_wire)
    await broker.pages.message(page, json.dumps(HELLO))
    await broker.pages.message(page, json.dumps({"type": "visible", "visible": False}))
    broker.link_closed(link)
    await turns()
    assert page_wire.sent == [{"type": "engine", "state": "absent"}]
    await broker.pages.message(page, json.dumps({"type": "status", "state": "idle", "error": None}))
    _, engine_wire = await engine(broker, "s1")
    assert page_wire.sent[1:] == [{"type": "engine", "state": "here"}]
    assert engine_wire.sent[2]["message"] == HELLO | {"visible": False}


async def test_closing_a_session_tells_its_pages_only(broker: Broker) -> None:
    """A Lab that disappears is absent for its pages; those of the engine's other sessions notice nothing."""
    link, _ = await engine(broker, "s1", "s2")
    wires = Wire(), Wire()
    for name, wire in zip(("s1", "s2"), wires, strict=True):
        broker.pages.opened(name, wire)
    broker.link_message(link, pack({"type": "session-close", "session": "s1"}))
    await turns()
    assert [wire.sent for wire in wires] == [[{"type": "engine", "state": "absent"}], []]


async def test_nobody_came(broker: Broker) -> None:
    """After the wait a page of a session that never was is closed with 4404; one of an ended session is told absent."""
    link, _ = await engine(broker, "known")
    broker.link_closed(link)
    never, known = Wire(), Wire()
    broker.pages.opened("never", never)
    broker.pages.opened("known", known)
    async with asyncio.timeout(30):
        await never.ended.wait()
    await turns()
    assert never.code == 4404
    assert known.code is None
    assert known.sent == [{"type": "engine", "state": "absent"}]


async def test_a_new_engine_of_the_same_kernel_replaces_the_old_one(broker: Broker) -> None:
    """After a restart of the kernel the old link is closed with 4409, and what it still says or asks has no effect."""
    old, old_wire = await engine(broker, "s1")
    asked = asyncio.create_task(broker.request("s1", "offer", {}))
    await turns()
    new, new_wire = await engine(broker, "s1")
    with pytest.raises(RequestError) as refused:
        await asked
    assert refused.value.status == 503
    assert old_wire.code == 4409
    broker.link_message(old, pack({"type": "session-close", "session": "s1"}))
    broker.link_closed(old)
    asked = asyncio.create_task(broker.request("s1", "offer", {}))
    await turns()
    broker.link_message(
        new, pack({"type": "reply", "id": new_wire.sent[-1]["id"], "status": 200, "body": {}})
    )
    assert (await asked).status == 200


async def test_a_refused_session_is_said(broker: Broker) -> None:
    """An engine that announces another kernel's session is told why not, and may not speak to its pages."""
    await engine(broker, "s1")
    thief, wire = await engine(broker, "s1", kernel="k2")
    assert wire.sent[-1]["type"] == "session-refused"
    assert wire.sent[-1]["reason"] == "session-taken"
    page_wire = Wire()
    page = broker.pages.opened("s1", page_wire)
    broker.link_message(
        thief, pack({"type": "page", "session": "s1", "page": page.key, "message": {"type": "log"}})
    )
    broker.link_message(thief, pack({"type": "page-kick", "session": "s1", "page": page.key}))
    await turns()
    assert (page_wire.sent, page_wire.code) == ([], None)


@pytest.mark.parametrize(
    ("code", "seen"), [(4001, 4001), (1000, 1000), (1006, 4403), ("x", 4403), (70000, 4403)]
)
async def test_kick(broker: Broker, code: Any, seen: int) -> None:
    """The engine can close a page's socket, after what it said before; a code no WebSocket may send is replaced."""
    link, _ = await engine(broker, "s1")
    wire = Wire()
    page = broker.pages.opened("s1", wire)
    address = {"session": "s1", "page": page.key}
    broker.link_message(link, pack({"type": "page", **address, "message": {"type": "log", "text": "bye"}}))
    broker.link_message(link, pack({"type": "page-kick", **address, "code": code, "reason": "enough"}))
    await turns()
    assert (wire.kinds(), wire.code) == (["log"], seen)


async def test_pages_are_bounded(broker: Broker) -> None:
    """One page more than allowed is refused with 429; a page that leaves makes room."""
    broker = make(max_pages_per_session=2)
    await engine(broker, "s1")
    pages = [broker.pages.opened("s1", Wire()) for _ in range(2)]
    with pytest.raises(RequestError) as refused:
        broker.pages.opened("s1", Wire())
    assert refused.value.status == 429
    broker.pages.closed(pages[0])
    broker.pages.opened("s1", Wire())
    await broker.close()


async def test_a_slow_page_loses_statistics_first_and_is_then_closed() -> None:
    """A page that does not read misses statistics; when what may not be lost finds no room either it is closed."""
    broker = make(max_queue_messages=5)
    link, _ = await engine(broker, "s1")
    wire = Wire(stuck=True)
    page = broker.pages.opened("s1", wire)
    for number in range(20):
        message = {"type": "stats", "dropped": number}
        broker.link_message(
            link, pack({"type": "page", "session": "s1", "page": page.key, "message": message})
        )
    assert page.outbox.dropped > 10
    assert not page.outbox.closing
    for _ in range(10):
        message = {"type": "command", "command": "stop"}
        broker.link_message(
            link, pack({"type": "page", "session": "s1", "page": page.key, "message": message})
        )
    assert page.outbox.closing
    await broker.close()
    assert wire.code == 1006


async def test_a_flooding_page_is_read_slowly() -> None:
    """A page that sends faster than the rate has to wait, and loses nothing."""
    broker = make(messages_per_second=100)
    _, wire = await engine(broker, "s1")
    page = broker.pages.opened("s1", Wire())
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    for _ in range(230):
        await broker.pages.message(page, json.dumps({"type": "control"}))
    assert loop.time() - before_s > 0.25
    await turns()
    assert wire.kinds().count("page:control") == 230
    await broker.close()


async def test_a_value_that_is_no_number_reaches_the_page_as_null(broker: Broker) -> None:
    """NaN and infinity are no JSON for a browser; the rest of the message is as it was."""
    link, _ = await engine(broker, "s1")
    wire = Wire()
    page = broker.pages.opened("s1", wire)
    message = {"type": "values", "values": {"a": float("nan"), "b": [float("inf"), 1.5], "c": "NaN"}}
    broker.link_message(link, pack({"type": "page", "session": "s1", "page": page.key, "message": message}))
    await turns()
    assert wire.sent == [{"type": "values", "values": {"a": None, "b": [None, 1.5], "c": "NaN"}}]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"type": 1}', "[" * 60_000, b"{}"])
async def test_junk_from_a_page_is_no_message(broker: Broker, text: Any) -> None:
    """What is not a JSON object with a type never reaches the engine."""
    _, wire = await engine(broker, "s1")
    page = broker.pages.opened("s1", Wire())
    wire.kinds()
    with pytest.raises(ProtocolError):
        await broker.pages.message(page, text)
    await turns()
    assert "page" not in str(wire.kinds()).replace("page-open", "")


async def test_offers_have_a_rate_and_pictures_have_none() -> None:
    """One offer more than allowed in a minute is refused with 429 and not handed on."""
    broker = make(offers_per_minute=2)
    link, wire = await engine(broker, "s1")
    wire.kinds()

    async def ask(method: str) -> int:
        task = asyncio.create_task(broker.request("s1", method, {}))
        await turns()
        if wire.sent:
            broker.link_message(
                link, pack({"type": "reply", "id": wire.sent.pop()["id"], "status": 200, "body": {}})
            )
        try:
            return (await task).status
        except RequestError as error:
            return error.status

    assert [await ask("offer") for _ in range(3)] == [200, 200, 429]
    assert [await ask("picture") for _ in range(3)] == [200, 200, 200]
    assert [await ask("patch") for _ in range(3)] == [200, 200, 200]
    await broker.close()


async def test_close_ends_everything() -> None:
    """After close all sockets are closed with 1001, all requests answered, no task left, and nothing new let in."""
    before = asyncio.all_tasks()
    broker = make()
    _, engine_wire = await engine(broker, "s1")
    page_wire, stuck = Wire(), Wire(stuck=True)
    broker.pages.opened("s1", page_wire)
    broker.pages.opened("s1", stuck)
    waiting = asyncio.create_task(broker.request("later", "offer", {}))
    await turns()
    await broker.close()
    with pytest.raises(RequestError, match="stops"):
        await waiting
    assert engine_wire.code == page_wire.code == 1001
    for attempt in (lambda: broker.link_opened("k1", Wire()), lambda: broker.pages.opened("s1", Wire())):
        with pytest.raises(RequestError):
            attempt()
    assert asyncio.all_tasks() == before
