"""A session on Binder: what it puts on its way, and what it leaves out while nobody looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.kernelend import KernelEnd

from smallrtc_lab.engine.caps import UNSEEN_BPS
from smallrtc_lab.engine.session import Session

LIMITS = {"max_bitrate_bps": 8_000_000, "max_width": 1280}


@pytest.fixture
async def session(kernel: KernelEnd, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch):
    """With one page that has its devices."""
    monkeypatch.setenv("BINDER_LAUNCH_HOST", "https://mybinder.org/")
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    session.pages.opened("1")
    session.pages.received("1", {"type": "hello", "version": 1, "page": "p", "visible": True})
    session.reception.page = "p"
    yield session
    await session.close()


async def test_pages_and_pictures_are_limited_from_the_welcome_on(session: Session) -> None:
    """And lab.stats() says so."""
    session.welcomed({"limits": LIMITS})
    told = session.pages.greeting["limits"]
    assert told["max_bitrate_bps"] < 900_000
    assert told["max_sound_bps"] <= 64_000
    assert session.processing.stage.bitrate == (None, told["max_bitrate_bps"])
    assert LIMITS["max_bitrate_bps"] == 8_000_000
    bitrates = (await session.stats())["bitrates"]
    assert bitrates["total_bps"] == 1_000_000
    assert bitrates["limit_bps"] == bitrates["camera_bps"] == told["max_bitrate_bps"]


async def test_nobody_looks_and_next_to_nothing_is_sent(session: Session) -> None:
    """It comes back with the page."""
    session.welcomed({"limits": LIMITS})
    before = session.processing.stage.bitrate
    session.pages.received("1", {"type": "visible", "visible": False})
    session.carriage.adapt(500_000.0)
    assert not session.carriage.seen
    assert session.processing.stage.bitrate == (None, UNSEEN_BPS)
    session.pages.received("1", {"type": "visible", "visible": True})
    session.carriage.adapt(0.0)
    assert session.processing.stage.bitrate == before


async def test_elsewhere_nothing_is_limited(
    kernel: KernelEnd, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what the server says."""
    for name in ("BINDER_LAUNCH_HOST", "BINDER_REPO_URL", "BINDER_REQUEST"):
        monkeypatch.delenv(name, raising=False)
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    session.welcomed({"limits": LIMITS})
    session.carriage.adapt(1e7)
    assert session.pages.greeting["limits"] == LIMITS
    assert session.processing.stage.bitrate == (None, 8_000_000)
    await session.close()
