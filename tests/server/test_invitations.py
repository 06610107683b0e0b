"""Names given out by `POST start`, by a clock of the test's own."""

from __future__ import annotations

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.invitations import Invitations


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_an_invitation_lives_by_its_last_use() -> None:
    """It is found as long as it is used often enough, and is gone a lifetime after its last use."""
    clock = Clock()
    invitations = Invitations(10, 100, clock)
    name = invitations.issue("echo", {"a": 1}).name
    for now_s in (90.0, 180.0, 270.0):
        clock.now_s = now_s
        found = invitations.find(name)
        assert found is not None
        assert (found.session, found.body) == ("echo", {"a": 1})
    clock.now_s = 371.0
    assert invitations.find(name) is None
    assert invitations.find("never") is None


def test_old_invitations_make_room() -> None:
    """The limit counts those that can still be used; one more is refused with 429."""
    clock = Clock()
    invitations = Invitations(2, 100, clock)
    first, _ = invitations.issue("a", None), invitations.issue("a", None)
    with pytest.raises(RequestError) as refused:
        invitations.issue("a", None)
    assert refused.value.status == 429
    clock.now_s = 60.0
    assert invitations.find(first.name) is not None
    clock.now_s = 120.0  # the second one is too old now, the first was used
    invitations.issue("a", None)
    with pytest.raises(RequestError):
        invitations.issue("a", None)


def test_a_session_takes_its_invitations_with_it() -> None:
    """Those of other sessions stay."""
    invitations = Invitations(9, 100, Clock())
    gone, stays = invitations.issue("a", None), invitations.issue("b", None)
    invitations.withdraw("a")
    assert invitations.find(gone.name) is None
    assert invitations.find(stays.name) is not None


def test_what_start_was_told_is_in_no_repr() -> None:
    """A body may hold what is private."""
    assert "secret" not in repr(Invitations(9, 100, Clock()).issue("a", "secret"))
