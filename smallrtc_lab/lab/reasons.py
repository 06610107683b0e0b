"""Why media take the way they take, in words: read from the pairs of candidates that ICE tried, never from a guess."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .facts import Facts

__all__ = ["why"]

Pair = dict[str, Any]  # local, remote: kinds of candidates (RFC 8445, section 5.1.1); state


def why(facts: Facts) -> str:
    """The end of a sentence that says the way; empty where nothing is known."""
    engine = facts.engine or {}
    page = facts.page or {}
    pairs: list[Pair] = [*page.get("pairs", []), *engine.get("pairs", [])]
    match engine.get("route"):
        case "direct":
            return _direct(page.get("pairs") or pairs)
        case "turn":
            return ", for no direct pair of addresses got through" if _failed(pairs) else ""
        case "relay" | "comm":
            return _relayed(facts.webrtc, page, pairs)
    return ""


def _direct(pairs: Iterable[Pair]) -> str:
    """From within one network, or through what a router let in."""
    through = {kind for pair in pairs if pair.get("state") == "succeeded" for kind in _kinds(pair)}
    if "srflx" in through:
        return ", through a hole in a router that STUN has found"
    return ", and no router changes addresses on the way" if through == {"host"} else ""


def _relayed(wanted: bool, page: Pair, pairs: list[Pair]) -> str:
    if page and not page.get("webrtc"):
        return ", for this browser has no WebRTC"
    if not wanted:
        return ", as Lab(webrtc=False) asks"
    if any(pair.get("state") == "succeeded" for pair in pairs):
        return "; WebRTC is about to take over"
    match len(_failed(pairs)):
        case 0:
            return ", for the browser has no address that WebRTC could try" if page else ""
        case 1:
            return ", for the one pair of addresses that WebRTC tried got no answer"
        case count:
            return f", for none of {count} pairs of addresses that WebRTC tried got an answer"


def _failed(pairs: Iterable[Pair]) -> list[Pair]:
    """Those that ended without an answer, or have none yet."""
    return [pair for pair in pairs if pair.get("state") != "succeeded"]


def _kinds(pair: Pair) -> set[str]:
    return {str(pair.get("local")), str(pair.get("remote"))}
