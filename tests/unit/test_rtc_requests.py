"""Signaling requests as JSON: what is accepted, what is a 400."""

from __future__ import annotations

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.requests import IceCandidate, SmallWebRTCPatchRequest, SmallWebRTCRequest

LINE = "candidate:1 1 udp 2122260223 192.0.2.7 51472 typ host"


def test_an_offer_is_read_with_both_spellings_of_its_data():
    """request_data and requestData are the same; absent fields have their defaults."""
    offer = {"sdp": "v=0", "type": "offer"}
    assert SmallWebRTCRequest.from_dict(offer) == SmallWebRTCRequest("v=0", "offer")
    full = SmallWebRTCRequest.from_dict({**offer, "pc_id": "p", "restart_pc": True, "requestData": {"a": 1}})
    assert full == SmallWebRTCRequest("v=0", "offer", "p", True, {"a": 1})
    assert (
        SmallWebRTCRequest.from_dict(
            {**offer, "pc_id": None, "restart_pc": None, "request_data": 2}
        ).request_data
        == 2
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"sdp": "v=0"},
        {"sdp": 1, "type": "offer"},
        {"sdp": "v=0", "type": "offer", "pc_id": 3},
        {"sdp": "v=0", "type": "offer", "restart_pc": "yes"},
    ],
)
def test_a_malformed_offer_is_a_400(body):
    """Anything of the wrong shape is refused as malformed."""
    with pytest.raises(RequestError) as caught:
        SmallWebRTCRequest.from_dict(body)
    assert (caught.value.status, caught.value.code) == (400, "malformed")


@pytest.mark.parametrize(
    "body",
    [
        {"pc_id": "p"},
        {"candidates": []},
        {"pc_id": "p", "candidates": {}},
        {"pc_id": "p", "candidates": ["x"]},
        {"pc_id": "p", "candidates": [{"sdp_mid": "0"}]},
        {"pc_id": "p", "candidates": [{"candidate": "x" * 1001}]},
        {"pc_id": "p", "candidates": [{"candidate": "", "sdp_mline_index": True}]},
        {"pc_id": "p", "candidates": [{"candidate": ""}] * 101},
    ],
)
def test_a_malformed_patch_is_a_400(body):
    """Candidates of the wrong shape, too long or too many are refused."""
    with pytest.raises(RequestError) as caught:
        SmallWebRTCPatchRequest.from_dict(body)
    assert caught.value.status == 400


def test_candidates_are_parsed_with_their_section():
    """Both spellings work, and an empty candidate is the end of candidates."""
    body = {"pc_id": "p", "candidates": [{"candidate": LINE, "sdp_mid": "0", "sdp_mline_index": 0}]}
    parsed = SmallWebRTCPatchRequest.from_dict(body).candidates[0].parse()
    assert (parsed.ip, parsed.port, parsed.sdpMid, parsed.sdpMLineIndex) == ("192.0.2.7", 51472, "0", 0)
    camel = IceCandidate.from_dict({"candidate": LINE, "sdpMid": "1", "sdpMLineIndex": 1})
    assert camel == IceCandidate(LINE, "1", 1)
    assert IceCandidate("", "0", 0).parse() is None


@pytest.mark.parametrize(
    "candidate",
    [
        IceCandidate(LINE),
        IceCandidate("candidate:junk", "0"),
        IceCandidate(LINE.replace("51472", "port"), "0"),
        IceCandidate(LINE.replace("typ host", ""), "0"),
    ],
)
def test_a_bad_candidate_is_a_400(candidate):
    """A candidate that is not in the form of the RFC, or belongs nowhere, is refused."""
    with pytest.raises(RequestError) as caught:
        candidate.parse()
    assert (caught.value.status, caught.value.code) == (400, "bad-candidate")


@pytest.mark.parametrize("read", [SmallWebRTCRequest.from_json, SmallWebRTCPatchRequest.from_json])
@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", "not JSON", "[" * 100_000, "[]", "null"])
def test_a_body_that_is_no_json_object_is_a_400(read, raw):
    """What a web framework hands over as bytes is read with the same refusals."""
    with pytest.raises(RequestError) as caught:
        read(raw)
    assert (caught.value.status, caught.value.code) == (400, "malformed")


def test_a_body_of_bytes_is_read():
    """A good body gives the request."""
    offer = SmallWebRTCRequest.from_json(b'{"sdp": "v=0", "type": "offer", "pc_id": null}')
    assert offer == SmallWebRTCRequest("v=0", "offer")
    assert SmallWebRTCPatchRequest.from_json('{"pc_id": "p", "candidates": []}').pc_id == "p"
