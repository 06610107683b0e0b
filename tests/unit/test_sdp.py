"""Session descriptions as text: what is refused, what is taken out, what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.sdp import (
    MAX_OFFER_CHARS,
    MediaSection,
    is_hidden_candidate,
    munge_for_esp32,
    read_sections,
    strip_candidates,
    validate_offer,
)

CONTRACT = Path(__file__).parents[1] / "contract"
SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
CREDENTIALS = ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "a=fingerprint:sha-256 AA:BB"]
HIDDEN = "a=candidate:1 1 udp 2122260223 0e1d4a2c-71.local 51472 typ host generation 0"
PLAIN = "a=candidate:2 1 udp 2122260222 192.0.2.7 51473 typ host"


def offer(*sections: tuple[str, str], bundle: bool = True, extra: tuple[str, ...] = ()) -> str:
    lines = [*SESSION]
    if bundle:
        lines.append("a=group:BUNDLE " + " ".join(str(n) for n in range(len(sections))))
    for mid, (kind, direction) in enumerate(sections):
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF 96", f"a=mid:{mid}", *CREDENTIALS, *extra]
        lines += [f"a={direction}"] if direction else []
    return "\r\n".join(lines) + "\r\n"


USUAL = (("audio", "sendrecv"), ("video", "recvonly"), ("video", ""), ("application", ""))


def test_kinds_and_directions_are_read_in_order():
    """Each m-section gives its kind, mid and direction; sendrecv when none is said."""
    assert validate_offer(offer(*USUAL)) == [
        MediaSection("audio", "0", "sendrecv"),
        MediaSection("video", "1", "recvonly"),
        MediaSection("video", "2", "sendrecv"),
        MediaSection("application", "3", "sendrecv"),
    ]
    session_wide = offer(("audio", "")).replace("t=0 0", "t=0 0\r\na=sendonly")
    assert read_sections(session_wide)[0].direction == "sendonly"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no sdp"),
        (17, "no sdp"),
        ("  \n", "no sdp"),
        ("hello", "begin with v=0"),
        ("v=0\r\nhello\r\n", "letter=value"),
        ("v=0\r\n" + "a=x\r\n" * MAX_OFFER_CHARS, "longer than"),
        ("\r\n".join(SESSION), "no media section"),
        (offer(*[("video", "sendrecv")] * 9), "9 media sections"),
        (offer(("audio", ""), ("text", "")), "unknown kind 'text'"),
        (offer(("audio", ""), ("video", ""), bundle=False), "bundle"),
        (offer(("audio", "")).replace("a=ice-ufrag:abcd", "a=ice-ufrag:"), "no ICE user name"),
        (offer(("audio", "")).replace("a=ice-pwd", "a=other"), "no ICE password"),
        (offer(("audio", "")).replace("a=fingerprint", "a=other"), "no DTLS fingerprint"),
        (offer(("audio", "")).replace(" 9 UDP/TLS/RTP/SAVPF 96", ""), "cut short"),
    ],
)
def test_what_is_no_offer_is_refused_with_a_sentence(text, says):
    """Every unusable offer is a RequestError 400 bad-sdp that says what is wrong."""
    with pytest.raises(RequestError, match=says) as caught:
        validate_offer(text)
    assert (caught.value.status, caught.value.code) == (400, "bad-sdp")


def test_hidden_candidates_and_the_end_mark_are_taken_out():
    """Only .local candidates and end-of-candidates go; all other lines stay, in order."""
    text = offer(*USUAL, extra=(HIDDEN, PLAIN, "a=end-of-candidates"))
    stripped = strip_candidates(text)
    assert ".local" not in stripped
    assert "end-of-candidates" not in stripped
    assert stripped.count(PLAIN) == 4
    assert stripped == offer(*USUAL, extra=(PLAIN,))
    assert is_hidden_candidate(HIDDEN)
    assert not is_hidden_candidate(PLAIN)
    assert not is_hidden_candidate("a=candidate:")


def test_an_answer_for_a_microcontroller_is_short():
    """Other digests than sha-256 and candidates of other hosts are left out."""
    other = "a=candidate:3 1 udp 1 10.0.0.1 5 typ host"
    text = offer(("audio", ""), extra=("a=fingerprint:sha-512 CC", PLAIN, other))
    munged = munge_for_esp32(text, "192.0.2.7")
    assert "sha-512" not in munged
    assert "sha-256" in munged
    assert PLAIN in munged
    assert other not in munged
    assert other in munge_for_esp32(text, None)


def test_the_golden_answer_for_a_microcontroller():
    """An answer as aiortc makes it, with four candidates and three digests, becomes exactly the other file."""
    answer, munged = (
        (CONTRACT / name).read_bytes().decode() for name in ("esp32_answer.sdp", "esp32_answer_munged.sdp")
    )
    assert answer.count("a=candidate:") == 8
    assert munged.count("a=candidate:") == 2
    assert munge_for_esp32(answer, "192.0.2.2") == munged
    assert munge_for_esp32(munged, "192.0.2.2") == munged
    assert len(munged) < len(answer) / 1.5
