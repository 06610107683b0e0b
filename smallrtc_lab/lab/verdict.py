"""One sentence and one thing to do, from all facts: what stands nearest to Python on the way is judged first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .facts import Facts
from .home import find_home
from .reasons import why

__all__ = ["Verdict", "judge"]

_NETWORK = frozenset({"connect-timeout", "connection-lost"})  # codes of the page's errors
_TURN_ADVICE = (
    "Name a TURN server that both reach (Lab(ice_servers=…)), or run smallrtc-lab turn and forward its port."
)
# Measured with Firefox 153: it gathers no candidate there unless media.peerconnection.ice.loopback is true and
# network.lna.enabled false.
_NOT_IN_FIREFOX = " Use Chrome or Edge for that: Firefox asks no TURN server on localhost."
_TURN = {
    "refused": (
        "The TURN server {url} refuses the user name and password.",
        "Check username and credential in ice_servers; short-lived ones may have expired.",
    ),
    "silent": (
        "The TURN server {url} does not answer.",
        "Check its address, and that this machine may reach it.",
    ),
    "untrusted": (
        "The TURN server {url} shows a certificate that is not trusted here.",
        "Name the file of its authority in SSL_CERT_FILE before the kernel starts.",
    ),
    "failed": ("The TURN server {url} gives no address to relay through.", "Ask whoever runs it."),
}
_ROUTES = {
    "direct": ("directly", "Nothing to do."),
    "turn": ("through a TURN server", "Nothing to do; a direct way would have less delay."),
}


@dataclass(frozen=True)
class Verdict:
    """``broken``: something needs mending before media can flow."""

    verdict: str
    advice: str
    broken: bool = True


def judge(facts: Facts) -> Verdict:
    """The first of the rules that has something to say."""
    return next(said for rule in _RULES for said in rule(facts))


def _engine(facts: Facts) -> Iterator[Verdict]:
    if facts.engine is None:
        yield Verdict(
            "Python's media process does not answer.",
            "Run lab.start(), which starts it again; if that does not help, restart the kernel.",
        )


def _live(facts: Facts) -> Iterator[Verdict]:
    engine = facts.engine or {}
    if facts.state != "live":
        return
    if engine["simulated"]:
        yield Verdict(
            "A simulated browser is live: everything on Python's side works.",
            "Click Start in the widget to use your own camera.",
            False,
        )
        return
    way, advice = _ROUTES.get(engine["route"], ("through Jupyter's own connection", _faster(facts)))
    yield Verdict(f"Live: media go {way}{why(facts)}.", advice, False)


def _faster(facts: Facts) -> str:
    """What a person can do whose media go through Jupyter."""
    if not facts.webrtc:
        return "Nothing to do. Leave webrtc=False out for less delay."
    if facts.place.lets_udp_in:
        return f"Nothing has to be done; with less delay they would go through a TURN server. {_TURN_ADVICE}"
    firefox = str((facts.page or {}).get("browser")).startswith("Firefox") and "3478" in facts.place.sentence
    return (
        f"Nothing has to be done; for less delay: {facts.place.sentence}{_NOT_IN_FIREFOX if firefox else ''}"
    )


def _server(facts: Facts) -> Iterator[Verdict]:
    if facts.link == "none" and not facts.pages:
        if not facts.in_kernel:
            yield Verdict(
                "This is no notebook, so that no page can show the lab; lab.simulate() works.",
                "Run it in Jupyter to use a camera.",
                False,
            )
        else:
            home = find_home(facts.link, facts.link_reason, facts.place)
            yield Verdict(home.missing, home.next_step or home.page or facts.place.sentence)
    elif facts.link in ("lost", "dialling") and not facts.pages:  # else they speak through the notebook
        yield Verdict(
            find_home(facts.link, facts.link_reason, facts.place).missing,
            "Check that Jupyter still runs; a kernel on another machine than its server cannot reach it.",
        )


def _page(facts: Facts) -> Iterator[Verdict]:
    page = facts.page
    if not facts.pages:
        yield Verdict(
            "Python's side is ready, and no page shows this lab.",
            "Show it (a cell that ends with the lab), and diagnose again.",
            False,
        )
    elif page is None:
        yield Verdict(
            "The page that shows this lab does not answer.", "Reload the page and run the cell again."
        )
    elif not page["secure"]:
        yield Verdict(
            "The page is not secure, and browsers open a camera only on https or localhost pages.",
            "Open it by https, or forward its port (ssh -L 8888:localhost:8888 …) and open http://localhost:8888.",
        )
    elif not page["webrtc"] or (facts.wants and not page["media_devices"]):
        yield Verdict(
            "This browser gives the page no camera or no WebRTC.",
            "Open the notebook in a current Chrome, Edge, Firefox or Safari.",
        )


def _devices(facts: Facts) -> Iterator[Verdict]:
    page = facts.page or {}
    for name in facts.wants:
        if page[name] == "denied":
            yield Verdict(
                f"The {name} is blocked for this site.",
                f"Click the icon left of the address, allow the {name}, then press Start.",
            )
        if not page[f"{name}s"]:
            yield Verdict(f"The browser finds no {name}.", "Connect one, or use Lab(fallback='test-signal').")


def _network(facts: Facts) -> Iterator[Verdict]:
    if not facts.error or facts.error.get("code") not in _NETWORK:
        return
    bad = next((one for one in facts.turn if one["finding"] in _TURN), None)
    if bad is not None and not any(one["finding"] == "good" for one in facts.turn):
        yield _of_turn(bad)
    elif facts.place.lets_udp_in:
        yield Verdict(
            "No way for media between the browser and this machine was found: the network lets no UDP through.",
            _TURN_ADVICE,
        )
    else:
        yield Verdict("No way for media between the browser and Python was found.", facts.place.sentence)


def _of_turn(check: dict[str, Any]) -> Verdict:
    sentence, advice = _TURN[check["finding"]]
    return Verdict(sentence.format(url=check["url"]), advice)


def _errors(facts: Facts) -> Iterator[Verdict]:
    if facts.error:
        yield Verdict(
            str(facts.error.get("message")), str(facts.error.get("next_step") or "Press Start again.")
        )
    failed = facts.problem("turn-credentials-failed")
    if failed is not None:
        yield Verdict(failed["message"], failed["next_step"])
    for one in facts.turn:
        if one["finding"] in _TURN:
            yield _of_turn(one)


def _going(facts: Facts) -> Iterator[Verdict]:
    if facts.state == "asking":
        yield Verdict(
            "The browser asks for permission.", "Look for its question near the address bar.", False
        )
    elif facts.state in ("connecting", "reconnecting"):
        yield Verdict(
            "The connection is being made.", "Diagnose again in some seconds if it does not come.", False
        )
    else:
        yield Verdict(
            "Nothing that can be seen before Start stands in the way.", "Click Start in the widget.", False
        )


_RULES: tuple[Callable[[Facts], Iterator[Verdict]], ...] = (
    _engine,
    _live,
    _server,
    _page,
    _devices,
    _network,
    _errors,
    _going,
)
