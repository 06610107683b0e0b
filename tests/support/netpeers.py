"""Two peers for the network tests, each a process: `engine` is a session of the engine, `page` a bare aiortc peer.

They speak JSON lines on standard input and output; the test carries offer and answer between them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


async def commands(handlers: dict[str, Any]) -> None:
    """Carry out what comes on standard input until it ends."""
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        for name, value in json.loads(line).items():
            await handlers[name](value)


class Bridge:
    """Stands for the pipe to a kernel: what the session tells it is printed."""

    dropped = 0

    def event(self, session: str, name: str, *, droppable: bool = False, **header: Any) -> None:
        if name in ("problem", "state", "message"):
            say(event=name, **header)


async def engine(options: dict[str, Any]) -> None:
    """A session with one page, which speaks through us."""
    from smallrtc_lab.engine.session import Session

    def to_page(key: str, message: dict[str, Any]) -> None:
        if message["type"] == "problem":
            say(page=message)

    session = Session("s", options, Bridge(), ThreadPoolExecutor(1), to_page)  # type: ignore[arg-type]
    session.pages.opened("k")
    session.pages.received("k", {"type": "hello", "version": 1, "page": "p", "visible": True})

    async def offer(sdp: str) -> None:
        body = {"sdp": sdp, "type": "offer", "request_data": {"page": "p"}}
        say(answer=(await session.reception.offer(body))["sdp"])

    async def send(message: Any) -> None:
        await session.flow.send_message(message)

    async def stats(_: Any) -> None:
        say(stats=await session.stats())

    await commands({"offer": offer, "send": send, "stats": stats})
    await session.close()


async def page(options: dict[str, Any]) -> None:
    """Offers to receive sound, pings, and prints the length of each message and when it came."""
    from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    from smallrtc_lab.rtc.connection import to_ice_servers

    servers = to_ice_servers(options.get("ice_servers"))
    pc = RTCPeerConnection(RTCConfiguration(servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    pc.addTransceiver("audio", "recvonly")
    channel = pc.createDataChannel("chat")
    channel.on("message", lambda text: say(received=len(text)))

    async def ping() -> None:
        while True:
            channel.send(f"ping: {time.time_ns() // 1_000_000}")
            await asyncio.sleep(1)

    tasks: list[asyncio.Task[None]] = []
    channel.on("open", lambda: tasks.append(asyncio.ensure_future(ping())))
    await pc.setLocalDescription(await pc.createOffer())
    say(offer=pc.localDescription.sdp)

    async def answer(sdp: str) -> None:
        await pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    await commands({"answer": answer})
    for task in tasks:
        task.cancel()
    await pc.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run({"engine": engine, "page": page}[sys.argv[1]](json.loads(sys.argv[2])))
