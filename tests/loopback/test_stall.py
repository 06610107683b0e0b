"""What really travels: datagrams follow the SCTP setting, and a path that loses the large ones is noticed."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from aiortc import rtcsctptransport
from support.udprelay import UdpRelay

from smallrtc_lab.rtc import SmallWebRTCConnection

AROUND_BYTES = 12 + 16 + 37  # the headers of SCTP, of a DATA chunk, and of DTLS 1.2 with AES-GCM


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    """The setting is process-wide: put back what was there."""
    monkeypatch.setattr(rtcsctptransport, "USERDATA_MAX_LENGTH", rtcsctptransport.USERDATA_MAX_LENGTH)


@asynccontextmanager
async def relayed(wire):
    """A pair whose only way is a relay of ours."""
    connection, browser = SmallWebRTCConnection([], loopback=True), wire.Browser(audio="recvonly")
    relay = None
    try:
        offer = await browser.offer()
        lines = [line for line in offer.splitlines() if not line.startswith("a=candidate")]
        await connection.initialize("\r\n".join(lines) + "\r\n", "offer")
        await connection.connect()
        answer = dict(connection.get_answer())
        answer["sdp"], relay = await UdpRelay.into(answer["sdp"])
        await browser.accept(answer)
        await wire.until(connection.is_connected)
        await browser.opened()
        yield browser, connection, relay
    finally:
        await browser.close()
        await connection.disconnect()
        if relay is not None:
            relay.close()


@pytest.mark.parametrize("chunk_bytes", [800, 1100, None])
async def test_captured_datagrams_follow_the_setting(wire, monkeypatch, chunk_bytes):
    """The largest datagram on the wire is as large as the setting makes it; 1100 without any."""
    monkeypatch.delenv("SMALLRTC_SCTP_MAX_CHUNK_SIZE", raising=False)
    monkeypatch.delenv("PIPECAT_SCTP_MAX_CHUNK_SIZE", raising=False)
    if chunk_bytes is not None:
        monkeypatch.setenv("PIPECAT_SCTP_MAX_CHUNK_SIZE", str(chunk_bytes))
    async with relayed(wire) as (browser, connection, relay):
        relay.sizes.clear()
        message = {"text": "x" * 60_000}
        connection.send_app_message(message)
        await wire.until(lambda: message in browser.messages)
        largest = max(relay.sizes)
        print(f"chunks of {chunk_bytes} bytes: largest datagram {largest} bytes")
        wanted = (chunk_bytes or 1100) + AROUND_BYTES
        assert wanted - 8 <= largest <= wanted  # ChaCha20 has eight bytes less of DTLS
        assert relay.sizes.count(largest) > 40  # not one stray datagram, but the fragments of the message


async def test_a_path_that_loses_large_datagrams_is_noticed(wire):
    """Messages are stuck while small packets pass; when the path heals they go on, in order, and none is lost."""
    async with relayed(wire) as (browser, connection, relay):
        relay.loses = lambda length: length > 1000
        assert not connection.messages_stuck
        for number in range(3):
            connection.send_app_message({"number": number, "text": "x" * 3000})
        await wire.until(lambda: connection.messages_stuck, timeout_s=40)
        assert relay.lost
        assert connection.is_connected()
        assert browser.messages == []
        assert (await connection.stats())["messages_stuck"] is True
        relay.loses = lambda length: False
        await wire.until(lambda: len(browser.messages) == 3, timeout_s=60)
        await wire.until(lambda: not connection.messages_stuck, timeout_s=20)
        assert [message["number"] for message in browser.messages] == [0, 1, 2]
