"""What is let through to an engine, and in which shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smallrtc_lab.bodies import offer_body, parsed_object, patch_body, start_body
from smallrtc_lab.errors import RequestError

OFFER = {"sdp": "v=0", "type": "offer"}
CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdp_mid": "0", "sdp_mline_index": 0}


def test_offer_gets_every_field() -> None:
    """Fields that were left out are filled in, and unknown ones are left behind."""
    assert offer_body(OFFER | {"other": 1}) == {
        "sdp": "v=0",
        "type": "offer",
        "pc_id": None,
        "restart_pc": False,
        "request_data": None,
    }


def test_both_spellings_of_request_data() -> None:
    """The npm client's spelling counts where the other is missing."""
    assert offer_body(OFFER | {"requestData": 1})["request_data"] == 1
    assert offer_body(OFFER | {"requestData": 1, "request_data": 2})["request_data"] == 2


def test_patch_keeps_the_end_of_candidates() -> None:
    """An empty candidate is the end-of-candidates mark of RFC 8840 and passes as it is."""
    end = {"candidate": "", "sdp_mid": "1"}
    body = patch_body({"pc_id": "p", "candidates": [CANDIDATE | {"x": 1}, end]})
    assert body == {"pc_id": "p", "candidates": [CANDIDATE, end | {"sdp_mline_index": None}]}


def test_start_allows_ice_servers_unless_told_otherwise() -> None:
    """`enableDefaultIceServers` is true when left out."""
    assert start_body({})["enableDefaultIceServers"] is True
    assert start_body({"enableDefaultIceServers": False})["enableDefaultIceServers"] is False


@pytest.mark.parametrize(
    ("check", "body", "word"),
    [
        (offer_body, {"type": "offer"}, "sdp"),
        (offer_body, {"sdp": "", "type": "offer"}, "sdp"),
        (offer_body, {"sdp": 1, "type": "offer"}, "sdp"),
        (offer_body, {"sdp": "v=0", "type": "answer"}, "type"),
        (offer_body, OFFER | {"pc_id": 3}, "pc_id"),
        (offer_body, OFFER | {"restart_pc": "yes"}, "restart_pc"),
        (patch_body, {"candidates": []}, "pc_id"),
        (patch_body, {"pc_id": "p", "candidates": {}}, "candidates"),
        (patch_body, {"pc_id": "p", "candidates": [CANDIDATE] * 1000}, "candidates"),
        (patch_body, {"pc_id": "p", "candidates": ["x"]}, "candidates"),
        (patch_body, {"pc_id": "p", "candidates": [CANDIDATE | {"sdp_mid": 0}]}, "sdp_mid"),
        (
            patch_body,
            {"pc_id": "p", "candidates": [CANDIDATE | {"sdp_mline_index": True}]},
            "sdp_mline_index",
        ),
        (start_body, {"transport": "smoke"}, "transport"),
        (start_body, {"enableDefaultIceServers": 1}, "enableDefaultIceServers"),
    ],
)
def test_a_wrong_field_is_named(check: Callable[[Any], Any], body: Any, word: str) -> None:
    """A field of the wrong kind is refused with 400 and a sentence that names it."""
    with pytest.raises(RequestError, match=word) as refused:
        check(body)
    assert (refused.value.status, refused.value.code) == (400, "malformed")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"[" * 100_000, b'{"a":' * 50_000])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    """Junk, other JSON and JSON nested beyond reason are malformed, none of them a crash."""
    with pytest.raises(RequestError) as refused:
        parsed_object(raw)
    assert refused.value.status == 400
