"""The message format of the engine's pipes."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest

from smallrtc_lab import framing
from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import pack, pack_sized, read_sized, unpack


def reader(data: bytes) -> Callable[[int], bytes]:
    """``read_exactly`` over these bytes, as a pipe gives them."""
    stream = io.BytesIO(data)

    def read_exactly(size: int) -> bytes:
        piece = stream.read(size)
        if len(piece) < size:
            raise EOFError
        return piece

    return read_exactly


@pytest.mark.parametrize("payload", [b"", b"\x00\xff" * 1000, memoryview(b"abc")])
def test_there_and_back(payload: bytes | memoryview) -> None:
    """Header and payload come back as they were, umlauts and nested values included."""
    header = {"type": "reply", "id": 7, "body": {"message": "schön – 日本", "list": [1, 2.5, None, True]}}
    assert unpack(pack(header, payload)) == (header, bytes(payload))


def test_the_layout() -> None:
    """The bytes are those of the documented format."""
    assert pack({"a": 1}, b"xy") == b'\x00\x00\x00\x07{"a":1}xy'
    assert pack_sized({"a": 1}, b"xy") == b'\x00\x00\x00\x0d\x00\x00\x00\x07{"a":1}xy'


def test_an_array_as_payload() -> None:
    """A buffer of wider items counts by its bytes."""
    array = np.arange(5, dtype=np.float32)
    message = pack_sized({}, memoryview(array))
    assert read_sized(reader(message)) == ({}, array.tobytes())


def test_messages_follow_one_another() -> None:
    """From a pipe the messages come out one by one, and then the end."""
    messages = [({"n": n}, bytes(n)) for n in range(20)]
    read_exactly = reader(b"".join(pack_sized(header, payload) for header, payload in messages))
    assert [read_sized(read_exactly) for _ in messages] == messages
    with pytest.raises(EOFError):
        read_sized(read_exactly)


@pytest.mark.parametrize(
    ("junk", "words"),
    [
        (b"", "shorter"),
        (b"\x00\x00", "shorter"),
        (b"\x00\x00\x00\x09{}", "header of 9 bytes"),
        (b"\x00\x00\x00\x02{]", "not JSON"),
        (b"\x00\x00\x00\x00", "not JSON"),
        (b"\x00\x00\x00\x02\xff\xfe", "not JSON"),
        (b"\x00\x00\x00\x02[]", "not a JSON object"),
        (b"\x00\x00\x00\x04null", "not a JSON object"),
        (struct.pack(">I", 200_000) + b"[" * 200_000, "not JSON"),
    ],
)
def test_junk_is_a_protocol_error(junk: bytes, words: str) -> None:
    """Whatever is no message raises ProtocolError, and nothing else."""
    with pytest.raises(ProtocolError, match=words):
        unpack(junk)


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes(seed: int) -> None:
    """Random bytes are refused with ProtocolError, or are a message by chance."""
    rng = np.random.default_rng(seed)
    for _ in range(300):
        tail = rng.bytes(int(rng.integers(0, 40)))
        try:
            header, _ = unpack(struct.pack(">I", int(rng.integers(0, 12))) + tail)
        except ProtocolError:
            continue
        assert isinstance(header, dict)


def test_a_message_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side passes a message beyond the limit: the sender says so, and the receiver reads nothing of it."""
    with pytest.raises(ProtocolError, match="exceeds"):
        read_sized(reader(struct.pack(">I", 2**32 - 1)))
    monkeypatch.setattr(framing, "MAX_MESSAGE_BYTES", 100)
    with pytest.raises(ProtocolError, match="send less"):
        pack_sized({}, bytes(100))
    assert len(pack_sized({}, bytes(94))) == 104
