"""Messages over a pipe: in order, bounded, and with an end."""

from __future__ import annotations

import logging
import os
import queue
import struct
import time

import pytest

from smallrtc_lab.engine.pipes import PipeReader, PipeWriter
from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import Header, pack_sized


class Far:
    """The far end of a writer: reads everything there is."""

    def __init__(self) -> None:
        incoming, self.outgoing = os.pipe()
        self.messages: queue.SimpleQueue[tuple[Header, bytes]] = queue.SimpleQueue()
        self.ends: queue.SimpleQueue[ProtocolError | None] = queue.SimpleQueue()
        self.reader = PipeReader(os.fdopen(incoming, "rb"), "test-in", self.receive, self.ends.put)

    def receive(self, header: Header, payload: bytes) -> None:
        """Keep one message; ``raise`` in it is a fault of the receiver's."""
        if "raise" in header:
            raise KeyError(header["raise"])
        self.messages.put((header, payload))


def test_messages_arrive_whole_and_in_order() -> None:
    """Headers and payloads of all sizes come out as they went in, one after the other."""
    far = Far()
    writer = PipeWriter(os.fdopen(far.outgoing, "wb"), "test-out")
    sizes = [0, 1, 65_536, 3, 1_000_000, 0]
    for number, size in enumerate(sizes):
        assert writer.send({"number": number}, bytes([number]) * size)
    for number, size in enumerate(sizes):
        assert far.messages.get(timeout=30) == ({"number": number}, bytes([number]) * size)
    writer.close()
    assert far.ends.get(timeout=30) is None


def test_closing_sends_what_is_queued() -> None:
    """What was queued before the end arrives before the end."""
    far = Far()
    writer = PipeWriter(os.fdopen(far.outgoing, "wb"), "test-out")
    for number in range(200):
        writer.send({"number": number}, b"x" * 1000)
    writer.close()
    assert far.ends.get(timeout=30) is None
    assert [far.messages.get_nowait()[0]["number"] for _ in range(200)] == list(range(200))


def test_a_reader_that_does_not_read_costs_only_what_may_be_dropped() -> None:
    """Sending never waits; pictures are dropped and counted first, everything else much later."""
    incoming, outgoing = os.pipe()
    writer = PipeWriter(os.fdopen(outgoing, "wb"), "test-out")
    begun_s = time.monotonic()
    droppable = [writer.send({}, b"x" * 100_000, droppable=True) for _ in range(300)]
    assert droppable.count(False) in range(40, 46)  # 256 wait, one or two are in the pipe
    assert all(writer.send({"type": "reply"}) for _ in range(1000))
    assert sum(writer.send({"type": "reply"}) for _ in range(4000)) < 3000
    assert writer.dropped > 1000
    assert time.monotonic() - begun_s < 10
    os.close(incoming)
    writer.close()


def test_a_far_end_that_has_gone_is_no_error_of_the_writer() -> None:
    """Writing into a pipe without a reader ends the writer quietly; the reading side tells."""
    incoming, outgoing = os.pipe()
    os.close(incoming)
    writer = PipeWriter(os.fdopen(outgoing, "wb"), "test-out")
    writer.send({"type": "lost"})
    begun_s = time.monotonic()
    writer.close()
    assert time.monotonic() - begun_s < 5


def test_the_end_of_the_pipe_is_told_once() -> None:
    """A closed pipe ends the reader, also in the middle of a message."""
    far = Far()
    os.write(far.outgoing, pack_sized({"type": "whole"}) + pack_sized({"type": "half"})[:7])
    os.close(far.outgoing)
    assert far.ends.get(timeout=30) is None
    assert far.messages.get_nowait()[0] == {"type": "whole"}
    assert far.ends.empty()


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(struct.pack(">I", 2**31), id="a length beyond all bounds"),
        pytest.param(struct.pack(">II", 8, 4) + b"nope", id="no JSON"),
        pytest.param(struct.pack(">II", 6, 2) + b"[]", id="no object"),
        pytest.param(struct.pack(">II", 4, 99), id="a header longer than the message"),
        pytest.param(struct.pack(">I", 1) + b"x", id="shorter than its own length"),
    ],
)
def test_junk_is_a_protocol_error(junk: bytes) -> None:
    """What is no message ends the reader with the reason."""
    far = Far()
    os.write(far.outgoing, junk)
    problem = far.ends.get(timeout=30)
    assert isinstance(problem, ProtocolError)
    os.close(far.outgoing)


def test_a_message_that_cannot_be_handled_does_not_end_the_bridge(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the receiver is logged with its traceback, and the next message arrives."""
    far = Far()
    with caplog.at_level(logging.ERROR):
        os.write(far.outgoing, pack_sized({"type": "bad", "raise": "x"}) + pack_sized({"type": "good"}))
        assert far.messages.get(timeout=30)[0] == {"type": "good"}
    assert "'bad' could not be handled" in caplog.text
    assert "KeyError" in caplog.text
    os.close(far.outgoing)


def test_a_message_that_is_too_long_is_refused_here() -> None:
    """The sender hears of it, for there it would end the pipe."""
    far = Far()
    writer = PipeWriter(os.fdopen(far.outgoing, "wb"), "test-out")
    with pytest.raises(ProtocolError, match="exceeds"):
        writer.send({}, b"x" * (64 * 1024 * 1024 + 1))
    assert writer.send({"type": "next"})
    assert far.messages.get(timeout=30)[0] == {"type": "next"}
    writer.close()
