"""Pure functions on the text of session descriptions (RFC 8866, JSEP RFC 9429)."""

from __future__ import annotations

import re
from typing import NamedTuple

from smallrtc_lab.errors import RequestError

__all__ = [
    "MediaSection",
    "is_hidden_candidate",
    "munge_for_esp32",
    "read_sections",
    "strip_candidates",
    "validate_offer",
]

MAX_OFFER_CHARS = 100_000  # a Chromium offer of three sections has about 15,000
MAX_SECTIONS = 8
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_LINE = re.compile(r"[a-z]=.*")
_NEEDED = {
    "a=ice-ufrag:": "ICE user name",
    "a=ice-pwd:": "ICE password",
    "a=fingerprint:": "DTLS fingerprint",
}


class MediaSection(NamedTuple):
    """One m-section: ``kind`` audio, video or application, and what its sender offers to do."""

    kind: str
    mid: str
    direction: str


def validate_offer(text: object) -> list[MediaSection]:
    """The sections of a usable offer; raises :class:`RequestError` 400 ``bad-sdp`` with a plain sentence."""
    if not isinstance(text, str) or not text.strip():
        raise _bad("the offer has no sdp text")
    if len(text) > MAX_OFFER_CHARS:
        raise _bad(f"the offer is longer than {MAX_OFFER_CHARS} characters")
    lines = text.splitlines()
    if not lines[0].startswith("v=0"):
        raise _bad("the sdp does not begin with v=0, so it is no session description")
    if not all(_LINE.fullmatch(line) for line in lines if line):
        raise _bad("the sdp has a line that is not of the form letter=value")
    _check_sections(lines)
    return read_sections(text)


def read_sections(text: str) -> list[MediaSection]:
    """Kind, mid and direction of every m-section, in order; the direction is sendrecv when it is not said."""
    session, *sections = _split(text.splitlines())
    default = _direction(session, "sendrecv")
    return [
        MediaSection(lines[0][2:].split(" ")[0], _value(lines, "a=mid:"), _direction(lines, default))
        for lines in sections
    ]


def strip_candidates(text: str) -> str:
    """The offer without ``.local`` candidates and without ``a=end-of-candidates``.

    A browser hides its addresses behind mDNS names until a camera is allowed. aioice spends a second on
    each, and end-of-candidates then leaves it with nothing; without both lines the browser's own checks make
    peer-reflexive candidates (RFC 8445 section 7.3.1.3) and it connects at once.
    """
    kept = [line for line in text.splitlines() if not _is_dropped(line)]
    return "\r\n".join(kept) + "\r\n"


def is_hidden_candidate(candidate: str) -> bool:
    """Whether a candidate line's address is an mDNS name (draft-ietf-mmusic-mdns-ice-candidates)."""
    fields = candidate.split()
    return len(fields) > 4 and fields[4].lower().endswith(".local")


def munge_for_esp32(answer: str, host: str | None) -> str:
    """An answer for a microcontroller: the sha-256 fingerprint and candidates of ``host`` only."""
    kept = []
    for line in answer.splitlines():
        if line.startswith("a=fingerprint:") and not line.lower().startswith("a=fingerprint:sha-256 "):
            continue
        if host is not None and line.startswith("a=candidate:") and line.split()[4] != host:
            continue
        kept.append(line)
    return "\r\n".join(kept) + "\r\n"


def _is_dropped(line: str) -> bool:
    if line.startswith("a=candidate:"):
        return is_hidden_candidate(line)
    return line.strip() == "a=end-of-candidates"


def _check_sections(lines: list[str]) -> None:
    session, *sections = _split(lines)
    if not sections:
        raise _bad("the offer has no media section")
    if len(sections) > MAX_SECTIONS:
        raise _bad(f"the offer has {len(sections)} media sections, more than {MAX_SECTIONS}")
    bundle = next((line.split()[1:] for line in session if line.startswith("a=group:BUNDLE")), [])
    for section in sections:
        _check_section(section, session)
        if len(sections) > 1 and _value(section, "a=mid:") not in bundle:
            raise _bad("the offer does not bundle its media sections; use bundlePolicy 'max-bundle'")


def _check_section(section: list[str], session: list[str]) -> None:
    kind = section[0][2:].split(" ")[0]
    if kind not in ("audio", "video", "application"):
        raise _bad(f"the offer has a media section of the unknown kind {kind!r}")
    if len(section[0].split(" ")) < 4:
        raise _bad(f"the {kind} section's m= line is cut short")
    for prefix, name in _NEEDED.items():
        if not any(line.startswith(prefix) and len(line) > len(prefix) for line in (*section, *session)):
            raise _bad(f"the {kind} section has no {name}")


def _split(lines: list[str]) -> list[list[str]]:
    """The session's lines, then those of each section."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def _value(lines: list[str], prefix: str) -> str:
    return next((line[len(prefix) :].strip() for line in lines if line.startswith(prefix)), "")


def _direction(lines: list[str], default: str) -> str:
    return next((line[2:] for line in lines if line[2:] in _DIRECTIONS), default)


def _bad(sentence: str) -> RequestError:
    return RequestError(400, "bad-sdp", sentence)
