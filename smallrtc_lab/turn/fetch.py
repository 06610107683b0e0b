"""One HTTP request to a service for TURN credentials: blocking, with one deadline for all of it.

The standard library does it: the kernel and the Jupyter server both ask, and share no HTTP client. A proxy of the
environment is used, certificates are checked, and no redirect is followed, for it would take the secret along.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from .credentials import CredentialsError

__all__ = ["fetch_json", "web_address"]

_LARGEST_BYTES = 256 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


def fetch_json(
    url: str, *, method: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
) -> Any:
    """The JSON that is answered. Raises :class:`CredentialsError`; its sentence has the host, not the whole URL."""
    where = web_address(url)
    request = urllib.request.Request(url, body, dict(headers), method=method)
    until_s = time.monotonic() + timeout_s
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=timeout_s) as response:
            content = _read(response, until_s, where)
    except urllib.error.HTTPError as error:
        error.close()
        raise CredentialsError(
            f"{where} answered {error.code} {http.client.responses.get(error.code, '')}".strip()
        ) from None
    except urllib.error.URLError as error:
        raise CredentialsError(f"{where} cannot be reached ({_why(error.reason)})") from None
    except (OSError, http.client.HTTPException) as error:
        raise CredentialsError(f"{where} cannot be reached ({_why(error)})") from None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise CredentialsError(f"{where} answered with something that is no JSON") from None


def web_address(url: str) -> str:
    """Scheme and host of a URL, which is all that may be said of it: its path and query may hold a key.

    Raises ``ValueError`` for what is no http or https address, or holds a password.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address of a service for TURN credentials begins with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("the address holds a user name: give it as a header, Authorization for example")
    return f"{parts.scheme}://{parts.netloc}"


def _read(response: Any, until_s: float, where: str) -> bytes:
    """The body; a server that sends a byte now and then gets no more time than any other."""
    content = bytearray()
    while chunk := response.read1(65536):
        content += chunk
        if len(content) > _LARGEST_BYTES:
            raise CredentialsError(f"{where} answered with more than {_LARGEST_BYTES} bytes")
        if time.monotonic() > until_s:
            raise TimeoutError("it answers too slowly")
    return bytes(content)


def _why(reason: object) -> str:
    """What the system said; never the text of another library, which may quote the request."""
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return str(reason.strerror)
    return type(reason).__name__
