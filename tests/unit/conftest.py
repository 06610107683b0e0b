"""What the engine's tests share: a bridge over real pipes, threads, and an unlinked session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio
from support.kernelend import KernelEnd

from smallrtc_lab.engine.session import Session


@pytest_asyncio.fixture
async def kernel() -> AsyncIterator[KernelEnd]:
    """A bridge over real pipes."""
    end = KernelEnd()
    yield end
    await end.close()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Threads for conversion."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest_asyncio.fixture
async def session(kernel: KernelEnd, executor: ThreadPoolExecutor) -> AsyncIterator[Session]:
    """A session without pages, closed afterwards."""
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    yield session
    await session.close()
