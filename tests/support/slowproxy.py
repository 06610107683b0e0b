"""A proxy in front of a Jupyter server, like a slow network: so many bits a second for all together, so long a way.

It can stall, forget the connections there are without a word, and reset them.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from types import TracebackType

__all__ = ["THROUGH_PROXY", "SlowProxy"]

_CHUNK = 4096
_AHEAD_S = 0.05

# `page.evaluate(THROUGH_PROXY, proxy.port)`: sockets that the page, or a worker of its, opens from now on go that way
THROUGH_PROXY = """port => {
  const through = url => String(url).includes('/smallrtc/') ? String(url).replace(/:\\d+\\//, `:${port}/`) : url
  const Plain = window.WebSocket
  window.WebSocket = class extends Plain {
    constructor(url, ...rest) { super(through(url), ...rest) }
  }
  const { postMessage } = Worker.prototype
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message?.what === 'dial') message = { ...message, urls: message.urls.map(through) }
    return postMessage.call(this, message, ...rest)
  }
}"""


class SlowProxy:
    """``async with SlowProxy(port, …) as proxy``: at ``proxy.port``; nothing passes while ``flowing`` is not set."""

    def __init__(self, port: int, *, rate_bps: float, way_s: float) -> None:
        self.port = 0
        self.carried = [0, 0]  # bytes up and down
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._to = port
        self._rate_bps = rate_bps
        self._way_s = way_s
        self._free_s = [0.0, 0.0]
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> SlowProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        """What comes over the connections of now goes nowhere; neither end is told. New ones work."""
        self._forgotten |= self._writers

    def reset(self) -> None:
        """Both ends of each connection get a TCP reset."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        both_writers = {writer, there_writer}
        self._writers |= both_writers
        # The server compares the page's origin with the host it was asked by.
        there_writer.write(re.sub(rb"(?im)^host: .*?\r", b"Host: 127.0.0.1:%d\r" % self._to, head))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, there_writer, 0))
                both.create_task(self._carry(there_reader, writer, 1))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # one side hung up
        finally:
            self._writers -= both_writers
            there_writer.close()
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, side: int) -> None:
        """A bucket that is emptied at the rate, and a queue of what is on its way; reading waits while it is full."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliver = loop.create_task(self._deliver(under_way, writer))
        try:
            while chunk := await reader.read(_CHUNK):
                self.carried[side] += len(chunk)
                free_s = max(self._free_s[side], loop.time()) + 8 * len(chunk) / self._rate_bps
                self._free_s[side] = free_s
                under_way.put_nowait((free_s + self._way_s, chunk))
                await asyncio.sleep(max(0.0, free_s - loop.time() - _AHEAD_S))
        finally:
            deliver.cancel()
            await asyncio.gather(deliver, return_exceptions=True)
        raise ConnectionResetError

    async def _deliver(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s, chunk = await under_way.get()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self.flowing.wait()
            if writer not in self._forgotten:
                writer.write(chunk)
                await writer.drain()
