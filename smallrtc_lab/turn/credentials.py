"""What a TURN service answers, in the shapes that are documented, as ICE servers with an end.

==============================================  ===========================================================
answer                                          of
==============================================  ===========================================================
``[{"urls", "username", "credential"}, …]``     a list as pages take it
``{"iceServers": [...]}``, or one object there  Cloudflare, and many others (W3C RTCConfiguration)
``{"ice_servers": [...], "ttl": "86400"}``      Twilio; its servers have ``url`` besides ``urls``
``{"uris", "username", "password", "ttl"}``     the REST API for access to TURN services
                                                (draft-uberti-behave-turn-rest-00, section 2.2)
==============================================  ===========================================================

When they end is told by ``ttl`` (seconds), or by a user name of the form ``unix time:name`` as in that draft.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.ice import IceServerJson, normalise_ice_servers

__all__ = ["DEFAULT_LIFE_S", "Credentials", "CredentialsError", "read_answer"]

DEFAULT_LIFE_S = 3600.0
_REFRESH_AT = 0.75  # of their life: a try that fails leaves time for the next ones
_EXPIRY = re.compile(r"(\d{9,11}):.*")


class CredentialsError(SmallRTCError):
    """No TURN credentials could be had; the sentence says why, and holds no secret."""


@dataclass(frozen=True)
class Credentials:
    """ICE servers as a page takes them, and when they end: ``expires_at_s`` is Unix time."""

    ice_servers: list[IceServerJson] = field(repr=False)
    expires_at_s: float

    def refresh_in_s(self, now_s: float) -> float:
        """Seconds after which new ones should be asked for."""
        return max(1.0, (self.expires_at_s - now_s) * _REFRESH_AT)


def read_answer(answer: Any, *, life_s: float | None = None, now_s: float | None = None) -> Credentials:
    """The credentials in an answer of any shape above; ``life_s`` counts when it tells no end itself.

    Raises :class:`CredentialsError` for anything else, and for credentials that have expired already.
    """
    if isinstance(answer, Credentials):
        return answer
    now_s = time.time() if now_s is None else now_s
    servers = _normalised(_servers_in(answer))
    end_s = _told_end(answer, servers, now_s)
    if end_s is not None and end_s <= now_s:
        raise CredentialsError(
            "the credentials that came have expired already; is this computer's clock right?"
        )
    return Credentials(servers, end_s or now_s + (life_s or DEFAULT_LIFE_S))


def _servers_in(answer: Any) -> list[Any]:
    if isinstance(answer, (list, tuple)):
        return list(answer)
    if not isinstance(answer, Mapping):
        raise CredentialsError(f"the answer is {type(answer).__name__}, not JSON with servers")
    for name in ("iceServers", "ice_servers"):
        if name in answer:
            found = answer[name]
            return list(found) if isinstance(found, (list, tuple)) else [found]
    for name in ("uris", "urls"):
        if name in answer:
            credential = answer.get("password", answer.get("credential"))
            return [{"urls": answer[name], "username": answer.get("username"), "credential": credential}]
    raise CredentialsError("the answer has no iceServers, ice_servers, uris or urls")


def _normalised(servers: list[Any]) -> list[IceServerJson]:
    # Twilio still names each URL twice, once by the old name of the property.
    known = [
        {**server, "urls": server.get("urls", server.get("url"))} if isinstance(server, Mapping) else server
        for server in servers
    ]
    try:
        return normalise_ice_servers(known)
    except (TypeError, ValueError):
        raise CredentialsError("the answer holds something that is no ICE server") from None


def _told_end(answer: Any, servers: list[IceServerJson], now_s: float) -> float | None:
    """Unix time, by the life told, or else by the earliest end that a user name tells."""
    life = answer.get("ttl") if isinstance(answer, Mapping) else None
    if life is not None:
        try:
            return now_s + float(life)
        except (TypeError, ValueError):
            raise CredentialsError("the answer's ttl is no number of seconds") from None
    ends = [_EXPIRY.fullmatch(server.get("username", "")) for server in servers]
    return min((float(match[1]) for match in ends if match), default=None)
