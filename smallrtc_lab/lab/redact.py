"""Text that may be sent to a stranger: addresses, names of hosts and secrets taken out, what explains them left in."""

from __future__ import annotations

import ipaddress
import re

__all__ = ["redact"]

_URL_HOST = re.compile(r"\b(https?://|wss?://|(?:stuns?|turns?):)(\[[0-9A-Fa-f:.]+\]|[^\s/:?\"')]+)")
_QUERY = re.compile(r"(\?)(?!transport=(?:udp|tcp)\b)[^\s\"')]+")
_IPV4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_HOME = re.compile(r"(?:/home/|/Users/|[A-Z]:\\Users\\)[^\s/\\\"']+")
_SECRET = re.compile(r"(?<![\w/+-])(?=[\w/+=-]*\d)(?=[\w/+=-]*[A-Za-z])[\w/+=-]{24,}")
_KEPT = frozenset({"localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0"})


def redact(text: str) -> str:
    """``text`` without hosts, IP addresses, home directories, queries and whatever looks like a secret.

    The machine's own loopback address stays: it is everybody's, and often the answer.
    """
    text = _URL_HOST.sub(lambda m: m[0] if m[2] in _KEPT else f"{m[1]}<host>", text)
    text = _QUERY.sub(r"\1<query>", text)
    text = _IPV4.sub(_address, text)
    text = _IPV6.sub(_address, text)
    text = _HOME.sub("<home>", text)
    return _SECRET.sub("<secret>", text)


def _address(match: re.Match[str]) -> str:
    found = match[0]
    try:
        known = ipaddress.ip_address(found)
    except ValueError:
        return found  # a version, or a time
    return found if known.is_loopback or known.is_unspecified else "<address>"
