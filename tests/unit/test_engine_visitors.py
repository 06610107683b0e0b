"""Relay sockets of what is served: which client each belongs to."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.engine.relaying.visitors import Visitor, VisitorSockets
from smallrtc_lab.errors import RequestError


class Doorman:
    """Both ends: who came, what was handed over, and whom the link must close."""

    def __init__(self) -> None:
        self.came: list[Visitor] = []
        self.said: list[tuple[str, ...]] = []
        self.closed_here: list[tuple[str, int, str]] = []
        self.full = False
        self.sockets = VisitorSockets(self, self.taker_of)

    def taker_of(self, visitor: Visitor) -> Doorman:
        if self.full:
            raise RequestError(429, "too-many", "nobody fits in")
        self.came.append(visitor)
        return self

    def opened(self, key: str) -> None:
        self.said.append(("opened", key))

    def received(self, key: str, content: bytes) -> None:
        self.said.append(("received", key, content.decode()))

    def closed(self, key: str) -> None:
        self.said.append(("closed", key))

    def send(self, key: str, content: bytes) -> None:
        """Nothing is sent."""

    def close(self, key: str, code: int, reason: str) -> None:
        self.closed_here.append((key, code, reason))

    def hear(self, what: str, key: str, content: bytes = b"", **more: Any) -> None:
        self.sockets.received({"type": f"media{what}", "session": "bot", "page": key, **more}, content)


def test_a_socket_belongs_to_whom_its_invitation_names() -> None:
    """Nobody is made room for before the first packet; who came without a name is a client of the socket's own."""
    door = Doorman()
    door.hear("-open", "k1", client={"session_id": "a-name", "body": 7})
    assert door.came == []
    door.hear("", "k1", b"hello")
    door.hear("", "k1", b"more")
    door.hear("-open", "k2")
    door.hear("", "k2", b"hello")
    assert door.came == [Visitor("a-name", "a-name", 7), Visitor("k2")]
    door.hear("-close", "k1")
    door.hear("", "k1", b"too late")
    assert [one for one in door.said if one[1] == "k1"] == [
        ("opened", "k1"),
        ("received", "k1", "hello"),
        ("received", "k1", "more"),
        ("closed", "k1"),
    ]


def test_who_does_not_fit_is_told_and_heard_no_more() -> None:
    """With a code and a sentence; what the client still says goes nowhere."""
    door = Doorman()
    door.full = True
    door.hear("-open", "k1", client={"session_id": "a-name", "body": None})
    door.hear("", "k1", b"hello")
    door.full = False
    door.hear("", "k1", b"hello?")
    assert door.closed_here == [("k1", 4403, "too-many: nobody fits in")]
    assert door.said == door.came == []


def test_a_lost_link_closes_every_socket() -> None:
    """The server that had them is gone."""
    door = Doorman()
    for key in ("k1", "k2"):
        door.hear("-open", key)
        door.hear("", key, b"hello")
    door.hear("-open", "k3")
    door.sockets.clear()
    assert [one for one in door.said if one[0] == "closed"] == [("closed", "k1"), ("closed", "k2")]
    door.hear("", "k3", b"hello")
    assert len(door.came) == 2
