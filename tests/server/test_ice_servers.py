"""The ICE servers of the Jupyter server: handed to engines and to clients, and their credentials to no log."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.server.ice_servers import with_secret
from smallrtc_lab.turn import Credentials
from smallrtc_lab.turn.local import TurnState, published, state_file

SECRET = "hush-hush-47"
SERVERS = [{"urls": ["turn:turn.example:3478"], "username": "u", "credential": SECRET}]


async def go_round(server: Any) -> None:
    """Everything that hands the servers out: an engine's welcome, start, an offer, and a request that is refused."""
    engine = await server.engine("echo", serves=True)
    assert engine.welcome["ice_servers"] == SERVERS
    await asyncio.gather(server.offer("echo"), engine.answer())
    started = (await server.ask("POST", "start", {"transport": "webrtc"})).json()
    assert started["iceConfig"] == {"iceServers": SERVERS}
    assert (await server.ask("POST", "start", b"no JSON")).status_code == 400
    assert (await server.ask("POST", "start", headers={})).status_code == 403


async def test_the_variable_reaches_engines_and_clients_and_no_log(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the environment the servers go to an engine's welcome and to `iceConfig`; the debug log has no password."""
    monkeypatch.setenv("SMALLRTC_LAB_ICE_SERVERS", json.dumps(SERVERS))
    caplog.set_level(logging.DEBUG)
    await go_round(await start_server())
    assert "smallrtc" in caplog.text
    assert SECRET not in caplog.text


async def test_the_setting_reaches_engines_and_clients_and_no_log(
    start_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for `c.SmallRTCLab.ice_servers`."""
    caplog.set_level(logging.DEBUG)
    await go_round(await start_server(f"--SmallRTCLab.ice_servers={json.dumps(SERVERS)}"))
    assert "smallrtc" in caplog.text
    assert SECRET not in caplog.text


async def heard(engine: Any, wanted: Any = lambda header: True) -> dict[str, Any]:
    """The next `ice-servers` of the link for which `wanted` holds."""
    while True:
        header = await engine.read()
        if header["type"] == "ice-servers" and wanted(header):
            return dict(header)


async def test_a_secret_makes_credentials_for_servers_without_a_user(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From `turn_secret` (here the variable): engines and clients get a password that ends; no log has the secret."""
    monkeypatch.setenv("SMALLRTC_LAB_TURN_SECRET", SECRET)
    caplog.set_level(logging.DEBUG)
    servers = ["stun:stun.example", "turn:turn.example", "turns:turn.example?transport=tcp"]
    server = await start_server(f"--SmallRTCLab.ice_servers={json.dumps(servers)}")
    engine = await server.engine("echo", serves=True)
    given = engine.welcome["ice_servers"]
    if len(given) < 2:  # the server has only just begun
        given = (await heard(engine))["ice_servers"]
    stun, turn = given
    assert stun == {"urls": servers[:1]}
    assert turn["urls"] == servers[1:]
    assert int(turn["username"].split(":")[0]) > time.time()
    started = (await server.ask("POST", "start", {"transport": "webrtc"})).json()
    assert started["iceConfig"]["iceServers"] == given
    assert SECRET not in caplog.text + json.dumps(given)


@contextlib.contextmanager
def service(answers: list[tuple[int, Any]]) -> Iterator[str]:
    """An address that gives each of these answers in turn, the last one again and again."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *given: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/credentials?key={SECRET}"
        finally:
            running.shutdown()
            thread.join()


async def test_an_address_is_asked_again_and_engines_hear_it(
    start_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Engines hear the renewed credentials before the old ones end, and that none came, without the address's key."""
    monkeypatch.setenv("no_proxy", "*")
    caplog.set_level(logging.DEBUG)
    first, second = ({**SERVERS[0], "username": name, "credential": f"password-of-{name}"} for name in "ab")
    answers = [(200, {"iceServers": [first], "ttl": 2}), (200, {"iceServers": [second], "ttl": 2}), (403, {})]
    with service(answers) as address:
        monkeypatch.setenv("SMALLRTC_LAB_TURN_CREDENTIALS_URL", address)
        server = await start_server()
        engine = await server.engine("echo", serves=True)
        changed = await heard(engine, lambda header: header["ice_servers"] == [second])
        assert changed["failure"] is None
        failed = await heard(engine, lambda header: header["failure"])
        assert failed["ice_servers"] is None  # the old ones stay
        assert "answered 403" in failed["failure"]
        late = await server.engine("late", serves=True)
        assert late.welcome["ice_servers"] == [second]
        assert late.welcome["ice_failure"] == failed["failure"]
    assert "no TURN credentials" in caplog.text
    for secret in (SECRET, "password-of-"):
        assert secret not in caplog.text + failed["failure"]


async def test_a_function_of_the_configuration_is_a_source(start_server: Any, tmp_path: Path) -> None:
    """`c.SmallRTCLab.turn_credentials` in a configuration file in Python."""
    config = tmp_path / "config.py"
    config.write_text(f"c.SmallRTCLab.turn_credentials = lambda: {SERVERS!r}\n")
    server = await start_server(f"--config={config}")
    engine = await server.engine("echo", serves=True)
    given = engine.welcome["ice_servers"] or (await heard(engine))["ice_servers"]
    assert given == SERVERS


async def test_a_turn_server_of_this_machine_comes_and_goes(start_server: Any) -> None:
    """`smallrtc-lab turn` is found while its file is there, when somebody is about to need it, without a restart."""
    server = await start_server()
    engine = await server.engine("echo", serves=True)
    assert engine.welcome["ice_servers"] == []
    url = "turn:localhost:3478?transport=tcp"
    with published(TurnState(os.getpid(), url, SECRET), state_file()):
        page = await server.page("echo")
        await page.send({"type": "status", "state": "asking", "error": None})
        (local,) = (await heard(engine))["ice_servers"]
        assert local["urls"] == [url]
        assert SECRET not in json.dumps(local)
        started = (await server.ask("POST", "start", {"transport": "webrtc"})).json()
        assert started["iceConfig"]["iceServers"] == [local]
    await page.send({"type": "status", "state": "asking", "error": None})
    assert (await heard(engine))["ice_servers"] == []


def test_only_turn_servers_without_a_user_need_the_secret() -> None:
    """Others stay as they are, and STUN beside TURN in one entry loses nothing."""
    both = {"urls": ["stun:a.example", "turn:a.example"]}
    fixed, (source,) = with_secret([*SERVERS, both], "s")
    assert fixed == [*SERVERS, {"urls": ["stun:a.example"]}]
    made = source()
    assert isinstance(made, Credentials)
    assert made.ice_servers[0]["urls"] == ["turn:a.example"]
    assert with_secret([*SERVERS, both], "") == ([*SERVERS, both], [])
    assert with_secret(SERVERS, "s") == (SERVERS, [])
