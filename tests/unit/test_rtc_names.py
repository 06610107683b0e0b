"""Looking up host names beside the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from smallrtc_lab.rtc import names
from smallrtc_lab.rtc.names import look_up


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "smallrtc name"]


async def test_addresses_and_names_that_are_known_pass() -> None:
    """An address needs no look-up; localhost has one."""
    await look_up("192.0.2.1")
    await look_up("::1")
    await look_up("localhost")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".invalid"])
async def test_a_name_without_an_address_is_an_os_error(host: str) -> None:
    """So is one that cannot be a name."""
    with pytest.raises(OSError):
        await look_up(host)


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No name server answers, until the event is set."""
    answered = threading.Event()
    monkeypatch.setattr(names.socket, "getaddrinfo", lambda *_, **__: answered.wait(60))
    yield answered
    answered.set()


async def test_many_names_that_nobody_answers_for_take_no_thread_of_the_loop_s(mute: threading.Event) -> None:
    """What else runs on the loop's threads goes on at once, and nobody waits for a look-up in the end."""
    for number in range(40):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await look_up(f"turn{number}.example.org")
    assert await asyncio.to_thread(lambda: "encoded") == "encoded"
    assert lookups()
    assert all(thread.daemon for thread in lookups())
    mute.set()
    for thread in lookups():
        await asyncio.to_thread(thread.join, 30)
