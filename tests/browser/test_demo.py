"""`smallrtc-lab demo` as a person meets it: the printed address, opened in a browser that was never here before."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, expect
from support.processes import ProcessFamily


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The address that a running demo printed; the demo is ended by Ctrl-C, and leaves nothing behind."""
    family = ProcessFamily(tmp_path / "home")
    family.home.mkdir()
    command = [sys.executable, "-P", "-m", "smallrtc_lab", "demo", "--no-browser"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=family.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    found = next(filter(None, (re.search(rb"http://\S+", line) for line in process.stdout)))
    yield found.group().decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert family.end() == []


async def test_the_first_page_has_no_question_over_it(chromium: Browser, address: str) -> None:
    """The address opens JupyterLab at the first notebook, and no dialog or notification stands over it."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(address)
    await expect(page.locator("#jp-main-dock-panel")).to_be_visible(timeout=120_000)
    if "00-quickstart" in address:
        await expect(page.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible(timeout=120_000)
    await page.wait_for_timeout(2000)  # the news prompt, where it comes, comes after the page is there
    assert await page.locator(".jp-Dialog, .Toastify__toast").all_inner_texts() == []
    await context.close()
