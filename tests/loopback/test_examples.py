"""The examples run as a person runs them: real servers, a real client, and what it prints."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from support import runner
from support.outside import Client
from support.processes import package_root

EXAMPLES = Path(__file__).parents[2] / "examples"
START_S = 60
PEOPLE = {
    "Ada": {"hz": 440.0, "colour": (200, 60, 30)},
    "Bo": {"hz": 700.0, "colour": (40, 160, 60)},
    "Cy": {"hz": 1000.0, "colour": (40, 60, 200)},
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(package_root()), "PYTHONUNBUFFERED": "1"}


@contextlib.asynccontextmanager
async def running(example: str, *options: str):
    """An example's server; yields its address, and expects a clean end on Ctrl-C."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLES / example, "--port", str(port), *options,
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_S):
            while True:
                assert process.returncode is None, (await process.stdout.read()).decode()
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            said = (await process.stdout.read()).decode()
            await process.wait()
        assert "Traceback" not in said.replace("KeyboardInterrupt", ""), said
        assert process.returncode in (0, 1, 130, -signal.SIGINT), said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def client(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLES / "client.py", *arguments,
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(90):
        said = (await process.stdout.read()).decode()
        code = await process.wait()
    print(said)
    return code, said


async def test_the_client_meets_the_runners_bot_at_once(tmp_path):
    """Everything comes back from `smallrtc-lab run`, and the first request after the printed address is in time."""
    async with runner.running(tmp_path / "home", EXAMPLES / "echo_bot.py") as server:
        await server.said(r"/client/\?token=")
        known = {"Authorization": f"token {runner.TOKEN}"}
        async with httpx.AsyncClient(trust_env=False, headers=known) as http:
            assert (await http.post(f"{server.root}start", json={})).status_code == 200
        code, said = await client(server.root, "--token", runner.TOKEN, "--seconds", "4")
        assert code == 0, said
        figures = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        assert float(figures["pictures/s"]) > 0
        assert abs(float(re.match(r"(\d+) Hz", figures["loudest tone"])[1]) - 440) <= 4
        await server.stop()


@pytest.mark.parametrize("example", ["fastapi_echo.py", "aiohttp_echo.py"])
async def test_an_echo_comes_back_and_errors_are_json(example):
    """Pictures, the tone at its pitch and every message come back; what is refused has a status and a sentence."""
    async with running(example) as url:
        code, said = await client(url, "--seconds", "4")
        assert code == 0
        figures = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        assert float(figures["pictures/s"]) > 0
        assert figures["picture size"] == "640×480"
        assert abs(float(re.match(r"(\d+) Hz", figures["loudest tone"])[1]) - 440) <= 4
        assert int(figures["messages back"]) >= 1
        async with httpx.AsyncClient(base_url=url) as http:
            for method, body, status, reason in [
                ("POST", "not JSON", 400, "malformed"),
                ("POST", json.dumps({"sdp": "v=0", "type": "offer"}), 400, "bad-sdp"),
                ("PATCH", json.dumps({"pc_id": "nobody", "candidates": []}), 404, "unknown-connection"),
            ]:
                answer = await http.request(method, "/api/offer", content=body)
                assert (answer.status_code, answer.json()["reason"]) == (status, reason)
                assert answer.json()["message"]


async def test_the_client_says_in_one_line_why_there_is_no_connection():
    """No server, and one that refuses: a sentence and an exit code, no traceback."""
    code, said = await client(f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert said.startswith("no connection: ")
    assert "Traceback" not in said


@contextlib.asynccontextmanager
async def in_the_room(url: str, name: str):
    """A client that says its name, with a tone and a colour of its own, until the end of the block."""
    person = Client(f"{url}/", "none", **PEOPLE[name])
    try:
        assert (await person.offer("api/offer", requestData={"name": name})).status_code == 200
        yield person
    finally:
        await person.close()


def amplitude(sound: np.ndarray, hz: float) -> float:
    window = np.hanning(len(sound))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(sound)) / 48_000)
    return float(2 * abs(np.dot(sound * window, wave)) / window.sum())


async def until_hears(person: Client, wanted: set[str]) -> None:
    """Until the tones of exactly those people are in half a second of sound."""
    async with asyncio.timeout(90):
        heard: set[str] | None = None
        while heard != wanted:
            pieces = [(await person.tracks["audio"].recv()).to_ndarray()[0, ::2] for _ in range(25)]
            sound = np.concatenate(pieces) / 32_768
            heard = {name for name, what in PEOPLE.items() if amplitude(sound, what["hz"]) > 0.02}


async def until_sees(person: Client, name: str) -> None:
    colour = np.array(PEOPLE[name]["colour"])
    await person.picture(lambda image: bool(np.abs(image.mean((0, 1)) - colour).max() < 12))


async def test_in_a_room_all_see_the_teacher_and_hear_everybody_but_themselves():
    """One encoder serves all, the list says who is here, the fourth is refused; one leaves and the rest go on."""
    async with running("room.py", "--max-clients", "3") as url, contextlib.AsyncExitStack() as stack:
        teacher = contextlib.AsyncExitStack()
        bo = await teacher.enter_async_context(in_the_room(url, "Bo"))
        stack.push_async_callback(teacher.aclose)
        cy = await stack.enter_async_context(in_the_room(url, "Cy"))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        async with in_the_room(url, "Ada") as ada:
            await asyncio.gather(until_sees(ada, "Bo"), until_sees(cy, "Bo"))
            for person, others in ((ada, {"Bo", "Cy"}), (bo, {"Ada", "Cy"}), (cy, {"Ada", "Bo"})):
                await until_hears(person, others)
            room = (await http.get("/room")).json()
            print(room)
            assert [(who["name"], who["teacher"], who["state"]) for who in room["people"]] == [
                ("Bo", True, "connected"),
                ("Cy", False, "connected"),
                ("Ada", False, "connected"),
            ]
            video = room["broadcast"]["video"]
            assert (video["encoders"], video["tracks"]) == (1, 2)
            assert video["encoded"] <= video["put"] + video["keyframes"]
            late = Client(f"{url}/", "none")
            refused = await late.offer("api/offer")
            await late.close()
            assert (refused.status_code, refused.json()["reason"]) == (429, "too-many")
            assert "try again when somebody has left" in refused.json()["message"]
        await until_hears(bo, {"Cy"})
        await teacher.aclose()
        async with in_the_room(url, "Ada") as ada:
            await asyncio.gather(until_sees(ada, "Cy"), until_hears(ada, {"Cy"}))
