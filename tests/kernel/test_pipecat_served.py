"""A bot written for Pipecat's runner, served from a cell: its pipeline is in the kernel, the media in the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.outside import COLOUR, TONE_HZ, Client, until

BOT = Path(__file__).parent.parent / "support" / "pipecat_bot.py"


async def test_a_pipeline_of_pipecat_is_served_from_a_cell(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """The file's text in a cell, and `serve(bot)`: sound, pictures and messages go both ways across the bridge."""
    pytest.importorskip("pipecat.runner.types")
    source = BOT.read_text().replace("from __future__ import annotations\n", "")
    cell = await served_kernel.execute(
        f"{source}\nfrom smallrtc_lab import serve\nserving = serve(bot, name='pipecat')", timeout_s=120
    )
    assert cell.error is None
    client = Client(f"{jupyter.url}smallrtc/", jupyter.token)
    assert (await client.join(start="sessions/pipecat/start")).status_code == 200
    pings = asyncio.create_task(ping(client))
    await until(lambda: any("hello" in message for message in client.messages))
    client.say({"label": "rtvi-ai", "type": "client-message", "id": "1", "data": {"t": "x"}})
    await until(lambda: any("echo" in message for message in client.messages))
    await client.picture(lambda image: bool(np.abs(image.mean((0, 1)) - COLOUR).max() < 12))
    assert abs(await client.tone_hz() - TONE_HZ) < 6
    pings.cancel()
    await client.close()
    await served_kernel.execute(
        "import time\nend = time.time() + 60\nwhile serving.clients and time.time() < end: time.sleep(0.1)",
        timeout_s=120,
    )
    assert await served_kernel.value("serving.clients") == []
    await served_kernel.execute("serving.close()")


async def ping(client: Client) -> None:
    """The protocol's heartbeat."""
    while True:
        client.channel.send("ping: 0")
        await asyncio.sleep(1)
