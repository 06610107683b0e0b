"""The ICE servers of the Jupyter server: handed to engines and to clients, and their credentials to no log."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

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
