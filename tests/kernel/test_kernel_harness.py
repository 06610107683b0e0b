"""The kernel fixtures themselves, on plain kernels."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.jupyter import JupyterServer
from support.kernel import CellFailed, Kernel


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cell_gives_its_text_streams_and_result(shared_kernel: Kernel) -> None:
    """Printed lines, standard error and the last expression of a cell come back apart."""
    cell = await shared_kernel.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7")
    assert (cell.stdout, cell.stderr, cell.result, cell.error) == ("out\n", "err\n", "42", None)
    assert cell.text == "out\n42"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_raising_cell_fails_the_test_unless_asked(shared_kernel: Kernel) -> None:
    """A cell that raises fails the test with the kernel's traceback, or hands it out with check=False."""
    with pytest.raises(CellFailed, match="ZeroDivisionError"):
        await shared_kernel.execute("1 / 0")
    cell = await shared_kernel.execute("1 / 0", check=False)
    assert cell.error is not None
    assert (cell.error.name, cell.error.message) == ("ZeroDivisionError", "division by zero")


@pytest.mark.asyncio(loop_scope="module")
async def test_values_come_back_as_python_objects(shared_kernel: Kernel) -> None:
    """An expression's value crosses as JSON, arrays as lists."""
    await shared_kernel.execute("import numpy as np")
    assert await shared_kernel.value(
        "{'shape': np.zeros((2, 3)).shape, 'sum': np.arange(4).sum(), 'text': 'é'}"
    ) == {
        "shape": [2, 3],
        "sum": 6,
        "text": "é",
    }


@pytest.mark.asyncio(loop_scope="module")
async def test_output_after_the_cell_ended_still_arrives(shared_kernel: Kernel) -> None:
    """A thread that prints later prints under the cell that started it, and the test can wait for that."""
    cell = await shared_kernel.execute(
        "import threading\nt = threading.Timer(2, lambda: print('late'))\nt.start()", timeout_s=60
    )
    assert "late" not in cell.stdout
    await cell.wait_for(lambda seen: "late" in seen.stdout, timeout_s=60)


@pytest.mark.asyncio(loop_scope="module")
async def test_interrupt_ends_a_busy_cell(shared_kernel: Kernel) -> None:
    """Interrupt raises KeyboardInterrupt in the running cell, and the kernel stays."""
    cell = await shared_kernel.submit("print('begun')\nimport time\ntime.sleep(60)")
    await cell.wait_for(lambda seen: "begun" in seen.stdout)
    await shared_kernel.interrupt()
    await cell.wait(60, check=False)
    assert cell.error is not None
    assert cell.error.name == "KeyboardInterrupt"
    assert await shared_kernel.value("1 + 1") == 2


async def test_restart_is_a_new_process_with_the_same_client(kernel: Kernel) -> None:
    """After a restart the variables are gone and the same fixture goes on."""
    await kernel.execute("x = 1")
    before = kernel.pid
    await kernel.restart()
    assert kernel.pid != before
    assert await kernel.value("'x' in globals()") is False


async def test_a_killed_kernel_is_seen_as_dead(kernel: Kernel) -> None:
    """SIGKILL takes the kernel away at once."""
    assert kernel.is_alive()
    kernel.kill()
    deadline = time.monotonic() + 60
    while kernel.is_alive():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_served_kernel_restarts_and_is_interrupted(
    jupyter: JupyterServer, served_kernel: Kernel
) -> None:
    """A server's kernel is known by its process id and follows Interrupt and Restart."""
    assert await served_kernel.value("__import__('os').getpid()") == served_kernel.pid
    cell = await served_kernel.submit("print('begun')\nimport time\ntime.sleep(60)")
    await cell.wait_for(lambda seen: "begun" in seen.stdout)
    await served_kernel.interrupt()
    await cell.wait(60, check=False)
    before = served_kernel.pid
    await served_kernel.restart()
    assert await served_kernel.value("__import__('os').getpid()") == served_kernel.pid != before


async def test_the_server_answers_with_token_only(jupyter: JupyterServer) -> None:
    """The server's client is authenticated, and the same request without the token is refused."""
    assert (await jupyter.request("GET", "api/kernels")).status_code == 200
    async with jupyter.client(headers={}) as stranger:
        assert (await stranger.get("api/kernels")).status_code == 403


async def test_the_server_has_our_extension(jupyter: JupyterServer) -> None:
    """The fixture's server loads the extension, and kernels inherit the address of their server."""
    answer = await jupyter.request("POST", "smallrtc/start", json={"transport": "webrtc"})
    assert answer.status_code in (200, 503), jupyter.log()  # 503: no notebook has a session yet
    assert answer.status_code == 200 or {"message", "reason"} <= set(answer.json())
    kernel = await jupyter.start_kernel()
    try:
        assert await kernel.value("__import__('os').environ['SMALLRTC_LAB_SERVER']") == jupyter.url
    finally:
        await kernel.close()
        await kernel.shutdown()
