"""SmallWebRTCRequestHandler with real offers: who gets a connection, who is refused, and what is kept."""

from __future__ import annotations

import asyncio

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc import (
    ConnectionMode,
    EndReason,
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)

LOOPBACK = {"loopback": True}
LOCAL_NAME = "candidate:8 1 udp 2113937151 1f0e9a5c-6b8d-4a35-9c57-0a8f3f6f7b52.local 50001 typ host"


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

    offer = request(await browser.offer(), request_data={"name": "Ada"})
    answer = await handler.handle_web_request(offer, taken)
    assert set(answer) == {"sdp", "type", "pc_id"}
    await browser.accept(answer)
    await wire.until(lambda: "connected" in logs[0].names)
    assert logs[0].names == ["new", "track-started", "track-started", "connecting", "connected"]
    assert [c.pc_id for c in handler.connections] == [answer["pc_id"]]
    (who,) = handler.clients
    assert (who.pc_id, who.state, who.name) == (answer["pc_id"], "connected", "Ada")
    assert 0 <= who.here_s < 60


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


async def test_a_host_that_is_no_address_of_this_machine_is_warned_of(browsers, caplog):
    """An ESP32 that gets no candidate could never connect: the log says which address was asked for."""
    handler = SmallWebRTCRequestHandler([], True, "198.51.100.7", connection_options=LOOPBACK)
    answer = await handler.handle_web_request(request(await browsers().offer()), lambda c: None)
    assert "a=candidate" not in answer["sdp"]
    assert "no candidate of 198.51.100.7" in caplog.text
    await handler.close()


async def test_candidates_and_the_end_mark_come_after_connecting_too(wire, handler, browsers):
    """Trickling goes on while everything flows: nothing breaks, and messages still come."""
    browser, taken = browsers(), []
    offer = await browser.offer()
    answer = await handler.handle_web_request(request(offer), taken.append)
    log = wire.Log(taken[0])
    await browser.accept(answer)
    await taken[0].connect()
    await wire.until(taken[0].is_connected)
    for text in ("candidate:9 1 udp 2113937151 192.0.2.77 50000 typ host", LOCAL_NAME, "", ""):
        patch = SmallWebRTCPatchRequest(answer["pc_id"], (IceCandidate(text, "0", 0),))
        await handler.handle_patch_request(patch)
    await browser.opened()
    browser.channel.send('"still here"')
    await wire.until(lambda: log.messages == ["still here"])
    assert taken[0].is_connected()


async def test_a_restart_keeps_handlers_and_tells_that_the_client_was_away(wire, handler, browsers):
    """With restart_pc the events go on where they were registered: disconnected, then connected, under a new id."""
    browser, second, taken = browsers(), browsers(), []
    answer = await handler.handle_web_request(request(await browser.offer()), taken.append)
    log = wire.Log(taken[0])
    await browser.accept(answer)
    await taken[0].connect()
    await wire.until(taken[0].is_connected)
    restart = request(await second.offer(), pc_id=answer["pc_id"], restart_pc=True)
    restarted = await handler.handle_web_request(restart, taken.append)
    await second.accept(restarted)
    await second.opened()
    second.channel.send('"back"')
    await wire.until(lambda: log.messages == ["back"])
    states = [name for name in log.names if name in ("connected", "disconnected", "closed")]
    assert states == ["connected", "disconnected", "connected"]
    assert [connection.pc_id for connection in handler.connections] == [restarted["pc_id"]]
    patch = SmallWebRTCPatchRequest(restarted["pc_id"], (IceCandidate("", "0", 0),))
    await handler.handle_patch_request(patch)


async def test_in_single_mode_the_known_client_may_restart(wire, browsers):
    """The one client that is allowed comes back with its pc_id, and nobody else gets its place meanwhile."""
    single = SmallWebRTCRequestHandler([], connection_mode=ConnectionMode.SINGLE, connection_options=LOOPBACK)
    answer = await single.handle_web_request(request(await browsers().offer()), lambda c: None)
    restart = request(await browsers().offer(), pc_id=answer["pc_id"], restart_pc=True)
    restarted = await single.handle_web_request(restart, lambda c: None)
    assert restarted["pc_id"] != answer["pc_id"]
    another = request(await browsers().offer())
    assert await refused(single.handle_web_request(another, lambda c: None)) == (400, "busy")
    await single.connections[0].disconnect()
    await single.handle_web_request(another, lambda c: None)  # the place is free again
    await single.close()


async def test_a_client_that_never_connects_is_closed(wire, browsers):
    """After connection_timeout_secs the connection closes, says why, and its place is free."""
    options = LOOPBACK | {"connection_timeout_secs": 0.3}
    handler, logs = SmallWebRTCRequestHandler([], max_connections=1, connection_options=options), []
    offer = request(await browsers().offer())
    await handler.handle_web_request(offer, lambda c: logs.append((c, wire.Log(c))))
    (connection, log) = logs[0]
    await wire.until(lambda: "closed" in log.names)
    assert connection.end_reason is EndReason.TIMEOUT
    assert "connected" not in log.names
    assert handler.connections == []
    await handler.handle_web_request(offer, lambda c: None)
    await handler.close()


async def test_close_tells_every_client(wire, handler, browsers):
    """Each client hears peerLeft before its connection closes; afterwards there is none, and no offer is taken."""
    both, taken = [browsers(), browsers()], []
    for browser in both:
        await browser.accept(await handler.handle_web_request(request(await browser.offer()), taken.append))
        await taken[-1].connect()
        await browser.opened()
    await wire.until(lambda: all(connection.is_connected() for connection in taken))
    await handler.close()
    left = {"type": "signalling", "message": {"type": "peerLeft"}}
    for browser in both:
        await wire.until(lambda browser=browser: browser.messages == [left])
    assert handler.connections == []
    offer = request(await browsers().offer())
    assert await refused(handler.handle_web_request(offer, taken.append)) == (503, "closed")
