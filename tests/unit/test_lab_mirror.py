"""The kernel's view of a session, read and awaited from any thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from smallrtc_lab.errors import ClosedError, ConnectionFailed, NotLiveError, StreamTimeout
from smallrtc_lab.lab.mirror import Mirror


@pytest.fixture
def changes() -> list[tuple[Any, ...]]:
    """What the mirror told."""
    return []


@pytest.fixture
def mirror(changes: list[tuple[Any, ...]]) -> Mirror:
    """A mirror that keeps what it tells."""
    return Mirror(lambda *change: changes.append(change))


def test_only_changes_are_told(mirror: Mirror, changes: list[tuple[Any, ...]]) -> None:
    """Each changed value once, with old and new; the same again is no change."""
    mirror.update(state="connecting", route=None, fps=0.0)
    mirror.update(state="live", route="direct")
    mirror.update(state="live", route="direct")
    assert changes == [
        ("state", "idle", "connecting"),
        ("state", "connecting", "live"),
        ("route", None, "direct"),
    ]
    assert (mirror["state"], mirror["route"], mirror["level_db"]) == ("live", "direct", None)


def test_watchers_hear_states_until_they_are_undone(mirror: Mirror) -> None:
    """Only the state is watched; undoing twice does no harm."""
    heard: list[str] = []
    undo = mirror.watch(heard.append)
    mirror.update(fps=30.0)
    mirror.update(state="asking")
    undo()
    undo()
    mirror.update(state="live")
    assert heard == ["asking"]


def test_require_live(mirror: Mirror) -> None:
    """Only a live lab lets streams begin."""
    with pytest.raises(NotLiveError, match="click Start"):
        mirror.require_live()
    mirror.update(state="live")
    mirror.require_live()


def test_who_waits_where_pages_speak_through_the_notebook_is_told_the_order(mirror: Mirror) -> None:
    """A cell that waits may keep the page's click from Python: the error says what to do first."""
    assert "click Start before" not in mirror.too_late(1.0)
    mirror.by_comm = True
    assert "click Start before the cell that waits runs" in mirror.too_late(1.0)


def test_waiting_ends_when_another_thread_brings_it(mirror: Mirror) -> None:
    """wait_live returns as soon as it is live."""
    threading.Timer(0.05, lambda: mirror.update(state="live")).start()
    begun_s = time.monotonic()
    mirror.wait_live(60)
    assert time.monotonic() - begun_s < 30
    mirror.wait_live(0)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("idle", "nobody clicked Start"),
        ("asking", "asks for permission"),
        ("reconnecting", "still being made"),
    ],
)
def test_waiting_for_too_long_says_what_to_do(mirror: Mirror, state: str, words: str) -> None:
    """The advice is that of the state it is in."""
    mirror.update(state=state)
    with pytest.raises(StreamTimeout, match=f"not live after 0.02 s; .*{words}"):
        mirror.wait_live(0.02)


def test_waiting_for_what_cannot_be_ends_at_once(mirror: Mirror) -> None:
    """A failure is told in the page's own words; a closed lab says that it was closed."""
    error = {"code": "permission-denied", "message": "You refused.", "next_step": "Press Start."}
    mirror.update(state="failed", error=error)
    with pytest.raises(ConnectionFailed, match=r"^You refused\. Press Start\.$"):
        mirror.wait_live(5)
    mirror.update(error=None)
    with pytest.raises(ConnectionFailed, match="no connection could be made"):
        mirror.wait_live(5)
    mirror.update(state="closed")
    with pytest.raises(ConnectionFailed, match="was closed"):
        mirror.wait_live(5)


def test_what_was_closed_is_not_waited_for(mirror: Mirror) -> None:
    """A closed lab says so, and not that somebody should click Start."""
    with pytest.raises(NotLiveError):
        mirror.require_live()
    mirror.update(state="closed")
    with pytest.raises(ClosedError, match="make a new Lab"):
        mirror.require_live()
