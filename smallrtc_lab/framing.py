"""One message format for both of the engine's pipes: the link to the server and the bridge to the kernel.

A message is a JSON header and an optional payload of bytes::

    uint32  length of the header, big endian
    header  UTF-8 JSON object
    payload the rest of the message

On the link one WebSocket message carries one such message. On the bridge, a pipe without message borders,
a uint32 with the length of the whole message comes before it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from .errors import ProtocolError

__all__ = ["Header", "pack", "pack_sized", "read_sized", "unpack"]

Header: TypeAlias = dict[str, Any]

_LENGTH = struct.Struct(">I")
MAX_MESSAGE_BYTES = 64 * 1024 * 1024


def pack(header: Header, payload: bytes | memoryview = b"") -> bytes:
    """One message as bytes; ``payload`` is any contiguous buffer."""
    return b"".join(_parts(header, payload))


def unpack(message: bytes) -> tuple[Header, bytes]:
    """The header and payload of one message; raises :class:`ProtocolError` when it is not one."""
    if len(message) < _LENGTH.size:
        raise ProtocolError("message shorter than its length field")
    (size,) = _LENGTH.unpack_from(message)
    end = _LENGTH.size + size
    if end > len(message):
        raise ProtocolError(f"header of {size} bytes in a message of {len(message)}")
    try:
        header = json.loads(message[_LENGTH.size : end])
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise ProtocolError("header is not a JSON object")
    return header, message[end:]


def pack_sized(header: Header, payload: bytes | memoryview = b"") -> bytes:
    """One message with its length in front, for a pipe.

    Raises :class:`ProtocolError` when it is longer than the other side takes, for there it would end the pipe.
    """
    parts = _parts(header, payload)
    size = sum(memoryview(part).nbytes for part in parts)
    if size > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"message of {size} bytes exceeds {MAX_MESSAGE_BYTES}; send less at once")
    return b"".join((_LENGTH.pack(size), *parts))


def read_sized(read_exactly: Callable[[int], bytes]) -> tuple[Header, bytes]:
    """Read one message with its length in front; ``read_exactly`` raises ``EOFError`` at the end."""
    (size,) = _LENGTH.unpack(read_exactly(_LENGTH.size))
    if size > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"message of {size} bytes exceeds {MAX_MESSAGE_BYTES}")
    return unpack(read_exactly(size))


def _parts(header: Header, payload: bytes | memoryview) -> tuple[bytes, bytes, bytes | memoryview]:
    head = json.dumps(header, separators=(",", ":")).encode()
    return _LENGTH.pack(len(head)), head, payload
