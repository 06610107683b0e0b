"""Debian's Chromium, driven by Playwright, with a camera and a microphone that play known files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.async_api import Browser, Playwright

from .knownmedia import KnownMedia

__all__ = ["chromium_path", "launch_chromium"]


def chromium_path() -> Path:
    """The installed Chromium. AssertionError that says what to install when there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "no Chromium found: install Debian's package chromium"
    return Path(found)


async def launch_chromium(
    playwright: Playwright,
    media: KnownMedia | None,
    *,
    accept: bool = True,
    arguments: tuple[str, ...] = (),
    executable: Path | None = None,
) -> Browser:
    """Start Chromium without a window.

    `media=None` is a machine without camera and microphone. `accept` grants every permission without asking
    and, as a side effect, turns the hiding of local addresses (`.local` candidates) off; with `accept=False`
    a page is refused until its context was given `permissions=["camera", "microphone"]`. `executable` stands in
    for the installed Chromium.
    """
    options = ["--disable-dev-shm-usage", *arguments]  # /dev/shm is 64 MB in a default container
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    if accept:
        options.append("--use-fake-ui-for-media-stream")
    if media is not None:
        options += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={media.camera}",
            f"--use-file-for-fake-audio-capture={media.microphone}",
        ]
    return await playwright.chromium.launch(executable_path=executable or chromium_path(), args=options)
