"""What goes by a widget's comm: a page's words to the engine, the engine's to that page, others' left alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smallrtc_lab.lab.comm import PageComm, PlotComm


class Access:
    """An engine that keeps what it is told."""

    closed = False
    client = SimpleNamespace(link_state="lost", link_reason="it broke")

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def submit(self, method: str, **args: Any) -> None:
        self.told.append((method, args))


@pytest.fixture
def access() -> Access:
    return Access()


def said(page: object, kind: str, **more: Any) -> dict[str, Any]:
    """As a page says it."""
    return {"smallrtc": {"page": page, "kind": kind, **more}}


def test_a_page_that_says_hello_is_told_where_it_is(access: Access) -> None:
    """Its message goes on to the engine; the page learns why no server extension leads here, and that once."""
    sent: list[Any] = []
    pages = PageComm(access, sent.append)  # type: ignore[arg-type]
    pages.received(None, said("p", "message", message={"type": "hello"}), [])
    pages.received(None, said("p", "message", message={"type": "visible"}), [])
    assert [method for method, _ in access.told] == ["comm_message", "comm_message"]
    (told,) = [one["smallrtc"] for one in sent]
    assert (told["page"], told["kind"]) == ("p", "home")
    assert "it broke" in told["home"]["notice"]


def test_pages_that_are_there_hear_of_an_engine_that_came_back(access: Access) -> None:
    """A page that has left is told nothing any more; a lab that is closed tells nobody."""
    sent: list[Any] = []
    pages = PageComm(access, sent.append)  # type: ignore[arg-type]
    for page in ("a", "b"):
        pages.received(None, said(page, "message", message={"type": "hello"}), [])
    pages.received(None, said("a", "left"), [])
    sent.clear()
    pages.tell_all("here")
    assert [(one["smallrtc"]["page"], one["smallrtc"]["message"]["state"]) for one in sent] == [("b", "here")]
    access.closed = True
    pages.tell_all("absent")
    assert len(sent) == 1


@pytest.mark.parametrize(
    "content",
    [None, "text", {"mine": 1}, {"smallrtc": "x"}, said("", "message"), said(7, "message"), said("p", "?")],
)
def test_what_is_not_for_us_is_left_alone(access: Access, content: object) -> None:
    """An application may use the same comm for messages of its own; nonsense is dropped."""
    PageComm(access, lambda content: None).received(None, content, [])  # type: ignore[arg-type]
    PlotComm(access, "plot", lambda content, buffers: None).received(None, content, [])  # type: ignore[arg-type]
    assert access.told == []


def test_a_view_of_a_plot_gets_its_pictures_as_bytes(access: Access) -> None:
    """What a view says names its plot, its leaving, too; a new engine is greeted anew; only pictures have buffers."""
    sent: list[Any] = []
    plot = PlotComm(access, "plot7", lambda *one: sent.append(one))  # type: ignore[arg-type]
    plot.received(None, said("v", "message", message={"type": "hello"}), [])
    plot.received(None, said("v", "left"), [])
    plot.received(None, said("w", "message", message={"type": "hello"}), [])
    plot.greet_again()
    (told,) = [content["smallrtc"] for content, _ in sent]
    assert (told["page"], told["message"]) == ("w", {"type": "engine", "state": "here"})
    sent.clear()
    assert access.told[:2] == [
        ("comm_plot", {"plot": "plot7", "page": "v", "message": {"type": "hello"}}),
        ("comm_plot_left", {"page": "v"}),
    ]
    plot.tell("v", {"type": "picture", "n": 1}, b"jpeg")
    plot.tell("v", {"type": "coming", "n": 2}, b"")
    assert [(content["smallrtc"]["message"]["type"], buffers) for content, buffers in sent] == [
        ("picture", [b"jpeg"]),
        ("coming", None),
    ]
