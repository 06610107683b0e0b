"""TURN from the notebook to the page: media that have no other way, and a credential that is nowhere to be read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from support.coturn import free_port, run_coturn
from support.jupyter import JupyterServer
from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

SECRET = "shared-hush-47"
LAB = """
import json, pathlib, time
from smallrtc_lab import Lab, turn
servers = json.loads(pathlib.Path({path!r}).read_text())
made = turn.shared_secret(servers["url"], servers["secret"], life_s=6)
ends = []
def source():
    ends.append(made().expires_at_s)
    return made()
lab = Lab(ice_servers=source)
lab
"""
WRONG = """
wrong = Lab(ice_servers=servers["wrong"])
wrong
"""
BESIDE = """
beside = Lab(name="beside")
beside
"""
IN_A_URL = 'Lab(ice_servers=["turn:mary:" + servers["secret"] + "@127.0.0.1"])'
# W3C iceTransportPolicy: from now on no address of the page's own is used, only its TURN server.
RELAY_ONLY = """(() => {
  const Real = RTCPeerConnection
  window.RTCPeerConnection = class extends Real {
    constructor(options) { super({ ...options, iceTransportPolicy: 'relay' }) }
  }
})()"""
EVERYTHING = """json.dumps(
    [lab.get_state(), lab.stats(), repr(lab), lab.mirror.problems, wrong.mirror.problems], default=str
)"""


@contextlib.asynccontextmanager
async def turn_command(jupyter: JupyterServer) -> AsyncIterator[None]:
    """`smallrtc-lab turn` of the person whose Jupyter server that is, while the block runs."""
    command = [sys.executable, "-P", "-m", "smallrtc_lab", "turn", "--ip", "127.0.0.1"]
    process = await asyncio.create_subprocess_exec(
        *command, "--port", str(free_port("127.0.0.1")), env=jupyter.family.environment(),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"Ctrl-C" not in (line := await process.stdout.readline()):
            assert line
    try:
        yield
    finally:
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


async def test_media_take_the_turn_server_and_nobody_reads_its_password(
    open_notebook: OpenNotebook, jupyter: JupyterServer, tmp_path: Path
) -> None:
    """A page that may relay only goes live with route turn, with new credentials after the first ones have ended, too.

    The secret and the password are in no file, log, state, message or diagnosis.
    """
    secrets_file = tmp_path / "ice.json"
    async with run_coturn(tmp_path, secret=SECRET) as coturn:
        mistaken = coturn.turn() | {"credential": "mistaken-hush-48"}
        secrets_file.write_text(json.dumps({"url": coturn.url(), "secret": SECRET, "wrong": [mistaken]}))
        notebook = await open_notebook([LAB.format(path=str(secrets_file)), WRONG, IN_A_URL, BESIDE])
        said: list[str] = []
        notebook.page.on("console", lambda message: said.append(message.text))
        await notebook.run(0)
        view = LabView(notebook, 0)
        await view.wait_link("open")
        await notebook.page.evaluate(RELAY_ONLY)
        print(f"live through TURN after {await view.start():.2f} s")
        kernel = await notebook.kernel()
        await kernel.wait_value("lab.route == 'turn'")
        await kernel.wait_value("lab.video.latest().image.shape[2] == 3")
        assert await view.problems() == []
        told = await kernel.value("(d := lab.diagnose()) and [d.verdict, d.report(), d._repr_html_()]")
        assert told[0].startswith("Live: media go through a TURN server")
        assert "✓ pairs tried by the page  relay–" in told[1]
        await kernel.wait_value("time.time() - ends[0]", lambda after_s: after_s > 1)
        assert await view.state() == "live"  # a connection outlives its credentials
        await kernel.execute("lab.stop()")
        await view.wait_state("idle")
        print(f"live again after {await view.start():.2f} s")
        await kernel.wait_value("lab.route == 'turn'")

        await notebook.run(1)
        problem = await LabView(notebook, 1).wait_problem("refuses the user name and password")
        assert "ice_servers" in problem
        refused = await notebook.run(2)
        assert refused.error is not None
        assert "username=" in refused.error.message

        await kernel.execute("lab.stop()")
        await notebook.run(3)
        beside = LabView(notebook, 3)
        await beside.wait_link("open")
        async with turn_command(jupyter):  # it comes after the page, and nothing in the notebook names it
            print(f"live through smallrtc-lab turn after {await beside.start():.2f} s")
            await kernel.wait_value("beside.route == 'turn'")

        saved = await notebook.save()
        everywhere = {
            "the notebook's file": json.dumps(saved),
            "widget state, statistics and problems": str(await kernel.value(EVERYTHING)),
            "the diagnosis": str(told),
            "the server's log, with the kernel's and the engine's": jupyter.log(),
            "the page's console": "\n".join(said),
            "the page itself": await notebook.page.content(),
        }
    for place, text in everywhere.items():
        assert len(text) > 20 or place == "the page's console", place
        for secret in (SECRET, "mistaken-hush-48"):
            assert secret not in text, f"{place} holds the password"
