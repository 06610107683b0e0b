"""The JSON bodies of the HTTP requests: what is let through to an engine, and in which shape.

Only the fields of the protocol pass, and each has been checked for its type; whether an SDP makes sense is the
engine's to say. A body that is wrong raises :class:`RequestError` 400 with a sentence that names the field, never
its content.
"""

from __future__ import annotations

import json
from typing import Any

from smallrtc_lab.errors import RequestError

__all__ = ["offer_body", "parsed_object", "patch_body", "start_body"]

_MAX_CANDIDATES = 256


def parsed_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a request's body."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise _malformed("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise _malformed("The body is not a JSON object.")
    return body


def offer_body(body: dict[str, Any]) -> dict[str, Any]:
    """``sdp``, ``type``, ``pc_id``, ``restart_pc`` and ``request_data``, or ``requestData`` for the last.

    Our own page of a served bot also names its ``conversation`` here; a notebook's does so in its request data.
    """
    if not isinstance(body.get("sdp"), str) or not body["sdp"]:
        raise _malformed("'sdp' must be a session description.")
    if body.get("type") != "offer":
        raise _malformed("'type' must be \"offer\".")
    restart = body.get("restart_pc")
    if restart is not None and not isinstance(restart, bool):
        raise _malformed("'restart_pc' must be true or false.")
    conversation = _optional_text(body, "conversation")
    named = {} if conversation is None else {"conversation": conversation}
    return {
        "sdp": body["sdp"],
        "type": "offer",
        "pc_id": _optional_text(body, "pc_id"),
        "restart_pc": bool(restart),
        "request_data": body.get("request_data", body.get("requestData")),
        **named,
    }


def patch_body(body: dict[str, Any]) -> dict[str, Any]:
    """``pc_id`` and ``candidates``, each with ``candidate``, ``sdp_mid``, ``sdp_mline_index``."""
    if not isinstance(body.get("pc_id"), str):
        raise _malformed("'pc_id' must be the text that came with the answer.")
    candidates = body.get("candidates")
    if not isinstance(candidates, list) or len(candidates) > _MAX_CANDIDATES:
        raise _malformed(f"'candidates' must be a list of at most {_MAX_CANDIDATES}.")
    return {"pc_id": body["pc_id"], "candidates": [_candidate(candidate) for candidate in candidates]}


def start_body(body: dict[str, Any]) -> dict[str, Any]:
    """``transport``, ``enableDefaultIceServers`` (true when left out), ``body``, and of our own page ``relay``."""
    if body.get("transport", "webrtc") != "webrtc":
        raise _malformed("'transport' must be \"webrtc\".")
    ice = body.get("enableDefaultIceServers", True)
    if not isinstance(ice, bool):
        raise _malformed("'enableDefaultIceServers' must be true or false.")
    relay = body.get("relay") is True
    return {"transport": "webrtc", "enableDefaultIceServers": ice, "body": body.get("body"), "relay": relay}


def _candidate(candidate: object) -> dict[str, Any]:
    if not isinstance(candidate, dict) or not isinstance(candidate.get("candidate"), str):
        raise _malformed("Each of 'candidates' must be an object with a 'candidate'.")
    index = candidate.get("sdp_mline_index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
        raise _malformed("'sdp_mline_index' must be a number.")
    return {
        "candidate": candidate["candidate"],
        "sdp_mid": _optional_text(candidate, "sdp_mid"),
        "sdp_mline_index": index,
    }


def _optional_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _malformed(f"'{name}' must be text or null.")
    return value


def _malformed(sentence: str) -> RequestError:
    return RequestError(400, "malformed", sentence)
