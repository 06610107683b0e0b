"""Servers that do the same work on three transports, each in a process: ``python echoes.py ours|bare|pipecat``.

Sound goes back, as int16 samples. A message ``{"count", "chars", "way"}`` asks for messages: ``up``, they come and
the last is answered; ``down``, they are sent. Every transport reads and writes JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

import tornado.web  # noqa: E402
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from bare import AudioEcho  # noqa: E402

ROOM_BYTES = 1 << 18
TASKS: set[asyncio.Task[Any]] = set()


def keep(coroutine: Any) -> None:
    task = asyncio.ensure_future(coroutine)
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)


class Traffic:
    """What is asked for in messages; ``send`` is awaited until there is room."""

    def __init__(self, send: Any) -> None:
        self.send = send
        self.left = 0

    def got(self, message: Any) -> None:
        if "way" not in message:
            self.left -= 1
            if self.left == 0:
                keep(self.send({"done": True}))
        elif message["way"] == "up":
            self.left = message["count"]
        else:
            keep(self.down(message["count"], "x" * message["chars"]))

    async def down(self, count: int, text: str) -> None:
        for number in range(count):
            await self.send({"n": number, "text": text})


async def bare(offer: dict[str, Any]) -> dict[str, Any]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    TASKS.add(peer)  # type: ignore[arg-type]  # kept from the garbage collector

    @peer.on("track")
    def on_track(track: Any) -> None:
        if track.kind == "audio":
            peer.addTrack(AudioEcho(track))

    @peer.on("datachannel")
    def on_channel(channel: Any) -> None:
        channel.bufferedAmountLowThreshold = ROOM_BYTES // 2
        low = asyncio.Event()
        channel.on("bufferedamountlow", low.set)

        async def send(message: Any) -> None:
            while channel.bufferedAmount > ROOM_BYTES:
                low.clear()
                await low.wait()
            channel.send(json.dumps(message))

        traffic = Traffic(send)
        channel.on("message", lambda text: text.startswith("ping") or traffic.got(json.loads(text)))

    await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
    await peer.setLocalDescription(await peer.createAnswer())
    return {"sdp": peer.localDescription.sdp, "type": "answer"}


async def ours(offer: dict[str, Any]) -> dict[str, Any] | None:
    from smallrtc_lab import SmallWebRTCConnection, SmallWebRTCTransport, TransportParams

    connection = SmallWebRTCConnection([])
    transport = SmallWebRTCTransport(
        connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    )

    async def send(message: Any) -> None:
        await connection.message_room(10)
        connection.send_app_message(message)

    traffic = Traffic(send)
    connection.event_handler("app-message")(lambda connection, message: traffic.got(message))

    async def echo() -> None:
        async for clip in transport.input().audio_frames():
            await transport.output().write_audio_frame(clip)

    await connection.initialize(offer["sdp"], offer["type"])
    keep(connection.connect())
    keep(echo())
    return connection.get_answer()


async def pipecat(offer: dict[str, Any]) -> dict[str, Any]:
    from loguru import logger
    from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
    from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
    from support import pipecat_bot

    logger.remove()
    connection = SmallWebRTCConnection([])
    traffic = Traffic(lambda message: asyncio.sleep(0, connection.send_app_message(message)))
    connection.event_handler("app-message")(lambda connection, message: traffic.got(message))
    params = pipecat_bot.TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    await connection.initialize(offer["sdp"], offer["type"])
    keep(pipecat_bot.echo(SmallWebRTCTransport(connection, params), voice_activity=False))
    return dict(connection.get_answer())


class Offer(tornado.web.RequestHandler):
    async def post(self) -> None:
        self.write(await KINDS[sys.argv[1]](json.loads(self.request.body)) or {})


KINDS: dict[str, Any] = {"ours": ours, "bare": bare, "pipecat": pipecat}


async def main() -> None:
    server = tornado.web.Application([("/offer", Offer)]).listen(0, "127.0.0.1")
    port = next(iter(server._sockets.values())).getsockname()[1]
    print(f"http://127.0.0.1:{port}/offer", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
