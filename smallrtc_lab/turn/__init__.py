"""TURN credentials that live for minutes or hours, got from whoever gives them out.

    from smallrtc_lab import Lab, turn

    Lab(ice_servers=turn.shared_secret("turn:turn.example.org:3478", secret=os.environ["TURN_SECRET"]))
    Lab(ice_servers=turn.from_url("https://example.org/turn", headers={"Authorization": "Bearer …"}))
    Lab(ice_servers=turn.cloudflare(key_id, api_token))
    Lab(ice_servers=turn.twilio(account_sid, auth_token))
    Lab(ice_servers=my_function)       # sync or async; returns a list of servers, or any answer these services give

Each is a *source*: something that is called without arguments and gives :class:`Credentials`, or an answer from which
they can be read. It is asked at once, and again before what it gave expires. The page and the engine get the new ones
for their next connection; one that runs goes on. No secret is in any ``repr``, log or message of an error.
"""

from __future__ import annotations

from .credentials import Credentials, CredentialsError, read_answer
from .sources import Source, cloudflare, from_url, shared_secret, twilio

__all__ = [
    "Credentials",
    "CredentialsError",
    "Source",
    "cloudflare",
    "from_url",
    "read_answer",
    "shared_secret",
    "twilio",
]
