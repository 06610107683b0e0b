"""What is said to a person, by what was found out: the first thing that stands in the way, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.lab.diagnosis import Finding, Row
from smallrtc_lab.lab.facts import Facts
from smallrtc_lab.lab.probes import ice_row, rows_of, udp_row
from smallrtc_lab.lab.verdict import judge
from smallrtc_lab.places import find_place

PAGE = {
    "secure": True,
    "host": "localhost",
    "browser": "Firefox 140",
    "media_devices": True,
    "webrtc": True,
    "web_codecs": True,
    "camera": "prompt",
    "microphone": "granted",
    "cameras": 1,
    "microphones": 2,
    "pairs": [],
    "round_trip_ms": 3.0,
}
TIMEOUT = {"code": "connect-timeout", "message": "Could not connect to Python.", "next_step": "Press Start."}
TURN = {"url": "turn:turn.example:3478", "finding": "good", "detail": "", "ms": 4.0}
HOSTS = {"local": "host", "remote": "host", "protocol": "udp", "state": "succeeded"}
HOLE = HOSTS | {"remote": "srflx"}
DEAD = HOSTS | {"state": "failed"}
RELAYED = HOSTS | {"local": "relay"}
SSH = {"SSH_CONNECTION": "a b c d"}


def engine(**changes: Any) -> dict[str, Any]:
    told = {
        "route": None,
        "simulated": False,
        "pages": 1,
        "answers": [PAGE],
        "ice": [],
        "problems": [],
        "pairs": [],
    }
    return told | {"udp": [{"works": True, "ms": 0.1}, {"works": True, "ms": 0.2}]} | changes


def make(place: dict[str, str] | None = None, page: dict[str, Any] | None = None, **changes: Any) -> Facts:
    told = changes.pop("engine", engine())
    if page is not None:
        told = told | {"answers": [PAGE | page]}
    facts: dict[str, Any] = {
        "place": find_place(place or {}, lambda path: False),
        "in_kernel": True,
        "link": "linked",
        "link_reason": "",
        "state": "idle",
        "error": None,
        "wants": ("camera", "microphone"),
        "engine": told,
    }
    return Facts(**facts | changes)


SAID = [
    (make(), "Nothing that can be seen", "Click Start", False),
    (make(state="live", engine=engine(route="direct")), "Live: media go directly", "Nothing to do", False),
    (make(state="live", engine=engine(route="turn")), "through a TURN server", "less delay", False),
    (
        make(page={"pairs": [HOSTS]}, state="live", engine=engine(route="direct")),
        "directly, and no router changes addresses",
        "Nothing to do",
        False,
    ),
    (
        make(page={"pairs": [HOLE]}, state="live", engine=engine(route="direct")),
        "a hole in a router",
        "Nothing to do",
        False,
    ),
    (
        make(page={"pairs": [DEAD, RELAYED]}, state="live", engine=engine(route="turn")),
        "no direct pair of addresses got through",
        "less delay",
        False,
    ),
    (
        make(SSH, state="live", engine=engine(route="relay")),
        "Jupyter's own connection, for the browser has no address",
        "Forward port 3478",
        False,
    ),
    (
        make(SSH, page={"browser": "Chrome 156"}, state="live", engine=engine(route="relay")),
        "Jupyter's own connection",
        "run smallrtc-lab turn there.",
        False,
    ),
    (
        make(SSH, page={"browser": "Firefox 153"}, state="live", engine=engine(route="relay")),
        "Jupyter's own connection",
        "Firefox asks no TURN server on localhost",
        False,
    ),
    (
        make(page={"pairs": [DEAD, DEAD]}, state="live", engine=engine(route="relay")),
        "none of 2 pairs of addresses that WebRTC tried got an answer",
        "TURN",
        False,
    ),
    (
        make(page={"pairs": [DEAD]}, state="live", engine=engine(route="relay")),
        "the one pair of addresses that WebRTC tried got no answer",
        "TURN",
        False,
    ),
    (
        make(page={"pairs": [HOSTS, DEAD]}, state="live", engine=engine(route="relay")),
        "WebRTC is about to take over",
        "TURN",
        False,
    ),
    (
        make(page={"webrtc": False}, state="live", engine=engine(route="relay")),
        "this browser has no WebRTC",
        "TURN",
        False,
    ),
    (
        make(webrtc=False, state="live", engine=engine(route="relay")),
        "as Lab(webrtc=False) asks",
        "Leave webrtc=False out",
        False,
    ),
    (
        make(state="live", engine=engine(simulated=True, pages=0)),
        "A simulated browser is live",
        "Click Start",
        False,
    ),
    (make(engine=None, engine_error="it crashed"), "media process does not answer", "lab.start()", True),
    (make(link="none", engine=engine(pages=0, answers=[])), "No Jupyter server extension", "Install", True),
    (
        make({"VSCODE_PID": "1"}, link="none", engine=engine(pages=0, answers=[])),
        "VS Code runs no Jupyter server extension",
        "in a browser",
        True,
    ),
    (make(link="none", in_kernel=False, engine=engine(pages=0)), "This is no notebook", "in Jupyter", False),
    (
        make(link="lost", link_reason="it broke", engine=engine(pages=0, answers=[])),
        "does not reach Jupyter's server extension (it broke)",
        "still runs",
        True,
    ),
    (make(link="lost"), "Nothing that can be seen", "Click Start", False),
    (make(engine=engine(pages=0, answers=[])), "no page shows this lab", "Show it", False),
    (make(engine=engine(answers=[])), "does not answer", "Reload the page", True),
    (
        make(engine=engine(answers=[{"id": 1, "round_trip_ms": 1}])),
        "does not answer",
        "Reload the page",
        True,
    ),
    (make(page={"secure": False}), "not secure", "https", True),
    (make(page={"webrtc": False}), "no WebRTC", "current Chrome", True),
    (make(page={"camera": "denied"}), "The camera is blocked", "allow the camera", True),
    (make(page={"camera": "denied"}, wants=("microphone",)), "Nothing", "Click Start", False),
    (make(page={"microphones": 0}), "finds no microphone", "Connect one", True),
    (make(state="failed", error=TIMEOUT), "lets no UDP through", "TURN server", True),
    (make(SSH, state="failed", error=TIMEOUT), "No way for media", "Forward port 3478", True),
    (
        make(state="failed", error=TIMEOUT, engine=engine(ice=[TURN | {"finding": "refused"}])),
        "refuses the user name",
        "username and credential",
        True,
    ),
    (
        make(SSH, state="failed", error=TIMEOUT, engine=engine(ice=[TURN])),
        "No way for media",
        "Forward",
        True,
    ),
    (make(engine=engine(ice=[TURN | {"finding": "untrusted"}])), "not trusted", "SSL_CERT_FILE", True),
    (make(error={"code": "no-device", "message": "None.", "next_step": None}), "None.", "Press Start", True),
    (
        make(
            engine=engine(
                problems=[
                    {"code": "turn-credentials-failed", "message": "No credentials.", "next_step": "Wait."}
                ]
            )
        ),
        "No credentials.",
        "Wait.",
        True,
    ),
    (make(state="asking"), "asks for permission", "address bar", False),
    (make(state="reconnecting"), "is being made", "again", False),
]


@pytest.mark.parametrize(("facts", "verdict", "advice", "broken"), SAID, ids=[one[1] for one in SAID])
def test_the_nearest_thing_in_the_way_is_said(facts: Facts, verdict: str, advice: str, broken: bool) -> None:
    """A sentence, the one thing to do, and whether anything is broken; the table can always be made."""
    said = judge(facts)
    assert verdict in said.verdict
    assert advice in said.advice
    assert said.broken is broken
    rows = rows_of(facts)
    assert rows[0].probe == "place"
    assert rows[-1].probe == "connection"


def test_the_table_follows_the_way_to_the_browser() -> None:
    """Each probe has a row, in words; pairs of candidates are counted by kind."""
    pairs = [{"local": "host", "remote": "host", "state": "failed"}] * 2
    told = engine(ice=[TURN], pairs=[*pairs, {"local": "relay", "remote": "host", "state": "succeeded"}])
    rows = {row.probe: row for row in rows_of(make(engine=told))}
    assert list(rows) == [
        "place", "media process", "server extension", "UDP on this machine", "TURN", "page", "secure context",
        "WebRTC", "WebCodecs", "camera", "microphone", "pairs tried by Python", "connection",
    ]  # fmt: skip
    assert rows["TURN"] == Row("TURN", "turn:turn.example:3478 answers", 4.0, Finding.GOOD)
    assert rows["microphone"].result == "2 found, allowed"
    tried = rows["pairs tried by Python"]
    assert tried.result == "host–host failed (2 times), relay–host succeeded"
    assert tried.finding is Finding.GOOD


def test_nothing_to_try_is_a_finding_too() -> None:
    """A page whose addresses could not be used leaves no pair; before anything was tried that means nothing."""
    told = {row.probe: row for row in rows_of(make(state="live", engine=engine(route="relay")))}
    assert told["pairs tried by Python"].finding is Finding.BAD
    assert told["connection"].result == "live, through Jupyter's own connection"
    assert "pairs tried by Python" not in {row.probe for row in rows_of(make())}


def test_a_server_and_udp_in_words() -> None:
    """What was refused says why; a machine without a network is no fault."""
    refused = ice_row({"url": "stun:a.example", "finding": "silent", "detail": "TimeoutError", "ms": 3000.0})
    assert refused == Row("STUN", "stun:a.example does not answer (TimeoutError)", 3000.0, Finding.BAD)
    assert udp_row([{"works": True, "ms": 1.0}]).finding is Finding.NOTE
    assert udp_row([{"works": True, "ms": 1.0}, {"works": False, "ms": 1000.0}]).finding is Finding.BAD
