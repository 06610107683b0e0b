"""What `smallrtc-lab doctor` sees of the Jupyter servers that run."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab.cli import examine


async def servers_seen() -> list[str]:
    facts = examine.Facts()
    await asyncio.to_thread(examine._servers, facts)
    return [f"{row.finding.value} {row.result}" for row in facts.rows]


async def test_each_running_server_has_the_extension_or_not(start_server: Any) -> None:
    """The one that has it is good; one whose extension is off is told from it; without any, that is said."""
    assert await servers_seen() == ["· no server of yours runs now"]
    server = await start_server("--ServerApp.base_url=/deep/")
    server.app.write_server_info_file()
    (seen,) = await servers_seen()
    assert seen.startswith("✓ http://")
    assert seen.endswith("/deep/ has the extension")
    server.app.remove_server_info_file()


async def test_a_server_without_the_extension_is_broken(start_server: Any) -> None:
    """Its own page of a 404 gives it away."""
    server = await start_server("--ServerApp.jpserver_extensions=smallrtc_lab.server=False")
    server.app.write_server_info_file()
    (seen,) = await servers_seen()
    assert seen.startswith("✗ ")
    assert seen.endswith("runs without the extension")
    server.app.remove_server_info_file()
