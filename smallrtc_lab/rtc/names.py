"""Whether a host name can be looked up, without a thread that others wait for.

``loop.getaddrinfo`` takes a thread of the loop's own pool, ten seconds and more where no name server answers. aiortc's
encoders and decoders run on the same few threads, and the end of the process would wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading

__all__ = ["look_up"]


async def look_up(host: str) -> None:
    """Return when ``host`` is an address or has one; raises ``socket.gaierror`` as the system does.

    A caller that does not wait so long leaves a daemon thread behind, which ends with the system's own deadline.
    """
    if _is_address(host):
        return
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if not answer.done():
            answer.set_result(None) if error is None else answer.set_exception(error)

    def work() -> None:
        error = None
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as problem:  # UnicodeError: a label that is no host name
            error = problem if isinstance(problem, OSError) else OSError(str(problem))
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=work, name="smallrtc name", daemon=True).start()
    await answer


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
