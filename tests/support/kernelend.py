"""The kernel's end of the bridge, played by a test over real pipes and real shared memory."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallrtc_lab.engine.arena import Attachments, SlotPool, SlotRef
from smallrtc_lab.engine.bridge import Bridge
from smallrtc_lab.engine.pipes import PipeReader, PipeWriter
from smallrtc_lab.framing import Header

__all__ = ["KernelEnd"]

Message = tuple[Header, bytes]


class KernelEnd:
    """Both ends of one bridge: ``bridge`` is the engine's, everything else is what a kernel has.

    ``on_call`` and ``on_done`` may be replaced; what the engine sends waits in ``received``.
    """

    def __init__(self) -> None:
        engine_in, kernel_out = os.pipe()
        kernel_in, engine_out = os.pipe()
        loop = asyncio.get_running_loop()
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.done: list[Message] = []
        self.engine_ended = asyncio.Event()
        self.attachments = Attachments()
        self.pool = SlotPool(slots=4)
        self.bridge = Bridge(
            os.fdopen(engine_in, "rb"),
            os.fdopen(engine_out, "wb"),
            on_call=lambda *call: self.on_call(*call),
            on_done=lambda *done: self.on_done(*done),
            on_end=self.engine_ended.set,
        )
        self.writer = PipeWriter(os.fdopen(kernel_out, "wb"), "test-kernel-out")
        self.reader = PipeReader(
            os.fdopen(kernel_in, "rb"),
            "test-kernel-in",
            lambda *message: loop.call_soon_threadsafe(self.received.put_nowait, message),
            lambda problem: None,
        )

    async def on_call(self, method: str, args: dict[str, Any], payload: bytes) -> tuple[Any, bytes]:
        """Echo."""
        return [method, args], payload

    def on_done(self, header: Header, payload: bytes) -> None:
        """Keep it."""
        self.done.append((header, payload))

    async def next(self, kind: str, timeout_s: float = 30.0) -> Message:
        """The next message of a kind; others before it are passed over."""
        async with asyncio.timeout(timeout_s):
            while True:
                header, payload = await self.received.get()
                if header["type"] == kind:
                    return header, payload

    async def nothing(self, kind: str, for_s: float = 0.15) -> bool:
        """Whether no message of a kind comes for a while."""
        try:
            await self.next(kind, for_s)
        except TimeoutError:
            return True
        return False

    def picture(self, header: Header) -> NDArray[np.uint8]:
        """A copy of the picture a delivery points to."""
        view = self.attachments.view(SlotRef.from_json(header["slot"]))
        size = (header["height"], header["width"])
        return (
            np.frombuffer(view, np.uint8).reshape(size if header["format"] == "gray" else (*size, 3)).copy()
        )

    def lend(self, picture: NDArray[np.uint8]) -> list[Any]:
        """A picture of the kernel's in a slot of its own, as a result refers to it."""
        slot = self.pool.acquire(picture.nbytes)
        assert slot is not None, "the engine has kept every slot"
        ref, memory = slot
        np.frombuffer(memory, np.uint8).reshape(picture.shape)[...] = picture
        return list(ref)

    def take_back(self, header: Header) -> None:
        """The engine said `free`."""
        self.pool.release(SlotRef.from_json(header["slot"]))

    async def close(self) -> None:
        """Both ends, with their files and memory."""
        await self.bridge.close()
        await asyncio.to_thread(self.writer.close)
        await asyncio.wait_for(self.engine_ended.wait(), 30)
        self.pool.close()
        self.attachments.close()
