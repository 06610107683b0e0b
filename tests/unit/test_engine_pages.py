"""Pages are strangers: what they say is checked, what they are told comes to later ones, too."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.engine.pages import Page, Pages

GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "session_socket.json").read_text())
HELLO = {"type": "hello", "version": 1, "page": "5f0c", "visible": True}


class Session:
    """Keeps what pages said and what they were told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.pages = Pages(lambda key, message: self.told.append((key, message)), self)

    def page_status(self, page: Page) -> None:
        self.heard.append(("status", page.state, page.error))

    def page_settings(self, settings: dict[str, Any]) -> None:
        self.heard.append(("settings", settings))

    def page_stats(self, stats: dict[str, Any]) -> None:
        self.heard.append(("stats", stats))

    def page_control(self, callback: str, name: str, value: Any) -> None:
        self.heard.append(("control", callback, name, value))

    def page_diagnosis(self, key: str, diagnosis: dict[str, Any]) -> None:
        self.heard.append(("diagnosis", key, diagnosis))

    def greet(self, key: str = "1", **hello: Any) -> None:
        """A page opens and says hello."""
        self.pages.opened(key)
        self.pages.received(key, {**HELLO, **hello})


@pytest.fixture
def session() -> Session:
    """A session without pages."""
    return Session()


def test_a_page_counts_once_it_has_said_hello(session: Session) -> None:
    """Before its hello a page is told nothing and believed nothing; the answer is a welcome."""
    session.pages.greeting = {"ice_servers": [], "limits": {"max_width": 640}, "started": True}
    session.pages.opened("1")
    session.pages.tell({"type": "log", "text": "early"})
    session.pages.received("1", {"type": "status", "state": "live", "error": None})
    assert (session.told, session.heard) == ([], [])
    session.pages.received("1", HELLO)
    assert session.told == [
        (
            "1",
            {
                "type": "welcome",
                "version": 1,
                "ice_servers": [],
                "limits": {"max_width": 640},
                "started": True,
            },
        )
    ]
    found = session.pages.find("5f0c")
    assert found is not None
    assert found.key == "1"


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_asked_to_reload(session: Session, version: Any) -> None:
    """A page of another version is told so in words and gets nothing else."""
    session.greet(version=version)
    ((key, problem),) = session.told
    assert (key, problem["code"], problem["next_step"]) == ("1", "page-version", "Reload the page.")
    session.pages.tell({"type": "command", "command": "start"})
    assert len(session.told) == 1


def test_standing_messages_are_told_to_later_pages(session: Session) -> None:
    """What still holds reaches a page that comes later, newest of each key only; passing words do not."""
    session.pages.tell({"type": "values", "values": {"a": 1}}, standing=True)
    session.pages.tell({"type": "values", "values": {"a": 2}}, standing=True)
    session.pages.tell({"type": "problem", "code": "x"}, standing=True, key="problem-x")
    session.pages.tell({"type": "problem", "code": "y"}, standing=True, key="problem-y")
    session.pages.tell({"type": "log", "text": "gone"})
    assert session.pages.forget("problem-x")
    assert not session.pages.forget("problem-x")
    session.greet()
    assert [message for _, message in session.told[1:]] == [
        {"type": "values", "values": {"a": 2}},
        {"type": "problem", "code": "y"},
    ]


def test_two_pages_are_told_alike_and_leave_apart(session: Session) -> None:
    """Both pages of a session hear everything; one that leaves is idle and gone, the other stays."""
    session.greet("1", page="one")
    session.greet("2", page="two", visible=False)
    session.pages.received("1", {"type": "status", "state": "live", "error": None})
    session.told.clear()
    session.pages.tell({"type": "log", "text": "x"})
    assert [key for key, _ in session.told] == ["1", "2"]
    session.pages.closed("1")
    assert session.heard[-1] == ("status", "idle", None)
    assert "1" not in session.pages
    assert [page.name for page in session.pages] == ["two"]
    assert not session.pages.visible
    session.pages.received("2", {"type": "visible", "visible": True})
    assert session.pages.visible
    session.pages.clear()
    assert list(session.pages) == []
    session.pages.closed("2")  # once more does no harm


