"""What a session counts, of a real connection to a simulated browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest_asyncio
from support.kernelend import KernelEnd
from support.waiting import until

from smallrtc_lab.engine.session import Session
from smallrtc_lab.engine.statistics import DROPS

VIDEO = {"name": "bars", "width": 160, "height": 120, "frame_rate": 30}


@pytest_asyncio.fixture
async def session(kernel: KernelEnd, executor: ThreadPoolExecutor) -> AsyncIterator[Session]:
    """Live, with a simulated browser."""
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    await session.simulate(VIDEO, {"name": "tone"})
    await until(lambda: session.flow.live)
    yield session
    await session.close()


async def test_rows_come_by_themselves_and_tell_what_flows(session: Session) -> None:
    """Twice a second a row: rates, sizes, losses and the network's delay, in the units of their names."""
    await until(lambda: len(session.history) > 4)
    row = session.history.rows[-1]
    assert (row["width"], row["height"]) == (160, 120)
    assert row["received_bps"] > 10_000
    assert row["video_loss"] == row["audio_loss"] == 0
    assert row["fps"] > 0
    assert 0 < row["engine_cores"] < 64
    assert np.isnan(row["callback_ms"])  # no function yet
    await until(lambda: bool(np.isfinite(session.history.rows["network_ms"]).any()))
    assert np.all(np.diff(session.history.rows["time_s"]) > 0)
    print({name: row[name] for name in row.dtype.names})


async def test_a_functions_times_are_told_in_all_stages(session: Session, kernel: KernelEnd) -> None:
    """What the kernel says with its done is in the delays, in the subscription's figures and in the row."""
    session.processing.subscribe_video(7, "camera", processor=None, format="gray", label="look")
    header, _ = await kernel.next("deliver")
    done = {"session": "s", "subscription": 7, "began_s": header["decoded_s"] + 0.25, "ran_s": 0.125}
    session.processing.done(done)
    counted = await session.stats()
    delays = counted["delays"]
    assert delays["decoded_to_callback"] == {"median_ms": 250.0, "p95_ms": 250.0}
    assert delays["callback"]["median_ms"] == 125.0
    assert delays["capture_to_callback"]["median_ms"] >= 250.0
    assert counted["processing"]["subscriptions"]["7"]["delays"]["run"]["median_ms"] == 125.0
    await until(lambda: 125.0 in session.history.rows["callback_ms"])
    await session.processing.unsubscribe(7)


async def test_every_drop_has_a_reason_in_words(session: Session) -> None:
    """The reasons are those that are explained, and a healthy session has dropped nothing on the network."""
    drops = session.statistics.drops(await session.flow.stats())
    assert drops.keys() == DROPS.keys()
    assert drops["network"] == drops["decoder"] == drops["busy"] == 0


async def test_without_a_browser_there_are_no_rows_and_no_rates(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """A session that nobody joined has all its fields, empty."""
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    counted: dict[str, Any] = await session.stats()
    assert len(session.history) == 0
    assert set(counted["rates"].values()) == set(counted["delays"].values()) == {None}
    assert sum(counted["drops"].values()) == 0
    await session.close()
