"""Who is here: names that strangers give themselves, and what a person sees."""

from __future__ import annotations

import time

import pytest

from smallrtc_lab.rtc.clients import LONGEST_NAME, ClientInfo, name_of


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"name": "Ada"}, "Ada"),
        ({"name": "  Ada\n\tLovelace\x1b[31m "}, "Ada Lovelace [31m"),
        ({"name": "x" * 5000}, "x" * LONGEST_NAME),
        ({"name": " \r\n"}, None),
        ({"name": 7}, None),
        ({"nick": "Ada"}, None),
        ("Ada", None),
        (None, None),
    ],
)
def test_a_name_is_one_short_line_or_none(said, name):
    """What a client calls itself is shortened and cannot write over a terminal."""
    assert name_of(said) == name


def test_it_says_who_and_since_when():
    """The name in front where there is one, the state, and how long."""
    since_s = time.time() - 61
    one = ClientInfo("pc-1", since_s, "connected", name="Ada")
    assert repr(one).startswith("ClientInfo('Ada', pc-1, connected, since ")
    assert 60 < one.here_s < 600
    assert "ClientInfo(pc-2, new, since" in repr(ClientInfo("pc-2", since_s, "new"))
