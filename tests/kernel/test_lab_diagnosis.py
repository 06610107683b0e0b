"""lab.diagnose() in a kernel, and a function as the source of TURN credentials."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from support.jupyter import JupyterServer
from support.kernel import Kernel
from websockets.asyncio.client import connect

BEGIN = """
import json, threading
from smallrtc_lab import Lab
calls = []
def mine():
    calls.append(1)
    server = {"urls": "turn:127.0.0.1:9?transport=tcp", "username": "mary", "credential": "hush-47"}
    return {"ice_servers": [server], "ttl": "600"}
lab = Lab(ice_servers=mine)
"""
TOLD = "[d.verdict, d.advice, d.broken, [[r.probe, r.result, r.finding.name] for r in d.rows]]"
PAGE = {
    "secure": True, "host": "localhost", "browser": "Firefox 140", "media_devices": True, "webrtc": True,
    "web_codecs": True, "camera": "denied", "microphone": "granted", "cameras": 1, "microphones": 1, "pairs": [],
}  # fmt: skip
DEADLINE_S = 60


async def answer(socket: Any) -> list[dict[str, Any]]:
    """Be a page that answers one question; what it was told until then."""
    told = []
    async with asyncio.timeout(DEADLINE_S):
        while True:
            told.append(json.loads(await socket.recv()))
            if told[-1]["type"] == "diagnose":
                await socket.send(json.dumps({"type": "diagnosis", "id": told[-1]["id"], **PAGE}))
                return told


async def test_a_diagnosis_goes_from_the_kernel_to_the_page_and_back(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """Without a page, with one that answers, live, and with a killed engine: no exception, and never the password."""
    kernel = served_kernel
    await kernel.execute(BEGIN, timeout_s=90)
    await kernel.wait_value("lab._access.client.link_state", lambda state: state == "linked")
    await kernel.wait_value("len(calls)", lambda count: count == 1)
    alone = await kernel.execute("d = lab.diagnose(); d", timeout_s=90)
    assert "no page shows this lab" in (alone.result or "")
    assert "<table" in alone.displays[-1]["text/html"]

    session = await kernel.value("lab._session")
    address = jupyter.url.replace("http", "ws", 1) + f"smallrtc/sessions/{session}/socket"
    headers = {"Authorization": f"token {jupyter.token}"}
    async with connect(address, additional_headers=headers, proxy=None) as socket:
        hello = {"type": "hello", "version": 1, "page": "beside-the-kernel", "visible": True}
        await socket.send(json.dumps(hello))
        told, _ = await asyncio.gather(answer(socket), kernel.execute("d = lab.diagnose()", timeout_s=90))
        (welcome,) = [one for one in told if one["type"] == "welcome"]
        assert welcome["ice_servers"][0]["username"] == "mary"
        verdict, advice, broken, rows = await kernel.value(TOLD)
        assert (verdict, broken) == ("The camera is blocked for this site.", True)
        assert "allow the camera" in advice
        assert ["page", "Firefox 140 answers", "GOOD"] in rows
        assert [row[2] for row in rows if row[0] == "TURN"] == ["BAD"]
        assert "hush-47" not in await kernel.value("repr(d) + d._repr_html_() + d.report() + repr(lab)")

    await kernel.execute("lab.simulate(); lab.wait_live(60); d = lab.diagnose()", timeout_s=120)
    assert (await kernel.value("d.verdict")).startswith("A simulated browser is live")
    assert await kernel.value("[r.result for r in d.rows if r.probe == 'connection']") == ["live, directly"]
    await kernel.execute(
        "def broken(): raise RuntimeError('hush-48')\nbad = Lab(ice_servers=broken, name='bad')"
    )
    ask = "(d := bad.diagnose()) and [p['code'] for p in bad.mirror.problems.values()] and d.verdict"
    said = await kernel.wait_value(
        "bad.mirror.problems.get('turn-credentials-failed')", lambda problem: problem
    )
    assert said["message"].startswith(
        "No TURN credentials could be had from broken() (RuntimeError at line 1"
    )
    assert "hush-48" not in str(said) + await kernel.value(ask) + await kernel.value("repr(d)")
    await kernel.execute("bad.close()")
    await kernel.execute("lab.stop()\nimport os; os.kill(lab._access.client.pid, 9)")
    await kernel.execute("d = lab.diagnose()", timeout_s=90)
    assert await kernel.value("type(d).__name__") == "Diagnosis"
    await kernel.execute("lab.close()")
    names = "[t.name for t in threading.enumerate() if 'turn' in t.name]"
    assert await kernel.value(names) == []
