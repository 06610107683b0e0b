"""Both ends of the bridge move messages the same way: a thread reads, a thread writes, a queue between.

The writer's queue is bounded. What may be dropped (pictures, statistics) is dropped there and counted when
the other side does not read, because its process is busy; what may not be dropped is bounded by credits and
pending calls, so the queue's reserve is enough for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import BinaryIO

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import Header, pack_sized, read_sized

__all__ = ["PipeReader", "PipeWriter"]

logger = logging.getLogger(__name__)

_DROPPABLE_LIMIT = 256
_HARD_LIMIT = 4096


class PipeWriter:
    """Sends messages over a pipe from any thread, without ever waiting for the reader."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def send(self, header: Header, payload: bytes | memoryview = b"", *, droppable: bool = False) -> bool:
        """Queue one message; False when it was dropped because the other side does not read."""
        if self._queue.qsize() >= (_DROPPABLE_LIMIT if droppable else _HARD_LIMIT):
            self.dropped += 1
            return False
        self._queue.put(pack_sized(header, payload))
        return True

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what is queued, then close the pipe."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while (message := self._queue.get()) is not None:
                self._stream.write(message)
                self._stream.flush()
        except (OSError, ValueError):
            pass  # the other process has gone; whoever reads the other pipe sees its end and acts on it
        finally:
            try:
                self._stream.close()
            except OSError:
                pass  # flushing into a pipe without a reader


class PipeReader:
    """Reads messages in a thread of its own and hands each to ``received``; at the end calls ``ended``."""

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        received: Callable[[Header, bytes], None],
        ended: Callable[[ProtocolError | None], None],
    ) -> None:
        self._stream = stream
        self._received = received
        self._ended = ended
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until the other side has closed its end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        problem: ProtocolError | None = None
        try:
            while True:
                self._hand_over(*read_sized(self._read_exactly))
        except (EOFError, OSError, ValueError):
            pass  # the end of the pipe: ``ended`` tells
        except ProtocolError as error:
            problem = error
        self._ended(problem)

    def _hand_over(self, header: Header, payload: bytes) -> None:
        try:
            self._received(header, payload)
        except Exception:  # border: one message that cannot be handled must not end the bridge
            logger.exception("the message %.40r could not be handled", header.get("type"))

    def _read_exactly(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        if len(chunk) < size:
            raise EOFError
        return chunk
