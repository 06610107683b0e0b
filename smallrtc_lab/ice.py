"""ICE servers as plain JSON: what a page hands to ``RTCPeerConnection`` (W3C WebRTC, RTCIceServer).

No import of aiortc, so that the server extension can use it. URLs follow RFC 7064 (``stun:``) and
RFC 7065 (``turn:``).

Which servers count, the first that was given:

1. code: ``Lab(ice_servers=[...])``, ``SmallWebRTCRequestHandler(ice_servers)``; an empty list means none at all
2. the setting ``c.SmallRTCLab.ice_servers`` of the Jupyter server
3. the environment variable ``SMALLRTC_LAB_ICE_SERVERS`` of the Jupyter server or of the runner: a JSON list
4. none: no server is ever used that nobody named

Both sides of a connection use the same list: a page is told in its session socket's ``welcome``, a foreign client in
``iceConfig`` of the answer to ``POST start``. A credential is in no synced trait, no log and no message of an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

__all__ = [
    "ICE_SERVERS_VARIABLE",
    "IceServerJson",
    "ice_servers_from_environment",
    "normalise_ice_servers",
    "redact_ice_servers",
]

ICE_SERVERS_VARIABLE = "SMALLRTC_LAB_ICE_SERVERS"

IceServerJson: TypeAlias = dict[str, Any]

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)


def normalise_ice_servers(servers: Iterable[Any] | None) -> list[IceServerJson]:
    """Plain dicts ``{"urls": [...], "username", "credential"}`` from a list of URLs or of server objects.

    A server object is a mapping or anything with ``urls`` and perhaps ``username`` and ``credential``, such
    as aiortc's ``RTCIceServer``. Raises ``TypeError`` when both kinds are mixed or something is neither,
    ``ValueError`` for a URL that is not one of STUN or TURN.
    """
    if servers is None:
        return []
    if isinstance(servers, (str, bytes, Mapping)):
        raise TypeError(f"ice_servers is a list, not {type(servers).__name__}: put it in square brackets")
    entries = list(servers)
    texts = [isinstance(entry, str) for entry in entries]
    if any(texts) and not all(texts):
        raise TypeError("ice_servers mixes URLs and server objects: give a list of one kind")
    return [_from_url(entry) if isinstance(entry, str) else _from_object(entry) for entry in entries]


def ice_servers_from_environment(environment: Mapping[str, str]) -> list[IceServerJson]:
    """The servers in ``SMALLRTC_LAB_ICE_SERVERS``, none when it is not set; ``ValueError`` when it is wrong.

    The value may hold a credential, so the error does not quote it.
    """
    text = environment.get(ICE_SERVERS_VARIABLE, "").strip()
    if not text:
        return []
    try:
        servers = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{ICE_SERVERS_VARIABLE} is not JSON: write a list of URLs or of objects") from None
    if not isinstance(servers, list):
        raise ValueError(f"{ICE_SERVERS_VARIABLE} is not a JSON list: put it in square brackets")
    try:
        return normalise_ice_servers(servers)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{ICE_SERVERS_VARIABLE}: {error}") from None


def redact_ice_servers(servers: Iterable[IceServerJson]) -> list[IceServerJson]:
    """The same servers for a log: user names and credentials replaced by ``***``."""
    hidden = ("username", "credential")
    return [{key: "***" if key in hidden else value for key, value in server.items()} for server in servers]


def _from_url(url: str) -> IceServerJson:
    return {"urls": [_checked(url)]}


def _from_object(server: Any) -> IceServerJson:
    fields: Mapping[str, Any] = server if isinstance(server, Mapping) else _attributes(server)
    urls = fields.get("urls")
    if isinstance(urls, str):
        urls = [urls]
    if not isinstance(urls, (list, tuple)) or not urls or not all(isinstance(url, str) for url in urls):
        raise TypeError(
            f"ice_servers holds URLs, or objects with urls (one or a list), not {type(server).__name__}"
        )
    result: IceServerJson = {"urls": [_checked(url) for url in urls]}
    for name in ("username", "credential"):
        value = fields.get(name)
        if value is not None:
            result[name] = str(value)
    return result


def _attributes(server: object) -> dict[str, Any]:
    return {name: getattr(server, name, None) for name in ("urls", "username", "credential")}


def _checked(url: str) -> str:
    if "@" in url:  # not quoted: what stands before it is a secret
        raise ValueError(
            "an ICE server URL holds no user name and no password: write "
            'dict(urls="turn:host:port", username="...", credential="...")'
        )
    match = _URL.fullmatch(url)
    # A STUN URL has no query (RFC 7064, section 3.1), and a browser refuses one.
    bad = match is None or (match["scheme"].startswith("stun") and match["transport"] is not None)
    if match is None or bad or not 0 < int(match["port"] or 1) < 65536:
        raise ValueError(
            f"{url[:100]!r} is not an ICE server URL: write stun:host:port or turn:host:port?transport=udp|tcp"
        )
    return url
