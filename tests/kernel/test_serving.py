"""`serve(bot)` in a notebook: a path of its own, clients from outside, and what a person sees of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from support.jupyter import JupyterServer
from support.kernel import Execution, Kernel
from support.outside import COLOUR, PEER_LEFT, TONE_HZ, Client, until

BOT = """
import asyncio
from smallrtc_lab import SmallWebRTCTransport, TransportParams, serve

async def echo(runner_args):
    transport = SmallWebRTCTransport(
        runner_args.webrtc_connection,
        TransportParams(audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True),
    )

    @transport.event_handler("on_app_message")
    async def got(transport, message, sender):
        print("heard", message)
        await transport.send_message([message, runner_args.body])

    async def pictures():
        async for frame in transport.input().video_frames("camera"):
            await transport.output().write_video_frame(255 - frame.image)

    async def sound():
        async for clip in transport.input().audio_frames():
            await transport.output().write_audio_frame(clip)

    await asyncio.gather(pictures(), sound())
"""
SERVE = (
    BOT
    + """
serving = serve(echo, name="echo")
serving
"""
)
FILE = (
    BOT
    + """
async def bot(runner_args):
    await echo(runner_args)
"""
)


def shown_under(kernel: Kernel, cell: Execution) -> str:
    """What the cell that serves shows at this moment."""
    return str(kernel.shown[cell.display_ids[0]]["text/plain"])


def client_of(jupyter: JupyterServer) -> Client:
    return Client(f"{jupyter.url}smallrtc/", jupyter.token)


async def test_a_bot_of_a_cell_meets_clients_while_the_kernel_is_busy(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """Picture, sound and messages go both ways, also during a busy cell; prints come under the cell that serves."""
    cell = await served_kernel.execute(SERVE, timeout_s=60)
    assert cell.error is None
    assert "nobody here" in (cell.result or "")
    client = client_of(jupyter)
    assert (await client.join(body={"room": 7}, start="sessions/echo/start")).status_code == 200
    client.say("hello")
    await until(lambda: client.messages)
    assert client.messages == [["hello", {"room": 7}]]
    inverted = 255 - np.array(COLOUR)
    await client.picture(lambda image: bool(np.abs(image.mean((0, 1)) - inverted).max() < 12))
    assert abs(await client.tone_hz() - TONE_HZ) < 5
    await until(lambda: "heard hello" in shown_under(served_kernel, cell))
    busy = await served_kernel.submit("import time; end = time.time() + 4\nwhile time.time() < end: pass")
    client.messages.clear()
    client.say("busy?")
    await until(lambda: client.messages)
    assert not busy.done
    await busy.wait(60)
    assert "1 client here" in await served_kernel.value("repr(serving)")
    path = await served_kernel.value("serving.guest_path")
    assert path.startswith("/smallrtc/client/?session=echo&guest_token=")
    token = path.partition("guest_token=")[2]
    assert token not in str(cell.displays) + await served_kernel.value(
        "repr(serving) + serving._repr_html_()"
    )
    guest = Client(client.url, "", authorization=f"guest {token}")
    assert (await guest.join("echo")).status_code == 200
    await guest.close()
    again = await served_kernel.execute(
        SERVE, timeout_s=60
    )  # run again: the old one ends, its client is told
    assert again.error is None
    await until(lambda: client.messages[-1] == PEER_LEFT)
    await client.close()
    await served_kernel.execute("import smallrtc_lab; smallrtc_lab.close_all()")
    assert "no longer" in await served_kernel.value("repr(serving)")
    assert await served_kernel.value("smallrtc_lab.lab.registry.registry.client().pid") is None


async def test_a_file_is_served_by_a_process_of_its_own(
    jupyter: JupyterServer, served_kernel: Kernel, tmp_path: Path
) -> None:
    """Its prints come under the cell; a broken file raises with its own lines; closing ends the process."""
    file = tmp_path / "my_bot.py"
    file.write_text(FILE)
    cell = await served_kernel.execute(
        f"import smallrtc_lab\nserving = smallrtc_lab.serve({str(file)!r}, single=True)\nserving",
        timeout_s=60,
    )
    assert "process of its own" in (cell.result or "")
    client, other = client_of(jupyter), client_of(jupyter)
    assert (await client.join("my_bot")).status_code == 200
    client.say("hello")
    await until(lambda: client.messages)
    refused = await other.join("my_bot")
    assert (refused.status_code, refused.json()["reason"]) == (400, "busy")
    await until(lambda: "heard hello" in shown_under(served_kernel, cell))
    await served_kernel.execute("serving.close()")
    await until(lambda: client.messages[-1] == PEER_LEFT)
    for one in (client, other):
        await one.close()
    file.write_text("async def bot(runner_args:\n    pass")
    broken = await served_kernel.execute(f"smallrtc_lab.serve({str(file)!r})", timeout_s=60, check=False)
    assert broken.error is not None
    assert broken.error.name == "BotFileError"
    assert "SyntaxError" in broken.error.message


async def test_what_cannot_be_served_says_why(served_kernel: Kernel) -> None:
    """No async function, a wrong name, and no Jupyter server: one sentence each, and nothing is left."""
    await served_kernel.execute("from smallrtc_lab import serve\nasync def good(runner_args): pass")
    for code, name, sentence in (
        ("serve(lambda a: a)", "BotFileError", "must be async"),
        ("serve(good, name='a b')", "ValueError", "letters, digits"),
        (
            "import os; os.environ.pop('SMALLRTC_LAB_SERVER'); serve(good)",
            "SmallRTCError",
            "smallrtc-lab run",
        ),
    ):
        cell = await served_kernel.execute(code, check=False)
        assert cell.error is not None
        assert (cell.error.name, sentence in cell.error.message) == (name, True)
    assert await served_kernel.value("__import__('threading').active_count() < 20")


async def test_a_bot_that_raises_is_shown_under_its_cell(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """The traceback of a bot comes under the cell that serves it, minutes later too; its client is told."""
    cell = await served_kernel.execute(
        "import smallrtc_lab\nasync def bad(runner_args):\n    raise LookupError('no such voice')\n"
        "serving = smallrtc_lab.serve(bad)",
        timeout_s=60,
    )
    client = client_of(jupyter)
    joining = asyncio.create_task(client.join("bad"))
    await until(lambda: "LookupError: no such voice" in shown_under(served_kernel, cell))
    joining.cancel()
    await client.close()
    await served_kernel.execute("serving.close()")
