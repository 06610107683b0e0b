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
import pytest
from support.processes import package_root

EXAMPLES = Path(__file__).parents[2] / "examples"
START_S = 60


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
