"""`python -m smallrtc_lab.bots`: a file's bot in a process of its own, linked to a real Jupyter server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription
from support.coturn import run_coturn

from smallrtc_lab.rtc._aiortc import add_loopback_candidate
from smallrtc_lab.server.proof import link_proof

DEADLINE_S = 30.0
KEY = b"a key of the server's own"
BOT = """
import asyncio

async def bot(runner_args):
    connection, left = runner_args.webrtc_connection, asyncio.Event()
    connection.call_when_closed(lambda _: left.set())

    @connection.event_handler("app-message")
    async def got(connection, message):
        connection.send_app_message({"you": message, "body": runner_args.body})

    print("a bot begins")
    await connection.connect()
    await left.wait()
"""


class Program:
    """The process, its status lines and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def status(self) -> dict[str, Any]:
        """The next line of its status."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            line = await self.process.stdout.readline()
        assert line, "the program ended"
        said: dict[str, Any] = json.loads(line)
        return said

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


@asynccontextmanager
async def program(server: Any, file: Path, **order: Any) -> AsyncIterator[Program]:
    server.extension.broker.programs["runner"] = KEY
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "smallrtc_lab.bots",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told = {
        "file": str(file),
        "session": "echo",
        "mode": "multiple",
        "parent": os.getpid(),
        "server": server.extension.address.url,
        "name": "runner",
        "proof": link_proof("runner", KEY),
    }
    assert process.stdin is not None
    process.stdin.write((json.dumps(told | order) + "\n").encode())
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Client:
    """A peer with a data channel that finds its bot with `start`."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.pc = RTCPeerConnection()
        self.pc.addTransceiver("audio")
        self.channel = self.pc.createDataChannel("chat")
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.channel.on("message", lambda text: self.messages.put_nowait(json.loads(text)))

    async def join(self, body: Any) -> None:
        name = (await self.server.ask("POST", "start", {"body": body})).json()["sessionId"]
        add_loopback_candidate(self.pc)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        reply = await self.server.offer(name, sdp=self.pc.localDescription.sdp)
        assert reply.status_code == 200, reply.text
        answer = reply.json()
        await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    async def ask(self, message: Any) -> Any:
        opened = asyncio.Event()
        self.channel.on("open", opened.set)
        async with asyncio.timeout(DEADLINE_S):
            if self.channel.readyState != "open":
                await opened.wait()
            self.channel.send(json.dumps(message))
            return await self.messages.get()


async def test_a_file_is_served_until_its_parent_ends_it(server: Any, tmp_path: Path) -> None:
    """A client starts, joins and talks; when standard input ends the client is told and the process is gone."""
    file = tmp_path / "bot.py"
    file.write_text(BOT)
    async with program(server, file) as running:
        assert await running.status() == {"state": "serving", "session": "echo"}
        client = Client(server)
        await client.join({"room": 7})
        assert await client.ask("hello") == {"you": "hello", "body": {"room": 7}}
        assert running.process.stdin is not None
        running.process.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            assert await client.messages.get() == {"type": "signalling", "message": {"type": "peerLeft"}}
        assert await running.ended() == 0
        assert running.process.stderr is not None
        assert b"a bot begins" in await running.process.stderr.read()
        await client.pc.close()
    reply = await server.ask("POST", "start", {})
    assert reply.status_code == 503


async def test_renewed_turn_credentials_reach_a_bot_s_connections(server: Any, tmp_path: Path) -> None:
    """What the server tells its links later is used for the next client: its bot offers a relayed address."""
    file = tmp_path / "bot.py"
    file.write_text(BOT)
    async with run_coturn(tmp_path, secret="hush") as coturn, program(server, file) as running:
        assert (await running.status())["state"] == "serving"
        server.extension.broker.tell_ice_servers([coturn.turn()], None)
        client = Client(server)
        await client.join({})
        assert "typ relay" in client.pc.remoteDescription.sdp
        await client.pc.close()


async def test_a_broken_file_is_said_and_ends_the_process(server: Any, tmp_path: Path) -> None:
    """The status names the file's own mistake; the exit code tells it from a crash."""
    file = tmp_path / "bot.py"
    file.write_text("async def bott(runner_args): pass")
    async with program(server, file) as running:
        said = await running.status()
        assert said["state"] == "broken"
        assert "has no `async def bot" in said["message"]
        assert await running.ended() == 3


async def test_a_name_that_is_taken_is_said(server: Any, tmp_path: Path) -> None:
    """The session of another kernel cannot be served under the same name."""
    file = tmp_path / "bot.py"
    file.write_text(BOT)
    engine = await server.engine("echo")
    await asyncio.gather(server.offer("echo"), engine.answer())
    async with program(server, file) as running:
        assert (await running.status())["state"] == "refused"
