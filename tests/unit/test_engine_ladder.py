"""Which connection carries a session."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.engine.ladder import Ladder


def names(ladder: Ladder) -> tuple[Any, Any]:
    return ladder.current, ladder.candidate


def test_a_relay_carries_until_the_direct_way_is_through() -> None:
    """Direct tries, the relay comes in its place, direct takes over, the relay is let go."""
    ladder: Any = Ladder()
    assert ladder.begin("direct") is None
    assert ladder.stand_in("relay") is None
    assert names(ladder) == ("relay", "direct")
    assert ladder.climb() == "relay"
    assert names(ladder) == ("direct", None)
    assert not ladder.gone("relay")
    assert names(ladder) == ("direct", None)


def test_a_second_try_takes_the_place_of_the_first() -> None:
    """One candidate at a time; the older one is to be given up."""
    ladder: Any = Ladder()
    ladder.begin("relay")
    assert ladder.consider("first") is None
    assert ladder.consider("second") == "first"
    assert names(ladder) == ("relay", "second")
    assert ladder.begin("other page") == "second"
    assert names(ladder) == ("other page", None)


def test_another_socket_of_the_relay_leaves_the_candidate_alone() -> None:
    """The one that is lost is let go, what was tried beside it goes on."""
    ladder: Any = Ladder()
    ladder.begin("relay")
    ladder.consider("direct")
    assert ladder.replace("relay again") == "relay"
    assert names(ladder) == ("relay again", "direct")


def test_what_is_left_carries_when_the_current_one_has_gone() -> None:
    """A candidate that has failed is forgotten; one that is left is all there is."""
    ladder: Any = Ladder()
    ladder.begin("relay")
    ladder.consider("direct")
    assert not ladder.gone("direct")
    assert names(ladder) == ("relay", None)
    ladder.consider("again")
    assert ladder.gone("relay")
    assert names(ladder) == ("again", None)
    assert ladder.gone("again")
    assert names(ladder) == (None, None)
