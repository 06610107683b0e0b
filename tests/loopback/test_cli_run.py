"""`smallrtc-lab run` as a real process, and clients from outside that meet its bots."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aiortc import RTCPeerConnection
from support.outside import COLOUR, PEER_LEFT, TONE_HZ, Client, until
from support.processes import ProcessFamily

ECHO = Path(__file__).parents[2] / "examples" / "echo_bot.py"
DEADLINE_S = 60
TOKEN = "a-token"
KNOWN = {"Authorization": f"token {TOKEN}"}
TALKING = """
import asyncio
async def bot(runner_args):
    connection, left = runner_args.webrtc_connection, asyncio.Event()
    connection.call_when_closed(lambda _: left.set())
    @connection.event_handler("app-message")
    async def got(connection, message):
        connection.send_app_message({"got": message})
        if message == "fail":
            failed.set()
    failed = asyncio.Event()
    await connection.connect()
    await asyncio.wait(
        [asyncio.create_task(left.wait()), asyncio.create_task(failed.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    if failed.is_set():
        raise RuntimeError("this bot had enough")
"""


class Runner:
    """The running command; `text` is all that it printed."""

    def __init__(self, process: asyncio.subprocess.Process, family: ProcessFamily, port: int) -> None:
        self.process = process
        self.family = family
        self.root = f"http://localhost:{port}/"
        self.text = ""
        self._reading = asyncio.create_task(self._read())

    async def said(self, pattern: str) -> re.Match[str]:
        """Wait until something like that was printed, after what was found before; what it was."""
        async with asyncio.timeout(DEADLINE_S):
            while not (found := re.search(pattern, self.text)):
                assert not self._reading.done(), self.text
                await asyncio.sleep(0.05)
        self.text = self.text[found.end() :]
        return found

    async def stop(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            await self._reading
            return await self.process.wait()

    def bots(self) -> list[int]:
        """The process ids of the bots' processes."""
        return [one.pid for one in self.family.members() if "smallrtc_lab.bots" in one.cmdline()]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.text += line.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(home: Path, bot: Path, *options: str) -> AsyncIterator[Runner]:
    """The command on a machine without a display; nothing of it may be left when it has ended."""
    family, port = ProcessFamily(home), free_port()
    home.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "smallrtc_lab", "run", str(bot), "--no-browser", "--token", TOKEN,
        "--port", str(port), *options,
        env=family.environment({"PYTHONUNBUFFERED": "1"}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    runner = Runner(process, family, port)
    try:
        yield runner
        assert process.returncode is not None, "the test must end it"
        assert await asyncio.to_thread(family.end) == []
    finally:
        await asyncio.to_thread(family.end, 0.0)
        await process.wait()


def browser() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S, verify=False)


async def test_the_echo_bot_from_its_address_to_ctrl_c(tmp_path: Path) -> None:
    """The printed address opens the page, a client gets its picture, tone and words back, and is told of the end."""
    async with running(tmp_path / "home", ECHO) as runner:
        url = (await runner.said(r"http://\S+/client/\?token=\S+")).group()
        async with browser() as http:
            await closed_to_strangers(http, runner.root)
            page = await http.get(url)
            assert 'data-title="echo_bot.py"' in page.text
            await nothing_else_of_jupyter(http, runner.root)
        client = Client(runner.root, TOKEN)
        reply = await client.join()
        assert reply.status_code == 200, reply.text
        client.say({"hello": "bot"})
        await until(lambda: {"you said": {"hello": "bot"}} in client.messages)
        await client.picture(lambda image: abs(image.mean((0, 1)) - COLOUR).max() < 40)
        assert abs(await client.tone_hz() - TONE_HZ) < 10
        assert await runner.stop() == 0
        await until(lambda: PEER_LEFT in client.messages)
        await client.close()
    assert runner.text.strip().endswith("Stopped.")
    refusals = re.compile(r" 40[34] (GET|POST) ")  # of the requests above
    assert [
        line for line in runner.text.splitlines() if line.startswith("[") and not refusals.search(line)
    ] == []
    assert "Traceback" not in runner.text


async def closed_to_strangers(http: httpx.AsyncClient, root: str) -> None:
    """Without the token nothing is served; with it, in the head or in the address, `start` is."""
    for query in ({}, {"token": "wrong"}):
        assert (await http.post(f"{root}start", params=query)).status_code == 403
    for query, headers in (({"token": TOKEN}, {}), ({}, KNOWN)):
        reply = await http.post(f"{root}start", json={}, params=query, headers=headers)
        assert reply.status_code == 200, reply.text
        http.cookies.clear()
    assert (await http.get(f"{root}client/")).status_code == 302


async def nothing_else_of_jupyter(http: httpx.AsyncClient, root: str) -> None:
    """Whoever may meet the bot may not open files, kernels or terminals."""
    for path in (
        "api/contents",
        "api/kernels",
        "api/terminals",
        "api/sessions",
        "files/x",
        "lab",
        "tree",
        "metrics",
    ):
        assert (await http.get(root + path, headers=KNOWN)).status_code == 404, path
    assert (await http.post(f"{root}api/kernels", json={}, headers=KNOWN)).status_code == 404


async def test_a_bot_in_the_making(tmp_path: Path) -> None:
    """With --reload a broken file is waited for; what raises, is killed or changed is said, and it goes on."""
    file = tmp_path / "bot.py"
    file.write_text("async def bot(runner_args)\n    pass\n")
    async with running(tmp_path / "home", file, "--reload") as runner:
        await runner.said(
            r"bot.py could not be loaded:\n(.*\n)*.*SyntaxError.*\n(.*\n)*Waiting for the file to change"
        )
        async with browser() as http:
            reply = await http.post(f"{runner.root}start", json={}, headers=KNOWN)
        assert (reply.status_code, "terminal" in reply.json()["message"]) == (503, True)
        file.write_text(TALKING)
        await runner.said("bot.py changed: the bot starts anew")
        await runner.said(r"/client/\?token=")
        await raises(runner)
        (pid,) = runner.bots()
        subprocess.run(["kill", "-9", str(pid)], check=True)
        await runner.said(r"ended \(signal 9\); a new one starts")
        await runner.said("bot.py is served again")
        client = Client(runner.root, TOKEN)
        await client.join()
        file.write_text(TALKING.replace("got", "heard"))
        await until(lambda: PEER_LEFT in client.messages)
        await client.close()
        await runner.said("bot.py is served again")
        await talks(runner, {"heard": 1})
        assert await runner.stop() == 0


async def raises(runner: Runner) -> None:
    """The author sees the traceback from the bot's own line on, and its client is told that it is over."""
    client = Client(runner.root, TOKEN)
    await client.join()
    client.say("fail")
    shown = await runner.said(r"Traceback(.*\n)*?RuntimeError: this bot had enough")
    assert "bot.py" in shown.group()
    assert "smallrtc_lab" not in shown.group()
    await until(lambda: PEER_LEFT in client.messages)
    await client.close()


async def talks(runner: Runner, answer: Any) -> None:
    """A new client is served."""
    client = Client(runner.root, TOKEN)
    await client.join()
    client.say(1)
    await until(lambda: answer in client.messages)
    await client.close()


async def test_a_broken_bot_ends_it(tmp_path: Path) -> None:
    """Without --reload it says what is wrong with the file and ends with 1, and no address was promised."""
    file = tmp_path / "bot.py"
    file.write_text("def bot(runner_args): pass")
    async with running(tmp_path / "home", file) as runner:
        assert await runner.ended() == 1
    assert "`bot` in bot.py must be async: write `async def bot(runner_args)`" in runner.text
    assert "Nothing is served: mend the file" in runner.text
    assert "client/" not in runner.text


async def test_options_are_felt_by_clients(tmp_path: Path) -> None:
    """https, one client at a time, ICE servers for clients, and answers that a microcontroller understands."""
    turn = '{"urls": ["turn:127.0.0.1:9"], "username": "u", "credential": "c"}'
    words = ("--self-signed", "--single", "--ice-servers", turn, "--esp32", "--host", "127.0.0.2")
    async with running(tmp_path / "home", ECHO, *words) as runner:
        url = (await runner.said(r"https://\S+/client/\?token=\S+")).group()
        root = url.partition("client/")[0]
        async with browser() as http:
            assert (await http.get(url)).status_code == 200
            started = (await http.post(f"{root}start", json={}, headers=KNOWN)).json()
            (server,) = started["iceConfig"]["iceServers"]
            assert (server["urls"], server["credential"]) == (["turn:127.0.0.1:9"], "c")
            replies = [
                await offer(http, f"{root}sessions/{started['sessionId']}/api/offer") for _ in range(2)
            ]
        assert [reply.status_code for reply in replies] == [200, 400], replies[1].text
        assert replies[1].json()["reason"] == "busy"
        lines = replies[0].json()["sdp"].splitlines()
        assert {line.split()[0] for line in lines if "fingerprint" in line} == {"a=fingerprint:sha-256"}
        assert [line for line in lines if line.startswith("a=candidate") and " 127.0.0.2 " not in line] == []
        assert await runner.stop() == 0


async def offer(http: httpx.AsyncClient, url: str) -> httpx.Response:
    """One offer, of a client that does not connect."""
    pc = RTCPeerConnection()
    pc.addTransceiver("audio")
    pc.createDataChannel("chat")
    await pc.setLocalDescription(await pc.createOffer())
    reply = await http.post(url, json={"sdp": pc.localDescription.sdp, "type": "offer"}, headers=KNOWN)
    await pc.close()
    return reply
