"""Real kernels, with and without a Jupyter server, and no browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.jupyter import JupyterServer
from support.kernel import Kernel, start_kernel
from support.processes import ProcessFamily


@pytest_asyncio.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    """An ipykernel without any server, ended after the test; nothing it started may outlive it."""
    family = ProcessFamily(tmp_path / "home")
    family.home.mkdir()
    kernel = await start_kernel(family, tmp_path)
    yield kernel
    await kernel.close()
    await kernel.shutdown()
    left = family.end()
    assert not left, f"processes outlived their kernel: {left}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kernel]:
    """One ipykernel for a file of tests, which then run on the module's loop; nothing of it outlives the file."""
    directory = tmp_path_factory.mktemp("kernel")
    family = ProcessFamily(directory / "home")
    family.home.mkdir()
    kernel = await start_kernel(family, directory)
    yield kernel
    await kernel.close()
    await kernel.shutdown()
    left = family.end()
    assert not left, f"processes outlived their kernel: {left}"


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One Jupyter server for this room, the extension enabled; nothing it started may outlive it."""
    server = JupyterServer(tmp_path_factory.mktemp("server"), app="server").start()
    yield server
    left = server.stop()
    assert not left, f"processes outlived the Jupyter server: {left}"


@pytest_asyncio.fixture
async def served_kernel(jupyter: JupyterServer) -> AsyncIterator[Kernel]:
    """A kernel of that server, ended after the test; nothing it started may outlive it."""
    kernel = await jupyter.start_kernel()
    yield kernel
    await kernel.close()
    await kernel.shutdown()
    assert jupyter.process is not None
    left = jupyter.family.wait_gone(20.0, but=(jupyter.process.pid,))
    assert not left, f"processes outlived their kernel: {left}"
