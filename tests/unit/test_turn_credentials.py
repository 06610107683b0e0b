"""What TURN services answer, in each documented shape, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.turn.credentials import Credentials, CredentialsError, read_answer

NOW_S = 1_790_000_000.0
TURN = {"urls": ["turn:turn.example:3478"], "username": "u", "credential": "hush"}
ANSWERS: list[tuple[str, Any]] = [
    ("a list", [TURN]),
    ("Cloudflare's", {"iceServers": [{**TURN}]}),
    ("Cloudflare's older one", {"iceServers": {**TURN}}),
    (
        "Twilio's",
        {
            "ice_servers": [{**TURN, "url": TURN["urls"][0], "urls": TURN["urls"][0]}],
            "ttl": "86400",
            "password": "hush",
        },
    ),
    ("Twilio's oldest", {"ice_servers": [{"url": TURN["urls"][0], "username": "u", "credential": "hush"}]}),
    ("the REST draft's", {"username": "u", "password": "hush", "ttl": 600, "uris": TURN["urls"]}),
]


@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_every_documented_shape_is_understood(name: str, answer: Any) -> None:
    """Each gives the same server, as a page takes it."""
    assert read_answer(answer, now_s=NOW_S).ice_servers == [TURN], name


def test_the_end_is_told_by_the_answer_or_by_a_user_name_or_by_who_asks() -> None:
    """A ttl, a text too; else the earliest time before a colon; else what was said; else an hour."""
    until = [{**TURN, "username": f"{int(NOW_S) + n}:lab"} for n in (900, 300)]
    assert read_answer({"iceServers": [TURN], "ttl": "120"}, now_s=NOW_S).expires_at_s == NOW_S + 120
    assert read_answer(until, life_s=5, now_s=NOW_S).expires_at_s == NOW_S + 300
    assert read_answer([TURN], life_s=50, now_s=NOW_S).expires_at_s == NOW_S + 50
    assert read_answer([TURN], now_s=NOW_S).expires_at_s == NOW_S + 3600


def test_new_ones_are_asked_for_before_the_old_ones_end() -> None:
    """At three quarters of their life, and never more than once a second."""
    assert Credentials([TURN], NOW_S + 400).refresh_in_s(NOW_S) == 300
    assert Credentials([TURN], NOW_S - 5).refresh_in_s(NOW_S) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("hush", "is str"),
        ({"error": "hush"}, "no iceServers"),
        ({"iceServers": ["http://hush"]}, "no ICE server"),
        ({"iceServers": [TURN], "ttl": "hush"}, "no number"),
        ([{**TURN, "username": "1700000000:hush"}], "expired already"),
    ],
)
def test_anything_else_is_said_without_quoting_it(answer: Any, sentence: str) -> None:
    """The answer may hold a secret: no sentence has any of it."""
    with pytest.raises(CredentialsError, match=sentence) as caught:
        read_answer(answer, now_s=NOW_S)
    assert "hush" not in str(caught.value)


def test_credentials_are_not_shown() -> None:
    """Neither a representation nor a text has the password."""
    assert "hush" not in repr(read_answer([TURN]))
