"""Datagrams of this machine to itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smallrtc_lab.rtc import udp_check
from smallrtc_lab.rtc.udp_check import check_udp


async def test_loopback_works_and_is_first() -> None:
    """Every address is tried once, the loopback before the others."""
    checks = await check_udp()
    assert checks[0].address == "127.0.0.1"
    assert checks[0].works
    assert len({check.address for check in checks}) == len(checks)


async def test_an_address_that_takes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not this machine's cannot be used, and raises nothing."""
    monkeypatch.setattr(udp_check, "get_host_addresses", lambda **kinds: ["192.0.2.1"])
    loopback, other = await check_udp()
    assert (loopback.works, other.works) == (True, False)


async def test_a_datagram_that_is_lost_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that drops it costs the deadline and no more."""

    class Deaf(udp_check._Echo):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            pass

    monkeypatch.setattr(udp_check, "_Echo", Deaf)
    monkeypatch.setattr(udp_check, "_UDP_S", 0.05)
    monkeypatch.setattr(udp_check, "get_host_addresses", lambda **kinds: [])
    async with asyncio.timeout(60):
        (check,) = await check_udp()
    assert not check.works
    assert check.took_ms >= 50
