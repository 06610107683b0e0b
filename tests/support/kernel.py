"""A real kernel spoken to with Jupyter's message protocol: run cells, read outputs, interrupt, restart, kill.

All replies are dispatched by their parent, so cells may be submitted while others run, and outputs that come
long after a cell ended still land in that cell's `Execution`.
"""

from __future__ import annotations

import ast
import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from numpy.typing import NDArray

from .processes import ProcessFamily

__all__ = ["CellFailed", "Execution", "Kernel", "KernelError", "connect_kernel", "start_kernel"]


@dataclass(frozen=True)
class KernelError:
    """An exception as the kernel reported it; `traceback` is plain text with the terminal's colours in it."""

    name: str
    message: str
    traceback: str


class CellFailed(AssertionError):
    """A cell raised although the test expected it to run; the text holds the kernel's traceback."""


@dataclass
class Execution:
    """One submitted cell: what it printed, showed and raised so far; `done` once it ended."""

    code: str
    stdout: str = ""
    stderr: str = ""
    result: str | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: KernelError | None = None
    execution_count: int | None = None
    duration_s: float = 0.0
    user_expressions: dict[str, Any] = field(default_factory=dict)
    begun_at: float = field(default_factory=time.monotonic)
    replied: bool = False
    idle: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)

    @property
    def done(self) -> bool:
        return self.replied and self.idle

    @property
    def text(self) -> str:
        """What a reader sees as text: the printed lines and then the last expression's repr."""
        return self.stdout + (self.result or "")

    @property
    def display_ids(self) -> list[str]:
        """The ids of displays in this cell that can be changed later, in order."""
        ids = [output.get("transient", {}).get("display_id") for output in self.outputs]
        return [name for name in ids if name is not None]

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The MIME bundles of `display(...)` and of the last expression, in order."""
        return [output["data"] for output in self.outputs if "data" in output]

    async def wait(self, timeout_s: float = 60.0, *, check: bool = True) -> Execution:
        """Wait until the cell ended. TimeoutError if late; with `check`, CellFailed when it raised."""
        await self.wait_for(lambda cell: cell.done, timeout_s)
        if check and self.error is not None:
            raise CellFailed(f"the cell\n{self.code}\nraised\n{self.error.traceback}")
        return self

    async def wait_for(self, condition: Callable[[Execution], bool], timeout_s: float = 60.0) -> Execution:
        """Wait until `condition(self)` holds, also after the cell ended. TimeoutError else."""
        try:
            async with asyncio.timeout(timeout_s), self.changed:
                await self.changed.wait_for(lambda: condition(self))
        except TimeoutError:
            raise TimeoutError(f"after {timeout_s} s the cell is still not there: {self!r}") from None
        return self

    def take(self, message: dict[str, Any]) -> None:
        """Apply one message whose parent is this cell."""
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            setattr(self, content["name"], getattr(self, content["name"]) + content["text"])
            self.outputs.append({"output_type": kind, **content})
        elif kind in ("display_data", "execute_result"):
            self.outputs.append({"output_type": kind, **content})
            if kind == "execute_result":
                self.result = content["data"].get("text/plain")
        elif kind == "error":
            self.error = KernelError(content["ename"], content["evalue"], "\n".join(content["traceback"]))
            self.outputs.append({"output_type": kind, **content})
        elif kind == "clear_output":
            self.outputs.clear()
        elif kind == "status" and content["execution_state"] == "idle":
            self.idle = True
            self.duration_s = time.monotonic() - self.begun_at
        elif kind == "execute_reply":
            self.take_reply(content)

    def take_reply(self, content: dict[str, Any]) -> None:
        self.replied = True
        self.execution_count = content.get("execution_count")
        self.user_expressions = content.get("user_expressions", {})
        if content["status"] == "error" and self.error is None:
            self.error = KernelError(
                content["ename"], content["evalue"], "\n".join(content.get("traceback", []))
            )
        elif content["status"] == "aborted" and self.error is None:
            self.error = KernelError("Aborted", "an earlier cell raised", "")


class Owner(Protocol):
    """Who started the kernel and can therefore interrupt, restart and end it."""

    async def interrupt(self) -> None: ...
    async def restart(self) -> None: ...
    async def shutdown(self) -> None: ...
    def pid(self) -> int: ...


class Kernel:
    """A client of one running kernel. Belongs to the event loop it was made in; every wait has a deadline."""

    def __init__(self, client: AsyncKernelClient, owner: Owner, kernel_id: str) -> None:
        self.client = client
        self.owner = owner
        self.id = kernel_id
        self.comm_messages: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}  # what stands in each display with an id, wherever it is
        self._cells: dict[str, Execution] = {}
        self._readers: list[asyncio.Task[None]] = []

    @property
    def connection_file(self) -> Path:
        return Path(self.client.connection_file)

    @property
    def pid(self) -> int:
        """The kernel's process id, known without asking the kernel."""
        return self.owner.pid()

    def is_alive(self) -> bool:
        return psutil.pid_exists(self.pid) and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE

    async def open(self, timeout_s: float = 60.0) -> Kernel:
        """Open the channels and wait until the kernel answers."""
        self.client.start_channels()
        await self.ready(timeout_s)
        return self

    async def ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the kernel answers a kernel_info_request; reading of outputs goes on afterwards."""
        await self._stop_readers()
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                await self.client.wait_for_ready(timeout=timeout_s)
                break
            except RuntimeError:
                # jupyter_client takes one late heartbeat for death; a busy machine has those.
                if not self.is_alive() or time.monotonic() > deadline_s:
                    raise
        for receive in (self.client.get_shell_msg, self.client.get_iopub_msg):
            self._readers.append(asyncio.create_task(self._read(receive)))

    async def submit(self, code: str, **options: Any) -> Execution:
        """Send a cell and return at once; `options` go to jupyter_client's `execute`."""
        cell = Execution(code)
        message_id = self.client.execute(code, **({"allow_stdin": False, "stop_on_error": False} | options))
        self._cells[message_id] = cell
        return cell

    async def execute(self, code: str, timeout_s: float = 60.0, *, check: bool = True) -> Execution:
        """Run a cell to its end. CellFailed when it raises (unless `check=False`), TimeoutError when late."""
        return await (await self.submit(code)).wait(timeout_s, check=check)

    async def value(self, expression: str, timeout_s: float = 60.0) -> Any:
        """The value of a Python expression, carried as JSON; NumPy arrays become lists.

        Leaves no trace: no prompt number, no history, no output.
        """
        carried = f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        cell = await self.submit("", silent=True, store_history=False, user_expressions={"value": carried})
        await cell.wait(timeout_s)
        answer = cell.user_expressions["value"]
        if answer["status"] != "ok":
            raise CellFailed(f"{expression}\nraised\n" + "\n".join(answer["traceback"]))
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    async def array(self, expression: str, timeout_s: float = 60.0) -> NDArray[Any]:
        """The value of an expression as a NumPy array of the same shape and type; quick for pictures."""
        code = (
            "(lambda array: (lambda file: (__import__('numpy').save(file, array),"
            " __import__('base64').b64encode(file.getvalue()).decode())[1])(__import__('io').BytesIO()))"
        )
        return np.asarray(
            np.load(io.BytesIO(base64.b64decode(await self.value(f"{code}({expression})", timeout_s))))
        )

    async def wait_value(
        self, expression: str, accept: Callable[[Any], bool] = bool, timeout_s: float = 60.0
    ) -> Any:
        """Ask ten times a second until `accept(value)`; AssertionError with the last value else."""
        deadline = time.monotonic() + timeout_s
        while not accept(value := await self.value(expression)):
            assert time.monotonic() < deadline, f"after {timeout_s} s {expression} is still {value!r}"
            await asyncio.sleep(0.1)
        return value

    async def interrupt(self) -> None:
        """What Jupyter's Interrupt does: SIGINT to the kernel's whole process group."""
        await self.owner.interrupt()

    async def restart(self, timeout_s: float = 60.0) -> None:
        """What Jupyter's Restart does: the same id and ports, a new process."""
        await self.owner.restart()
        await self.ready(timeout_s)

    async def shutdown(self) -> None:
        """What closing a notebook's kernel does: an orderly end."""
        await self.owner.shutdown()

    def kill(self) -> None:
        """SIGKILL to the kernel's process alone, as the out-of-memory killer does."""
        os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Close this client; the kernel itself lives on."""
        await self._stop_readers()
        self.client.stop_channels()

    async def _read(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        while True:
            message = await receive()
            if message["msg_type"] in ("display_data", "update_display_data"):
                content = message["content"]
                self.shown[content.get("transient", {}).get("display_id", "")] = content["data"]
            if message["msg_type"].startswith("comm_"):
                self.comm_messages.append(message)
            cell = self._cells.get(message["parent_header"].get("msg_id", ""))
            if cell is not None:
                async with cell.changed:
                    cell.take(message)
                    cell.changed.notify_all()

    async def _stop_readers(self) -> None:
        for reader in self._readers:
            reader.cancel()
        for reader in self._readers:
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        self._readers.clear()


class ManagedKernel:
    """The owner of a kernel without a server: jupyter_client's own manager."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self.last_pid = 0

    async def interrupt(self) -> None:
        await self.manager.interrupt_kernel()

    async def restart(self) -> None:
        await self.manager.restart_kernel(now=False)

    async def shutdown(self) -> None:
        if self.manager.has_kernel:  # else a test has shut it down already
            await self.manager.shutdown_kernel(now=False)

    def pid(self) -> int:
        if self.manager.provisioner is not None and self.manager.provisioner.has_process:
            self.last_pid = self.manager.provisioner.process.pid
        return self.last_pid


async def start_kernel(family: ProcessFamily, directory: Path, extra: dict[str, str] | None = None) -> Kernel:
    """Start an ipykernel in `directory`, without any server; its processes belong to `family`."""
    connection_file = directory / "kernel.json"
    manager = AsyncKernelManager(kernel_name="python3", connection_file=str(connection_file))
    await manager.start_kernel(env=family.environment(extra), cwd=str(directory))
    owner = ManagedKernel(manager)
    owner.pid()
    return await Kernel(manager.client(), owner, manager.kernel_id or "kernel").open()


async def connect_kernel(connection_file: Path, owner: Owner, kernel_id: str) -> Kernel:
    """A second client of a kernel that a server started, beside the page's own."""
    client = AsyncKernelClient()
    client.load_connection_file(str(connection_file))
    return await Kernel(client, owner, kernel_id).open()