@pytest.mark.parametrize(
    "junk",
    [
        None,
        7,
        "hello",
        ["hello"],
        {},
        {"type": None},
        {"type": ["status"]},
        {"type": {"a": 1}},
        {"type": "shout"},
        {"type": "_on_hello"},
        {"type": "constructor"},
        {"type": "x" * 100_000},
        {"type": "hello", "version": 1},
        {"type": "hello", "version": 1, "page": ""},
        {"type": "hello", "version": 1, "page": "x" * 201},
        {"type": "hello", "version": 1, "page": ["x"]},
        {"type": "status"},
        {"type": "status", "state": "closed"},
        {"type": "status", "state": ["live"]},
        {"type": "status", "state": {"live": 1}},
        {"type": "control", "callback": 1, "name": "k", "value": 1},
        {"type": "control", "callback": "effect", "name": None, "value": 1},
        {"type": "control", "callback": "effect", "name": "k", "value": [1]},
        {"type": "control", "callback": "effect", "name": "k", "value": float("nan")},
        {"type": "control", "callback": "effect", "name": "k", "value": "x" * 1001},
        {"type": "welcome", "version": 1},
        {"type": "command", "command": "start"},
    ],
    ids=lambda junk: repr(junk)[:50],
)
def test_junk_is_dropped(session: Session, junk: Any) -> None:
    """Nothing a stranger says raises, or is believed, before its hello or after it."""
    session.pages.opened("1")
    session.pages.received("1", junk)
    session.pages.received("1", HELLO)
    session.pages.received("1", junk)
    session.pages.received("unknown", junk)
    assert session.heard == []


def test_junk_inside_a_message_is_left_out(session: Session) -> None:
    """Of settings and figures only what can be true is passed on."""
    session.greet()
    session.pages.received("1", {"type": "settings", "audio": [1], "video": {"width": 640}, "other": {}})
    figures = {"type": "stats", "fps": 30, "loss": float("inf"), "route": "direct", "list": [1], "n": None}
    session.pages.received("1", figures)
    bad_error = {"code": ["x"], "message": "m" * 5000, "other": 1}
    session.pages.received("1", {"type": "status", "state": "failed", "error": bad_error})
    session.pages.received("1", {"type": "status", "state": "failed", "error": "words"})
    assert session.heard[:2] == [
        ("settings", {"audio": None, "video": {"width": 640}, "screen": None}),
        ("stats", {"fps": 30, "route": "direct", "n": None}),
    ]
    assert session.heard[2][2] == {"code": "['x']", "message": "m" * 1000, "next_step": ""}
    assert session.heard[3] == ("status", "failed", None)


