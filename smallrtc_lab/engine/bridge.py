"""The engine's end of the bridge to the kernel.

Calls come in and are answered, events and deliveries go out. Nothing here waits for kernel code: messages are
queued for a writer thread, and pictures travel through slots of which the kernel holds only so many.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

from smallrtc_lab.errors import ProtocolError, SmallRTCError
from smallrtc_lab.framing import Header

from .arena import Attachments, SlotPool, SlotRef
from .pipes import PipeReader, PipeWriter

__all__ = ["Bridge", "CallHandler", "Reply"]

logger = logging.getLogger(__name__)

Reply = tuple[Any, bytes]
CallHandler = Callable[[str, dict[str, Any], bytes], Awaitable[Reply]]


class Bridge:
    """Messages from and to the kernel, on the engine's loop."""

    def __init__(
        self,
        incoming: BinaryIO,
        outgoing: BinaryIO,
        *,
        on_call: CallHandler,
        on_done: Callable[[Header, bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_call = on_call
        self._on_done = on_done
        self._on_end = on_end
        self._calls: set[asyncio.Task[None]] = set()
        self.pool = SlotPool()
        self.attachments = Attachments()
        self._writer = PipeWriter(outgoing, "smallrtc-bridge-out")
        self._reader = PipeReader(incoming, "smallrtc-bridge-in", self._received, self._ended)

    @property
    def dropped(self) -> int:
        """Messages the kernel did not take in time."""
        return self._writer.dropped

    def event(
        self, session: str, name: str, *, droppable: bool = False, payload: bytes = b"", **fields: Any
    ) -> None:
        """Tell the kernel that something happened in a session."""
        header = {"type": "event", "session": session, "name": name, **fields}
        self._writer.send(header, payload, droppable=droppable)

    def log(self, level: int, text: str) -> None:
        """A log record for the kernel's log; dropped when the kernel does not read."""
        self._writer.send({"type": "log", "level": level, "text": text}, droppable=True)

    def deliver(self, subscription: int, header: Header, payload: bytes | memoryview = b"") -> bool:
        """A picture or a block of sound for one subscription; False when it had to be dropped."""
        return self._writer.send({"type": "deliver", "subscription": subscription, **header}, payload)

    def free(self, ref: SlotRef) -> None:
        """The engine is done with a slot of the kernel's."""
        self._writer.send({"type": "free", "slot": list(ref)})

    def free_result(self, header: Header) -> None:
        """The result of a callback is not wanted any more; its slot, when it has one, is the kernel's again."""
        if "slot" in header:
            self.free(SlotRef.from_json(header["slot"]))

    async def close(self) -> None:
        """Cancel running calls and close the pipes and the memory."""
        for task in self._calls:
            task.cancel()
        await asyncio.to_thread(self._writer.close)
        self.pool.close()
        self.attachments.close()

    # The reader's thread

    def _received(self, header: Header, payload: bytes) -> None:
        if header.get("type") == "free":  # here and now: waking the loop for it would cost more than it does
            self.pool.release(SlotRef.from_json(header["slot"]))
        else:
            self._loop.call_soon_threadsafe(self._dispatch, header, payload)

    def _ended(self, problem: ProtocolError | None) -> None:
        if problem is not None:
            logger.error("the kernel sent what is no message: %s", problem)
        self._loop.call_soon_threadsafe(self._on_end)

    # The loop

    def _dispatch(self, header: Header, payload: bytes) -> None:
        kind = header.get("type")
        if kind == "call":
            task = self._loop.create_task(self._answer(header, payload))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        elif kind in ("done", "result", "sound", "picture"):
            self._on_done(header, payload)
        else:
            logger.error("unknown message %r from the kernel", kind)

    async def _answer(self, header: Header, payload: bytes) -> None:
        reply: Header = {"type": "reply", "id": header["id"]}
        data = b""
        try:
            reply["result"], data = await self._on_call(header["method"], header.get("args", {}), payload)
        except SmallRTCError as error:
            reply["error"] = {"kind": type(error).__name__, "message": str(error)}
        except Exception as error:  # border: each call gets one answer, the log gets the traceback
            logger.exception("call %s failed", header["method"])
            reply["error"] = {"kind": "EngineError", "message": f"{header['method']}: {error}"}
        try:
            self._writer.send(reply, data)
        except (ProtocolError, TypeError, ValueError) as error:
            refused = {"kind": "EngineError", "message": f"{header['method']} has no answer to send: {error}"}
            self._writer.send({"type": "reply", "id": header["id"], "error": refused})
