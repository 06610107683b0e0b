"""Sound over a wire that loses, delays and reorders, beside bare aiortc on the same wire."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from statistics import median

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.rtc._aiortc import add_loopback_candidate

PACKETS = 150
SAMPLES = 960  # 20 ms
SAFE = 10  # the first packets pass, so that both sides count from the same one


class BadWire:
    """Loses 5 % of the RTP packets a browser sends, and delays the others by up to 30 ms, each on its own.

    ``left_s`` is when each packet was sent, by its place in the stream; ``lost`` the places of lost ones.
    """

    def __init__(self, browser, seed: int = 1) -> None:
        self.left_s: dict[int, float] = {}
        self.lost: set[int] = set()
        self._noise = random.Random(seed)
        self._first: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        ice = browser.pc.getTransceivers()[0].sender.transport.transport
        self._send, ice._send = ice._send, self._pass

    async def _pass(self, datagram: bytes) -> None:
        number, place = _sequence_number(datagram), 0
        if number is not None:
            self._first = number if self._first is None else self._first
            place = (number - self._first) % 65536
            self.left_s[place] = time.monotonic()
        if number is None or place < SAFE:
            await self._send(datagram)
        elif self._noise.random() < 0.05:
            self.lost.add(place)
        else:
            task = asyncio.create_task(self._later(datagram, self._noise.uniform(0, 0.03)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _later(self, datagram: bytes, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await self._send(datagram)

    async def end(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _sequence_number(datagram: bytes) -> int | None:
    """Of an RTP packet; None for anything else (RFC 7983 section 7, RFC 5761 section 4)."""
    if not 128 <= datagram[0] <= 191 or 192 <= datagram[1] <= 223:
        return None
    return int(struct.unpack_from("!H", datagram, 2)[0])


async def received(recv, wire: BadWire) -> dict[int, float]:
    """Seconds from the wire to the decoded frame, by place in the stream, in the order they came."""
    delays_s: dict[int, float] = {}
    while not delays_s or max(delays_s) < PACKETS:
        frame = await recv()
        place = frame.pts // SAMPLES
        assert frame.pts % SAMPLES == 0
        delays_s[place] = time.monotonic() - wire.left_s[place]
    return delays_s


async def ours(wire) -> tuple[dict[int, float], BadWire]:
    browser, connection = wire.Browser(audio=wire.Tone()), SmallWebRTCConnection([], loopback=True)
    offered = await browser.offer()
    bad = BadWire(browser)
    try:
        await connection.initialize(offered, "offer")
        await connection.connect()
        await browser.accept(connection.get_answer())
        await wire.until(connection.is_connected)
        track = connection.audio_input_track()
        delays_s = await asyncio.wait_for(received(track.recv, bad), 60)
        print((await connection.stats())["audio"])
    finally:
        await browser.close()
        await bad.end()
        await connection.disconnect()
    return delays_s, bad


async def bare(wire) -> dict[int, float]:
    browser, tracks = wire.Browser(audio=wire.Tone()), []
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.on("track", tracks.append)
    try:
        await pc.setRemoteDescription(RTCSessionDescription(await browser.offer(), "offer"))
        bad = BadWire(browser)
        add_loopback_candidate(pc)
        await pc.setLocalDescription(await pc.createAnswer())
        await browser.accept({"sdp": pc.localDescription.sdp, "type": pc.localDescription.type})
        return await asyncio.wait_for(received(tracks[0].recv, bad), 60)
    finally:
        await browser.close()
        await bad.end()
        await pc.close()


async def test_sound_over_a_bad_wire_comes_in_order_complete_and_early(wire):
    """Nothing is out of order, nearly all that was not lost is there, and it is there sooner than from aiortc."""
    (delays_s, bad), theirs_s = await asyncio.gather(ours(wire), bare(wire))
    arrived = set(range(max(delays_s))) - bad.lost
    missing = len(arrived - set(delays_s)) / len(arrived)
    both = [median(list(one.values())[SAFE:]) * 1000 for one in (delays_s, theirs_s)]
    print(
        f"{len(bad.lost)} of {PACKETS} lost, {missing:.1%} of the others given up too early; "
        f"median from wire to frame {both[0]:.0f} ms, bare aiortc {both[1]:.0f} ms"
    )
    assert list(delays_s) == sorted(delays_s)
    assert missing < 0.2
    assert both[0] < both[1]