@pytest.mark.parametrize(
    "message",
    [g["message"] for g in GOLDEN if g["direction"] == "page" and g["valid"]],
    ids=lambda message: f"{message['type']}-{json.dumps(message)[:40]}",
)
def test_the_golden_messages_of_a_page_are_understood(
    session: Session, message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each message of the contract changes what it is there to change, and none is complained about."""
    if message["type"] != "hello":
        session.greet()
    else:
        session.pages.opened("1")
    with caplog.at_level(logging.DEBUG):
        session.pages.received("1", message)
    assert caplog.text == ""
    kind = message["type"]
    if kind == "hello":
        assert session.pages.find(message["page"]) is not None
    elif kind == "visible":
        assert session.pages.visible is message["visible"]
    elif kind == "status":
        heard_kind, state, error = session.heard[-1]
        assert (heard_kind, state) == ("status", message["state"])
        assert (error is None) == (message["error"] is None)
    elif kind == "diagnosis":
        (_, key, diagnosis) = session.heard[-1]
        assert (key, {"type": kind, **diagnosis}) == ("1", message)
    elif kind == "claim":
        assert session.pages.owner == HELLO["page"]
    elif kind == "control":
        assert session.heard == [("control", message["callback"], message["name"], message["value"])]
    else:
        assert session.heard == [(kind, {k: v for k, v in message.items() if k != "type"})]


@pytest.mark.parametrize(
    "golden",
    [g for g in GOLDEN if g["direction"] == "page" and not g["valid"]],
    ids=lambda golden: golden["why"],
)
def test_the_golden_bad_messages_of_a_page_do_no_harm(session: Session, golden: dict[str, Any]) -> None:
    """What the contract calls invalid raises nothing and never makes a page of a stranger."""
    session.pages.opened("1")
    session.pages.received("1", golden["message"])
    assert session.heard == []
    session.pages.received("1", HELLO)
    session.pages.received("1", golden["message"])


def owners(session: Session) -> list[tuple[str, str]]:
    """Who was told whose the devices are, since the last look."""
    said = [(key, message["who"]) for key, message in session.told if message["type"] == "owner"]
    session.told.clear()
    return said


def test_one_page_has_the_devices_and_every_page_knows(session: Session) -> None:
    """The first to ask owns, a later page learns it with its welcome, a claim hands over, idle or leaving frees."""
    session.greet("1")
    session.pages.received("1", {"type": "status", "state": "asking", "error": None})
    assert owners(session) == [("1", "you")]
    session.greet("2", page="b")
    assert [message["type"] for _, message in session.told] == ["owner", "welcome"]
    assert owners(session) == [("2", "another")]
    session.pages.received("2", {"type": "status", "state": "asking", "error": None})
    assert owners(session) == [("2", "another")]
    session.pages.received("2", {"type": "claim"})
    assert owners(session) == [("1", "another"), ("2", "you")]
    session.pages.received("1", {"type": "status", "state": "idle", "error": None})
    assert owners(session) == []
    session.pages.closed("2")
    assert owners(session) == [("1", "nobody")]


def test_pages_know_of_a_simulation_while_no_page_has_devices(session: Session) -> None:
    """It is told as soon as it is live, to later pages too, after a page's devices closed, and when it has ended."""
    session.greet("1")
    session.told.clear()
    session.pages.simulate(True)
    session.pages.simulate(True)
    assert owners(session) == [("1", "simulation")]
    session.greet("2", page="b")
    assert owners(session) == [("2", "simulation")]
    session.pages.received("2", {"type": "status", "state": "asking", "error": None})
    assert owners(session) == [("1", "another"), ("2", "you")]
    session.pages.received("2", {"type": "status", "state": "idle", "error": None})
    assert owners(session) == [("1", "simulation"), ("2", "simulation")]
    session.pages.simulate(False)
    assert owners(session) == [("1", "nobody"), ("2", "nobody")]


def test_an_owner_keeps_the_devices_over_a_new_socket_and_a_lost_link(session: Session) -> None:
    """A page whose second socket came before its first was gone still owns, and so it does when the link breaks."""
    session.greet("1")
    session.pages.received("1", {"type": "status", "state": "live", "error": None})
    session.greet("2")
    session.pages.closed("1")
    assert session.pages.owner == HELLO["page"]
    session.pages.clear()
    assert session.pages.owner == HELLO["page"]


def test_a_start_goes_to_the_page_that_had_the_devices_last(session: Session) -> None:
    """Python's start reaches every page at first, and later the last owner alone, as long as it is there."""

    def invited() -> list[str]:
        session.told.clear()
        session.pages.invite()
        return [key for key, _ in session.told]

    session.greet("1")
    session.greet("2", page="b")
    assert invited() == ["1", "2"]
    session.pages.received("2", {"type": "claim"})
    session.pages.received("2", {"type": "status", "state": "idle", "error": None})
    assert invited() == ["2"]
    session.pages.closed("2")
    assert invited() == ["1"]


def test_pages_are_described_for_the_figures(session: Session) -> None:
    """Who is there, in which state, and whether somebody looks."""
    session.greet("1")
    session.greet("2", page="b")
    session.pages.received("1", {"type": "status", "state": "live", "error": None})
    session.pages.received("2", {"type": "visible", "visible": False})
    assert session.pages.describe() == [
        {"state": "live", "visible": True},
        {"state": "idle", "visible": False},
    ]


def test_a_lost_link_leaves_pages_that_came_by_the_comm(session: Session) -> None:
    """They never had a socket of the server's: what they say is heard on, and they are told things."""
    session.greet("1")
    session.pages.opened("comm:2", by_comm=True)
    session.pages.received("comm:2", {**HELLO, "page": "77aa"})
    session.pages.clear()
    assert [page.key for page in session.pages] == ["comm:2"]
    session.pages.received("comm:2", {"type": "status", "state": "live", "error": None})
    assert session.heard[-1] == ("status", "live", None)
    session.told.clear()
    session.pages.tell({"type": "log", "text": "on"})
    assert session.told == [("comm:2", {"type": "log", "text": "on"})]
