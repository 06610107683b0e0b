"""Sessions: expected, here, absent, forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.limits import Limits
from smallrtc_lab.server.sessions import Sessions, SessionState

LINK: Any = object()
OTHER: Any = object()


def sessions(**limits: Any) -> Sessions:
    return Sessions(Limits(engine_wait_s=0.05, **limits))


async def refusal(known: Sessions, name: str) -> tuple[int, str]:
    with pytest.raises(RequestError) as refused:
        await known.link_of(name)
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".", "ä", "x" * 200, "a\n", "../x"])
async def test_a_name_that_can_be_none_is_unknown_at_once(name: str) -> None:
    """Nobody waits five seconds for a session whose name no engine could announce."""
    known = Sessions(Limits(engine_wait_s=60))
    async with asyncio.timeout(30):
        assert await refusal(known, name) == (404, "unknown-session")
    with pytest.raises(RequestError):
        known.opened(name, LINK)


async def test_who_asks_early_waits_for_the_engine() -> None:
    """A request that came before the engine gets its link as soon as the session is announced."""
    known = sessions()
    waiting = asyncio.create_task(known.link_of("s1"))
    await asyncio.sleep(0)
    known.opened("s1", LINK)
    assert await waiting is LINK


async def test_never_known_is_404_and_ended_is_503() -> None:
    """After the wait the status tells whether the session ever was; clients take 404 as final and try 503 again."""
    known = sessions()
    assert await refusal(known, "s1") == (404, "unknown-session")
    known.closed(known.opened("s1", LINK))
    assert await refusal(known, "s1") == (503, "engine-absent")


async def test_strangers_leave_nothing_behind() -> None:
    """Asking for sessions that never were does not fill the memory."""
    known = sessions()
    await asyncio.gather(*(refusal(known, f"s{n}") for n in range(20)))
    assert list(known) == []


async def test_waiting_is_bounded() -> None:
    """More requests than allowed, or more unknown sessions than allowed, are refused with 429 at once."""
    known = sessions(max_pending_requests=2)
    answers = await asyncio.gather(*(refusal(known, "s1") for _ in range(4)))
    assert sorted(status for status, _ in answers) == [404, 404, 429, 429]
    known = sessions(max_sessions=2)
    answers = await asyncio.gather(*(refusal(known, f"s{n}") for n in range(4)))
    assert sorted(status for status, _ in answers) == [404, 404, 429, 429]


async def test_a_session_belongs_to_one_engine() -> None:
    """A second kernel cannot take a session that is here; the same engine may announce it again."""
    known = sessions()
    session = known.opened("s1", LINK)
    assert known.opened("s1", LINK) is session
    with pytest.raises(RequestError) as refused:
        known.opened("s1", OTHER)
    assert refused.value.status == 403
    known.closed(session)
    assert known.opened("s1", OTHER).link is OTHER


async def test_sessions_are_bounded_and_closing_makes_room() -> None:
    """One session more than allowed is refused, until another one is closed."""
    known = sessions(max_sessions=1)
    first = known.opened("s1", LINK)
    with pytest.raises(RequestError) as refused:
        known.opened("s2", LINK)
    assert refused.value.status == 429
    assert known.find("s2") is None
    known.closed(first)
    assert known.opened("s2", LINK).state is SessionState.HERE


async def test_ended_sessions_are_forgotten_oldest_first() -> None:
    """Only so many ended sessions are remembered."""
    known = sessions(max_sessions=1)
    for number in range(10):
        known.closed(known.opened(f"s{number}", LINK))
    assert [session.id for session in known] == ["s6", "s7", "s8", "s9"]


async def test_dismissing_ends_every_wait() -> None:
    """When the server stops nobody waits any longer."""
    known = Sessions(Limits())
    waiting = asyncio.create_task(known.link_of("s1"))
    await asyncio.sleep(0)
    known.dismiss(RequestError(503, "server-stopping", "bye"))
    with pytest.raises(RequestError, match="bye"):
        await waiting
