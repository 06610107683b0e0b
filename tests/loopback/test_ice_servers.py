"""STUN and TURN with a real coturn: what is tried, what is refused, and media that have no other way."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from support.coturn import run_coturn

from smallrtc_lab.rtc import SmallWebRTCConnection, SmallWebRTCRequest, SmallWebRTCRequestHandler
from smallrtc_lab.rtc.connection import to_ice_servers
from smallrtc_lab.rtc.ice_check import IceFinding, check_ice_servers, usable_ice_servers


@pytest.fixture
async def coturn(tmp_path):
    async with run_coturn(tmp_path) as coturn:
        yield coturn


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_media_flow_when_both_sides_may_relay_only(wire, coturn, transport):
    """Picture, sound and messages go through TURN, over UDP and over TCP, and the route says so."""
    servers = to_ice_servers([coturn.turn(transport)])
    connection = SmallWebRTCConnection(servers, relay_only=True)
    policy = RTCConfiguration(iceServers=servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    browser = wire.Browser(audio=wire.Tone(), video=wire.Camera(), configuration=policy)
    log = wire.Log(connection)
    try:
        await wire.link(browser, connection)
        await browser.opened()
        browser.channel.send('"through the relay"')
        await wire.until(lambda: log.messages == ["through the relay"])
        for track in (connection.video_input_track(), connection.audio_input_track()):
            async with asyncio.timeout(10):
                await track.recv()
        answer = connection.get_answer()["sdp"]
        types = {line.split()[7] for line in answer.splitlines() if line.startswith("a=candidate")}
        assert types == {"relay"}
        assert (await connection.stats())["route"] == "turn"
    finally:
        await browser.close()
        await connection.disconnect()


async def test_a_relay_reaches_a_side_that_uses_none(wire, coturn):
    """One relaying side is enough; for the other one the route is called turn as well."""
    connection = SmallWebRTCConnection([], loopback=True)
    policy = RTCConfiguration(
        iceServers=to_ice_servers([coturn.turn()]), iceTransportPolicy=RTCIceTransportPolicy.RELAY
    )
    browser = wire.Browser(audio=wire.Tone(), configuration=policy)
    try:
        await wire.link(browser, connection)
        assert (await connection.stats())["route"] == "turn"
    finally:
        await browser.close()
        await connection.disconnect()
    tried = connection.tried_pairs()  # also after the end
    assert {pair["state"] for pair in tried} >= {"succeeded"}
    assert all(set(pair) == {"local", "remote", "state"} for pair in tried)


async def test_new_ice_servers_hold_for_the_next_connection(wire, coturn):
    """update_ice_servers() changes what connections from now on use, a restart too; the first had no relay."""
    handler = SmallWebRTCRequestHandler([], connection_options={"relay_only": True})
    browser = wire.Browser(audio="recvonly")
    offer = SmallWebRTCRequest(await browser.offer(), "offer")
    before = await handler.handle_web_request(offer, lambda c: None)
    handler.update_ice_servers([coturn.turn()])
    after = await handler.handle_web_request(offer, lambda c: None)
    restart = SmallWebRTCRequest(offer.sdp, "offer", pc_id=before["pc_id"], restart_pc=True)
    restarted = await handler.handle_web_request(restart, lambda c: None)
    assert "a=candidate" not in before["sdp"]
    assert "typ relay" in after["sdp"]
    assert "typ relay" in restarted["sdp"]
    await handler.close()
    await browser.close()


async def test_short_lived_credentials_are_taken(tmp_path):
    """User `expiry:name` and the password made of the secret, as TURN services hand them out."""
    async with run_coturn(tmp_path, secret="the-shared-secret") as coturn:
        (good,) = await check_ice_servers(to_ice_servers([coturn.turn()]))
        assert good.finding is IceFinding.GOOD
        late = coturn.turn() | {"username": "1:mary"}
        (refused,) = await check_ice_servers(to_ice_servers([late]))
        assert refused.finding is IceFinding.REFUSED


async def test_what_is_of_no_use_is_found_out_and_left_out(coturn):
    """A wrong password is refused, a dead server silent, and aiortc gets the good ones, one URL each, in order."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{dead.getsockname()[1]}"
        wrong = coturn.turn() | {"credential": "wrong"}
        multi = {**coturn.turn("tcp"), "urls": [f"turn:{silent}", coturn.turn("tcp")["urls"]]}
        entries = [wrong, multi, {"urls": f"stun:{silent}"}, {"urls": coturn.stun}, coturn.turn()]
        servers = to_ice_servers(entries)
        began_s = asyncio.get_running_loop().time()
        checks = await check_ice_servers(servers, timeout_s=2)
        print(f"{asyncio.get_running_loop().time() - began_s:.2f} s for {len(checks)} URLs")
    findings = [check.finding.value for check in checks]
    assert findings == ["refused", "silent", "good", "silent", "good", "good"]
    assert "401" in checks[0].detail
    assert coturn.credential not in repr(checks)
    # the URL with the wrong password is in the list with the right one, too
    usable = usable_ice_servers(servers, checks)
    assert [server.urls for server in usable] == [
        [coturn.turn("tcp")["urls"]], [coturn.stun], [coturn.turn()["urls"]],
    ]  # fmt: skip
    assert all(isinstance(server, RTCIceServer) for server in usable)
    assert usable[-1].credential == coturn.credential
