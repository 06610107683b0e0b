"""The data channel's protocol without a channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.rtc.messages import (
    MAX_MESSAGE_CHARS,
    Acknowledged,
    AppMessage,
    MessageQueue,
    Numbered,
    Ping,
    TrackStatus,
    acknowledged_text,
    numbered_text,
    read_message,
    read_numbered,
    signalling_text,
)
from smallrtc_lab.rtc.sections import Section

GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "conversation.json").read_text())


def test_the_three_kinds_of_message_are_told_apart():
    """Pings, track status and everything else, whatever its JSON."""
    assert read_message("ping: 1234") == Ping()
    status = {"type": "trackStatus", "receiver_index": 2, "enabled": False}
    assert read_message(json.dumps({"type": "signalling", "message": status})) == TrackStatus(
        Section.SCREEN, False
    )
    for value in ({"label": "rtvi-ai", "type": "client-ready"}, [1], "text", None, 3, {"type": "signalling"}):
        assert read_message(json.dumps(value)) == AppMessage(value)
    assert read_message(b'{"a": 1}') == AppMessage({"a": 1})


@pytest.mark.parametrize(
    "text",
    [
        "junk",
        b"\xff\xfe",
        "",
        "[" * 100_000,
        '"' + "x" * MAX_MESSAGE_CHARS + '"',
        '{"type":"signalling","message":{"type":"dance"}}',
        '{"type":"signalling","message":"trackStatus"}',
        '{"type":"signalling","message":{"type":"trackStatus","receiver_index":3,"enabled":true}}',
        '{"type":"signalling","message":{"type":"trackStatus","receiver_index":true,"enabled":true}}',
        '{"type":"signalling","message":{"type":"trackStatus","receiver_index":0,"enabled":1}}',
    ],
)
def test_what_follows_no_rule_is_a_protocol_error(text):
    """Rubbish, too much, and signalling that nobody knows are refused with a sentence."""
    with pytest.raises(ProtocolError):
        read_message(text)


def test_our_own_signalling_has_the_wires_spelling():
    """renegotiate and peerLeft are wrapped as the clients expect."""
    assert json.loads(signalling_text("peerLeft")) == {"type": "signalling", "message": {"type": "peerLeft"}}


def test_a_full_queue_keeps_the_first_and_counts_the_rest():
    """Fifty messages wait in order; later ones are refused and counted."""
    queue = MessageQueue()
    taken = [queue.put(n) for n in range(53)]
    assert taken == [True] * 50 + [False] * 3
    assert queue.dropped == 3
    assert len(queue) == 50
    assert queue.take_all() == list(range(50))
    assert queue.take_all() == []


def test_the_texts_of_a_conversation_are_those_of_the_contract():
    """Read and written as in the page; what is none of them is read as anybody's, or refused."""
    for one in GOLDEN["numbered"]:
        assert read_numbered(one["text"]) == Numbered(one["sequence"], one["message"])
        assert json.loads(numbered_text(one["sequence"], json.dumps(one["message"]))) == json.loads(
            one["text"]
        )
    for one in GOLDEN["acknowledged"]:
        assert read_numbered(one["text"]) == Acknowledged(one["sequence"])
        assert acknowledged_text(one["sequence"]) == one["text"]
    for one in GOLDEN["plain"]:
        assert read_numbered(one["text"]) == read_message(one["text"])
    for one in GOLDEN["bad"]:
        with pytest.raises(ProtocolError):
            read_numbered(one["text"])
    assert read_numbered("ping: 1") == Ping()
