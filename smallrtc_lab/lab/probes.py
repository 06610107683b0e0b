"""The table of a diagnosis: a row for each thing that was tried, in the order of the way from Python to the browser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .diagnosis import Finding, Row
from .facts import Facts

__all__ = ["ice_row", "rows_of", "udp_row"]

_LINKS = {
    "linked": ("answers", Finding.GOOD),
    "dialling": ("has not answered yet", Finding.BAD),
    "lost": ("is lost", Finding.BAD),
}
_SERVERS = {
    "good": ("answers", Finding.GOOD),
    "silent": ("does not answer", Finding.BAD),
    "refused": ("refuses the user name and password", Finding.BAD),
    "untrusted": ("shows a certificate that is not trusted", Finding.BAD),
    "failed": ("gives no address", Finding.BAD),
    "unusable": ("is for browsers only: Python's side cannot use it", Finding.NOTE),
}
_ROUTES = {
    "direct": "directly",
    "turn": "through TURN",
    "relay": "through Jupyter's own connection",
    "comm": "through the notebook's own messages",
}
_PERMISSIONS = {
    "granted": ("allowed", Finding.GOOD),
    "denied": ("blocked for this site", Finding.BAD),
    "prompt": ("the browser will ask", Finding.NOTE),
    "unknown": ("not told before it is asked for", Finding.NOTE),
}


def rows_of(facts: Facts) -> tuple[Row, ...]:
    """All rows."""
    rows = [Row("place", facts.place.name), _engine(facts), *_server(facts)]
    if facts.engine is not None:
        rows += [udp_row(facts.engine["udp"]), *(ice_row(one) for one in facts.ice)]
        if not facts.ice:
            rows.append(Row("STUN and TURN", "no server is named"))
    rows += _page(facts)
    if facts.engine is not None:
        rows += _pairs("pairs tried by Python", facts.engine["pairs"]) or _no_pairs(facts)
    rows.append(_connection(facts))
    return tuple(rows)


def udp_row(checks: Iterable[dict[str, Any]]) -> Row:
    """Datagrams of this machine to itself; the first address is the loopback."""
    known = list(checks)
    good = sum(one["works"] for one in known)
    ms = max((one["ms"] for one in known), default=None)
    if good == len(known) > 1:
        return Row("UDP on this machine", f"works on {good} addresses", ms, Finding.GOOD)
    if good == len(known):
        return Row("UDP on this machine", "works on loopback only: there is no network", ms)
    return Row("UDP on this machine", f"works on {good} of {len(known)} addresses", ms, Finding.BAD)


def ice_row(check: dict[str, Any]) -> Row:
    """One STUN or TURN server."""
    words, finding = _SERVERS[check["finding"]]
    kind = "TURN" if check["url"].startswith("turn") else "STUN"
    detail = f" ({check['detail']})" if check["detail"] and finding is not Finding.GOOD else ""
    return Row(kind, f"{check['url']} {words}{detail}", check["ms"], finding)


def _engine(facts: Facts) -> Row:
    if facts.engine is None:
        return Row("media process", facts.engine_error or "does not answer", None, Finding.BAD)
    return Row("media process", "answers", None, Finding.GOOD)


def _server(facts: Facts) -> list[Row]:
    if facts.link == "none":
        why = (
            "is not enabled in the Jupyter server of this kernel" if facts.in_kernel else "no Jupyter is here"
        )
        return [Row("server extension", why, None, Finding.BAD if facts.in_kernel else Finding.NOTE)]
    words, finding = _LINKS[facts.link]
    reason = f": {facts.link_reason}" if finding is Finding.BAD and facts.link_reason else ""
    return [Row("server extension", words + reason, None, finding)]


def _page(facts: Facts) -> list[Row]:
    page = facts.page
    if facts.engine is None:
        return [Row("page", "could not be asked")]
    if page is None:
        silent = f"{facts.pages} show this lab, and none answers" if facts.pages else "no page shows this lab"
        return [Row("page", silent, None, Finding.BAD if facts.pages else Finding.NOTE)]
    rows = [
        Row("page", f"{page.get('browser', 'a browser')} answers", page["round_trip_ms"], Finding.GOOD),
        _yes("secure context", page["secure"], "yes", "no: it is neither https nor localhost"),
        _yes("WebRTC", page["webrtc"], "yes", "this browser has none"),
        _web_codecs(page["web_codecs"]),
    ]
    for name in facts.wants:
        rows += [_device(name, page)]
    return [*rows, *_pairs("pairs tried by the page", page["pairs"])]


def _web_codecs(there: bool) -> Row:
    if there:
        return Row("WebCodecs", "yes", None, Finding.GOOD)
    return Row("WebCodecs", "no: media through Jupyter's connection need more bits a second")


def _device(name: str, page: dict[str, Any]) -> Row:
    words, finding = _PERMISSIONS.get(page[name], ("unknown", Finding.NOTE))
    count = page[f"{name}s"]
    if not count:
        return Row(name, "the browser finds none", None, Finding.BAD)
    return Row(name, f"{count} found, {words}", None, finding)


def _yes(probe: str, holds: bool, good: str, bad: str) -> Row:
    return Row(probe, good if holds else bad, None, Finding.GOOD if holds else Finding.BAD)


def _pairs(probe: str, pairs: Iterable[dict[str, Any]]) -> list[Row]:
    """Which kinds of candidates were tried, and how often each way ended so."""
    counts: dict[str, int] = {}
    for pair in pairs:
        protocol = f" over {pair['protocol']}" if pair.get("protocol") not in (None, "unknown", "udp") else ""
        ends = f"{pair.get('local', '?')}–{pair.get('remote', '?')}{protocol} {pair.get('state', '?')}"
        counts[ends] = counts.get(ends, 0) + 1
    if not counts:
        return []
    told = ", ".join(f"{what}{f' ({count} times)' if count > 1 else ''}" for what, count in counts.items())
    good = any("succeeded" in what for what in counts)
    return [Row(probe, told, None, Finding.GOOD if good else Finding.BAD)]


def _no_pairs(facts: Facts) -> list[Row]:
    """ICE that had nothing to try: a browser that hides every address, or may not use UDP."""
    if facts.page is None or facts.state not in ("live", "failed", "reconnecting"):
        return []
    return [Row("pairs tried by Python", "none: no address of the page's could be used", None, Finding.BAD)]


def _connection(facts: Facts) -> Row:
    route = None if facts.engine is None else facts.engine["route"]
    if facts.state == "live":
        return Row(
            "connection", f"live, {_ROUTES.get(route, route)}" if route else "live", None, Finding.GOOD
        )
    if facts.error:
        return Row("connection", f"{facts.state}: {facts.error.get('message')}", None, Finding.BAD)
    return Row("connection", facts.state)
