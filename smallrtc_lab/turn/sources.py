"""Where short-lived credentials come from: a secret shared with coturn, a URL, and two services by their own rules."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from smallrtc_lab.ice import IceServerJson, normalise_ice_servers

from .credentials import DEFAULT_LIFE_S, Credentials, read_answer
from .fetch import fetch_json, web_address

__all__ = ["Source", "cloudflare", "from_url", "secret_credential", "shared_secret", "twilio"]

FETCH_S = 8.0
_CLOUDFLARE = "https://rtc.live.cloudflare.com/v1/turn/keys/{}/credentials/generate-ice-servers"
_TWILIO = "https://api.twilio.com/2010-04-01/Accounts/{}/Tokens.json"


class Source(Protocol):
    """Gives credentials when called; blocks meanwhile."""

    @property
    def where(self) -> str:
        """For a sentence: no secret in it."""

    def __call__(self) -> Credentials:
        """New credentials; raises :class:`CredentialsError`."""


@dataclass(frozen=True)
class _SharedSecret:
    servers: tuple[str, ...]
    secret: str = field(repr=False)
    user: str
    life_s: float

    @property
    def where(self) -> str:
        return "the shared secret"

    def __call__(self) -> Credentials:
        end_s = int(time.time() + self.life_s)
        username, credential = secret_credential(self.secret, self.user, end_s)
        server: IceServerJson = {"urls": list(self.servers), "username": username, "credential": credential}
        return Credentials([server], end_s)


@dataclass(frozen=True)
class _Url:
    url: str = field(repr=False)
    where: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = FETCH_S
    life_s: float | None = None
    skip_port: int | None = None

    def __call__(self) -> Credentials:
        answer = fetch_json(
            self.url, method=self.method, headers=self.headers, body=self.body, timeout_s=self.timeout_s
        )
        credentials = read_answer(answer, life_s=self.life_s)
        return credentials if self.skip_port is None else _without_port(credentials, self.skip_port)


def secret_credential(secret: str, user: str, end_s: int) -> tuple[str, str]:
    """User name and password for a TURN server that shares ``secret``, valid until ``end_s`` (Unix time).

    ``end_s:user``, and base64(HMAC-SHA1(secret, user name)): draft-uberti-behave-turn-rest-00, section 2.2; coturn's
    ``use-auth-secret`` and ``static-auth-secret``.
    """
    username = f"{end_s}:{user}"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(digest).decode()


def shared_secret(
    urls: str | Iterable[str], secret: str, *, user: str = "smallrtc-lab", life_s: float = DEFAULT_LIFE_S
) -> _SharedSecret:
    """A source for your own coturn with ``use-auth-secret``: nobody is asked, the secret stays here.

    ``urls`` are TURN URLs. Raises ``ValueError`` for another URL, an empty secret or a life that is not positive.

    >>> shared_secret("turn:turn.example.org:3478", secret=os.environ["TURN_SECRET"])
    """
    servers = [urls] if isinstance(urls, str) else list(urls)
    normalise_ice_servers(servers)
    if not servers or not all(url.startswith("turn") for url in servers):
        raise ValueError("a shared secret is for TURN servers: turn:host:port")
    if not secret:
        raise ValueError("the shared secret is empty")
    return _SharedSecret(tuple(servers), secret, user, _positive(life_s))


def from_url(
    url: str,
    *,
    method: Literal["GET", "POST"] = "GET",
    headers: Mapping[str, str] | None = None,
    json_body: Any = None,
    timeout_s: float = FETCH_S,
    life_s: float | None = None,
) -> _Url:
    """A source that asks ``url``; the answer has any of the shapes in :mod:`.credentials`.

    ``json_body`` is sent as JSON, by POST. ``life_s`` is how long the credentials live when the answer does not say: an
    hour without it. Raises ``ValueError`` for what is no http or https address.

    >>> from_url("https://example.org/turn", headers={"Authorization": f"Bearer {token}"})
    """
    sent = dict(headers or {})
    body = None
    if json_body is not None:
        method, body = "POST", json.dumps(json_body).encode()
        sent.setdefault("Content-Type", "application/json")
    elif method == "POST":
        body = b""
    sent.setdefault("Accept", "application/json")
    life_s = None if life_s is None else _positive(life_s)
    return _Url(url, web_address(url), method, sent, body, _positive(timeout_s), life_s)


def cloudflare(key_id: str, api_token: str, *, life_s: float = 86400.0, timeout_s: float = FETCH_S) -> _Url:
    """Cloudflare's TURN service: a key of its dashboard, and that key's API token; at most 48 hours at a time.

    Its addresses on port 53 are left out: browsers block that port, and wait for it in vain.

    >>> cloudflare(os.environ["TURN_KEY_ID"], os.environ["TURN_KEY_API_TOKEN"])
    """
    asked = from_url(
        _CLOUDFLARE.format(urllib.parse.quote(key_id, safe="")),
        headers={"Authorization": f"Bearer {api_token}"},
        json_body={"ttl": int(_positive(life_s))},
        life_s=life_s,
        timeout_s=timeout_s,
    )
    return replace(asked, skip_port=53)


def twilio(account_sid: str, auth_token: str, *, life_s: float = 86400.0, timeout_s: float = FETCH_S) -> _Url:
    """Twilio's Network Traversal Service; at most 24 hours at a time.

    >>> twilio(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
    """
    login = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
    asked = from_url(
        _TWILIO.format(urllib.parse.quote(account_sid, safe="")),
        method="POST",
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"},
        life_s=life_s,
        timeout_s=timeout_s,
    )
    return replace(asked, body=f"Ttl={int(_positive(life_s))}".encode())


def _without_port(credentials: Credentials, port: int) -> Credentials:
    def other(url: str) -> bool:
        return url.partition("?")[0].rpartition(":")[2] != str(port)

    kept = [{**one, "urls": [url for url in one["urls"] if other(url)]} for one in credentials.ice_servers]
    return replace(credentials, ice_servers=[one for one in kept if one["urls"]])


def _positive(seconds: float) -> float:
    if not seconds > 0:
        raise ValueError(f"a number of seconds above 0, not {seconds!r}")
    return float(seconds)
