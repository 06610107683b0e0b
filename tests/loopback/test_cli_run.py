"""`smallrtc-lab run` as a real process, and clients from outside that meet its bots."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
from aiortc import RTCPeerConnection
from support.outside import COLOUR, PEER_LEFT, TONE_HZ, Client, until
from support.runner import TOKEN, Runner, running

ECHO = Path(__file__).parents[2] / "examples" / "echo_bot.py"
DEADLINE_S = 60
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
    asked = await http.get(f"{root}client/", follow_redirects=True)
    assert "This page needs its token" in asked.text
    form = {"password": TOKEN, "_xsrf": http.cookies["_xsrf"]}
    entered = await http.post(asked.url, data=form, follow_redirects=True)
    assert (entered.url.path, entered.status_code) == ("/client/", 200)
    http.cookies.clear()


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
