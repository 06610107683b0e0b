"""The extension's beginning and end, and what it leaves in logs and in the environment."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ["av", "aiortc", "aioice", "matplotlib", "anywidget", "ipywidgets", "numpy", "PIL"]
CHECKOUT = Path(__file__).parents[2]


def test_the_extension_loads_nothing_heavy() -> None:
    """A server that never sees a Lab pays for no codec, no WebRTC, no plot and no widget."""
    code = (
        "import sys, smallrtc_lab.server as s; s._jupyter_server_extension_points(); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=200, cwd=CHECKOUT
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_shipped_configuration_enables_it() -> None:
    """The file that goes to etc/jupyter/jupyter_server_config.d names a module with extension points."""
    config = json.loads((CHECKOUT / "jupyter-config" / "smallrtc_lab.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"smallrtc_lab.server": True}}}


async def test_kernels_are_told_the_port_that_was_bound(
    start_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the wanted port taken, the variable holds the one the server got; an outer server's value is overwritten."""
    monkeypatch.setenv("SMALLRTC_LAB_SERVER", "http://outer.example/")
    monkeypatch.setenv("SMALLRTC_LAB_SERVER_CERT", "/outer.pem")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = await start_server(
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=20",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.base_url=/b/",
        )
        assert server.app.port != port
        assert os.environ["SMALLRTC_LAB_SERVER"] == f"http://127.0.0.1:{server.app.port}/b/"
        assert "SMALLRTC_LAB_SERVER_CERT" not in os.environ
        reply = await server.http.post(
            os.environ["SMALLRTC_LAB_SERVER"] + "smallrtc/start", headers=server.headers
        )
        assert reply.status_code == 400
        await server.app._cleanup()
        assert "SMALLRTC_LAB_SERVER" not in os.environ


async def test_https_and_its_certificate(start_server: Any, tmp_path: Path) -> None:
    """An https server publishes an https address and the certificate, and whoever trusts just that can link."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-days",
                "2",
            ),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    server = await start_server(
        f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}", "--ServerApp.ip=*"
    )
    assert os.environ["SMALLRTC_LAB_SERVER"] == f"https://127.0.0.1:{server.app.port}/"
    assert os.environ["SMALLRTC_LAB_SERVER_CERT"] == str(certificate)
    context = ssl.create_default_context(cafile=os.environ["SMALLRTC_LAB_SERVER_CERT"])
    context.check_hostname = False
    await server.engine("s1", ssl=context)


async def test_unix_socket(start_server: Any, tmp_path: Path) -> None:
    """A server on a unix socket publishes its path in the URL's host, and an engine links through it."""
    path = tmp_path / "s.sock"
    server = await start_server(f"--ServerApp.sock={path}", "--ServerApp.port=8888")
    assert os.environ["SMALLRTC_LAB_SERVER"] == f"http+unix://{str(path).replace('/', '%2F')}/"
    await server.engine("s1", unix=True, path=str(path))


async def test_a_stop_closes_everything(start_server: Any) -> None:
    """When the server stops, pages and engines are closed with 1001, waiting requests are answered, no task is left."""
    before = asyncio.all_tasks()
    server = await start_server("--SmallRTCLab.engine_wait_s=60")
    engine = await server.engine("s1")
    page = await server.page("s1")
    silent = await server.page("s1", max_queue=1)
    early = await server.page("later")
    asking = asyncio.create_task(server.offer("s1"))
    waiting = asyncio.create_task(server.offer("later"))
    await engine.expect("page-open")
    await engine.expect("page-open")
    await engine.expect("request")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await server.extension.stop_extension()
    assert loop.time() - began_s < 20
    assert {await engine.closed(), await page.closed(), await early.closed()} == {1001}
    assert (await asking).json()["reason"] == "engine-gone"
    assert (await waiting).json()["reason"] == "server-stopping"
    await silent.socket.close()
    await asyncio.sleep(0.1)
    ours = {t for t in asyncio.all_tasks() - before if "smallrtc_lab" in repr(t) or "outbox" in t.get_name()}
    assert ours == set()
    assert (await server.offer("s1")).json()["reason"] == "server-stopping"


SECRETS = {
    "token": "token-that-nobody-may-see",
    "sdp": "secret-sdp",
    "candidate": "candidate:secret-candidate",
    "credential": "secret-credential",
    "username": "secret-username",
}


async def test_no_secret_in_any_log(start_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG level good and bad requests leave no token, proof, SDP, candidate or credential."""
    caplog.set_level(logging.DEBUG)
    for name in ("client", "httpx", "httpcore"):  # the test's own side, which must have the secrets
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ice = [
        {"urls": "turn:turn.example", "username": SECRETS["username"], "credential": SECRETS["credential"]}
    ]
    server = await start_server(
        f"--SmallRTCLab.ice_servers={json.dumps(ice)}", "--SmallRTCLab.engine_wait_s=0.2"
    )
    engine = await server.engine("s1", serves=True)
    page = await server.page("s1")
    await page.send({"type": "hello", "version": 1, "page": "p", "visible": True, "x": SECRETS["sdp"]})
    await engine.expect("page-open")
    await engine.expect("page")
    candidates = {"pc_id": "p", "candidates": [{"candidate": SECRETS["candidate"]}]}
    assert SECRETS["credential"] in (await server.ask("POST", "start", {})).text
    await asyncio.gather(server.offer("s1"), engine.answer())
    await asyncio.gather(
        server.ask("PATCH", "sessions/s1/api/offer", candidates), engine.answer(500, {"x": SECRETS["sdp"]})
    )
    await asyncio.gather(server.offer("s1"), engine.answer(99))
    for body in (
        b'{"sdp": "secret-sdp"',
        b'{"sdp": "secret-sdp", "type": 3}',
        b'{"candidates": "candidate:secret-candidate"}',
    ):
        for method in ("POST", "PATCH"):
            await server.ask(method, "sessions/s1/api/offer", body)
            await server.http.request(
                method, server.url + "api/offer", content=body, params={"token": SECRETS["token"]}
            )
    await server.offer("never")
    await server.ask("GET", "nowhere")
    await server.ask("POST", "start", {}, headers={"Authorization": f"token {SECRETS['token']}x"})
    proof = engine.socket.request.headers["X-SmallRTC-Proof"]
    for wrong in (proof[:-1] + "?", ""):
        reply = await server.ask("GET", "link", headers={**server.headers, "X-SmallRTC-Proof": wrong})
        assert reply.status_code in (400, 403)
    await page.socket.send('{"sdp": "secret-sdp"')
    await page.closed()
    await engine.socket.send(b"secret-sdp")
    await engine.closed()
    await server.app._cleanup()
    text = caplog.text
    assert "link of kernel" in text
    secrets = [*SECRETS.values(), proof, proof[:-1]]
    assert [secret for secret in secrets if secret in text] == []
