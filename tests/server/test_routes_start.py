"""`POST start` as the npm client sends it."""

from __future__ import annotations

import json
from typing import Any


async def test_nothing_to_start_yet(server: Any) -> None:
    """503 and a sentence while no session is the default."""
    reply = await server.ask("POST", "start", {"transport": "webrtc"})
    assert (reply.status_code, reply.json()["reason"]) == (503, "no-default-session")
    reply = await server.ask("POST", "start", {"transport": "carrier pigeon"})
    assert (reply.status_code, reply.json()["reason"]) == (400, "malformed")


async def test_names_the_session_and_ice_servers(start_server: Any) -> None:
    """The answer holds the default session and the configured servers, which the client may decline."""
    servers = [{"urls": ["turn:turn.example:3478"], "username": "u", "credential": "c"}]
    server = await start_server(f"--SmallRTCLab.ice_servers={json.dumps(servers)}")
    server.extension.broker.default_session = "s1"
    reply = await server.ask("POST", "start", {"body": {"a": 1}})
    assert reply.json() == {"sessionId": "s1", "iceConfig": {"iceServers": servers}}
    reply = await server.ask("POST", "start", {"enableDefaultIceServers": False})
    assert reply.json() == {"sessionId": "s1"}


async def test_no_ice_servers_no_ice_config(server: Any) -> None:
    """`iceConfig` is left out when there is nothing in it."""
    server.extension.broker.default_session = "s1"
    assert (await server.ask("POST", "start", {})).json() == {"sessionId": "s1"}
