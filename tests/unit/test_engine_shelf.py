"""Pictures and sounds that are shown without being saved."""

from __future__ import annotations

import pytest

from smallrtc_lab.engine.shelf import Shelf


def test_what_was_put_is_found_by_an_unguessable_name() -> None:
    """Each item has a long random name of its own, fit for a path."""
    shelf = Shelf()
    names = {shelf.put("image/jpeg", b"one"), shelf.put("image/jpeg", b"one")}
    assert len(names) == 2
    for name in names:
        assert shelf.get(name) == ("image/jpeg", b"one")
        assert len(name) >= 16
        assert name.replace("-", "").replace("_", "").isalnum()
    assert shelf.get("other") is None


def test_the_oldest_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its bound the shelf forgets from the old end."""
    monkeypatch.setattr(Shelf, "max_bytes", 10)
    shelf = Shelf()
    first, second = shelf.put("a", b"12345"), shelf.put("a", b"12345")
    assert shelf.get(first) is not None
    third = shelf.put("a", b"1")
    assert shelf.get(first) is None
    assert shelf.get(second) == ("a", b"12345")
    assert shelf.get(third) == ("a", b"1")


def test_one_item_beyond_the_bound_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has just been shown is there, however large; it goes with the next one."""
    monkeypatch.setattr(Shelf, "max_bytes", 10)
    shelf = Shelf()
    shelf.put("a", b"1")
    large = shelf.put("a", b"x" * 50)
    assert shelf.get(large) == ("a", b"x" * 50)
    small = shelf.put("a", b"2")
    assert shelf.get(large) is None
    assert shelf.get(small) == ("a", b"2")


def test_clear_forgets_everything_and_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After clear nothing is found, and the bound counts from zero."""
    monkeypatch.setattr(Shelf, "max_bytes", 10)
    shelf = Shelf()
    gone = shelf.put("a", b"1234567890")
    shelf.clear()
    assert shelf.get(gone) is None
    kept = [shelf.put("a", b"12345") for _ in range(2)]
    assert all(shelf.get(name) for name in kept)
