"""SmallWebRTCRequestHandler with real offers: who gets a connection, who is refused, and what is kept."""

from __future__ import annotations

import asyncio

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc import (
    ConnectionMode,
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)

LOOPBACK = {"loopback": True}


def request(sdp: str, **fields) -> SmallWebRTCRequest:
    return SmallWebRTCRequest(sdp, "offer", **fields)


async def refused(awaitable) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        await awaitable
    return caught.value.status, caught.value.code


@pytest.fixture
async def handler():
    handler = SmallWebRTCRequestHandler([], max_connections=2, connection_options=LOOPBACK)
    yield handler
    await handler.close()


@pytest.fixture
async def browsers(wire):
    made = []

    def make():
        made.append(wire.Browser(audio=wire.Tone(), video=wire.Camera()))
        return made[-1]

    yield make
    for browser in made:
        await browser.close()


async def test_the_callback_has_the_connection_before_the_answer_and_misses_no_event(wire, handler, browsers):
    """Handlers registered in the callback see every event, track-started included."""
    browser, logs = browsers(), []

    async def taken(connection):
        await asyncio.sleep(0.05)
        logs.append(wire.Log(connection))
        await connection.connect()

    answer = await handler.handle_web_request(request(await browser.offer()), taken)
    assert set(answer) == {"sdp", "type", "pc_id"}
    await browser.accept(answer)
    await wire.until(lambda: "connected" in logs[0].names)
    assert logs[0].names == ["new", "track-started", "track-started", "connecting", "connected"]
    assert [c.pc_id for c in handler.connections] == [answer["pc_id"]]


async def test_known_pc_id_renegotiates_and_restart_renames(wire, handler, browsers):
    """The same pc_id keeps its connection; restart_pc keeps it too, under a new pc_id."""
    browser, second, taken = browsers(), browsers(), []
    answer = await handler.handle_web_request(request(await browser.offer()), taken.append)
    await browser.accept(answer)
    await taken[0].connect()
    await wire.until(taken[0].is_connected)
    again = await handler.handle_web_request(
        request(await browser.offer(), pc_id=answer["pc_id"]), taken.append
    )
    assert again["pc_id"] == answer["pc_id"]
    restarted = await handler.handle_web_request(
        request(await second.offer(), pc_id=answer["pc_id"], restart_pc=True), taken.append
    )
    assert restarted["pc_id"] != answer["pc_id"]
    await second.accept(restarted)
    await wire.until(taken[0].is_connected)
    assert len(taken) == len(handler.connections) == 1
    patch = SmallWebRTCPatchRequest(answer["pc_id"], ())
    assert await refused(handler.handle_patch_request(patch)) == (404, "unknown-connection")


async def test_an_unknown_pc_id_is_a_new_connection(handler, browsers):
    """A pc_id nobody knows, as after a restart of the program, makes a new connection."""
    answer = await handler.handle_web_request(request(await browsers().offer(), pc_id="gone"), lambda c: None)
    assert answer["pc_id"] != "gone"


async def test_limits_and_single_mode_refuse(handler, browsers):
    """Too many connections are 429; in single mode a second client and a wrong pc_id are 400."""
    offer = await browsers().offer()
    for _ in range(2):
        await handler.handle_web_request(request(offer), lambda c: None)
    assert await refused(handler.handle_web_request(request(offer), lambda c: None)) == (429, "too-many")
    await handler.connections[0].disconnect()
    await handler.handle_web_request(request(offer), lambda c: None)

    single = SmallWebRTCRequestHandler([], connection_mode=ConnectionMode.SINGLE, connection_options=LOOPBACK)
    await single.handle_web_request(request(offer), lambda c: None)
    assert await refused(single.handle_web_request(request(offer), lambda c: None)) == (400, "busy")
    wrong = request(offer, pc_id="another")
    assert await refused(single.handle_web_request(wrong, lambda c: None)) == (400, "wrong-pc-id")
    await single.close()
    assert single.connections == []
    assert await refused(single.handle_web_request(request(offer), lambda c: None)) == (503, "closed")


async def test_requests_of_one_pc_id_wait_for_each_other(wire, handler, browsers):
    """Two offers at once on the same pc_id are answered one after the other, both well."""
    browser, taken = browsers(), []
    answer = await handler.handle_web_request(request(await browser.offer()), taken.append)
    await browser.accept(answer)
    await taken[0].connect()
    await wire.until(taken[0].is_connected)
    offer = request(await browser.offer(), pc_id=answer["pc_id"])
    first, second = await asyncio.gather(
        handler.handle_web_request(offer, taken.append), handler.handle_web_request(offer, taken.append)
    )
    assert first["pc_id"] == second["pc_id"] == answer["pc_id"]
    assert len(taken) == 1


async def test_a_callback_that_raises_closes_its_connection(handler, browsers):
    """The client gets a 500, which it retries, and nothing stays behind."""

    def fail(connection):
        raise ZeroDivisionError("in the program")

    offer = request(await browsers().offer())
    assert await refused(handler.handle_web_request(offer, fail)) == (500, "callback-failed")
    assert handler.connections == []


async def test_a_bad_offer_leaves_nothing_behind(handler, browsers):
    """An offer that fails late, in aiortc, is a 400 and no connection remains."""
    offer = (await browsers().offer()).replace("opus", "codecX").replace("PCM", "XXX").replace("G722", "X722")
    assert await refused(handler.handle_web_request(request(offer), lambda c: None)) == (400, "bad-sdp")
    assert handler.connections == []


async def test_trickled_candidates_connect(wire, handler, browsers):
    """Candidates that come by patch after the answer, and the end mark, make the connection."""
    browser, taken = browsers(), []
    lines = (await browser.offer()).splitlines()
    trickled = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
    bare = "\r\n".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of"))) + "\r\n"
    answer = await handler.handle_web_request(request(bare), taken.append)
    candidates = tuple(IceCandidate(text, "0", 0) for text in [*trickled, ""])
    await handler.handle_patch_request(SmallWebRTCPatchRequest(answer["pc_id"], candidates))
    bad = SmallWebRTCPatchRequest(answer["pc_id"], (IceCandidate("candidate:junk", "0", 0),))
    assert await refused(handler.handle_patch_request(bad)) == (400, "bad-candidate")
    await taken[0].connect()
    await browser.accept(answer)
    await wire.until(taken[0].is_connected)


async def test_esp32_mode_shortens_the_answer(browsers):
    """In ESP32 mode only the sha-256 fingerprint and candidates of the host remain."""
    handler = SmallWebRTCRequestHandler([], True, "127.0.0.1", connection_options=LOOPBACK)
    answer = await handler.handle_web_request(request(await browsers().offer()), lambda c: None)
    lines = answer["sdp"].splitlines()
    assert {line.split()[0] for line in lines if line.startswith("a=fingerprint")} == {
        "a=fingerprint:sha-256"
    }
    assert {line.split()[4] for line in lines if line.startswith("a=candidate")} == {"127.0.0.1"}
    await handler.close()
