"""The extension's settings: ``c.SmallRTCLab.max_sessions = 10`` in any of Jupyter's configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from traitlets import Bool, Bunch, Float, HasTraits, Int, TraitError, default, validate
from traitlets import List as ListTrait

from smallrtc_lab.ice import ICE_SERVERS_VARIABLE, ice_servers_from_environment, normalise_ice_servers

from .limits import Limits

__all__ = ["Settings"]


def _checked(read: Callable[[Any], list[dict[str, Any]]], source: Any) -> list[dict[str, Any]]:
    try:
        return read(source)
    except (TypeError, ValueError) as error:
        raise TraitError(str(error)) from None


def _count(value: int, text: str) -> Int[int, int]:
    return Int(value, min=1, help=text).tag(config=True)


def _amount(value: float, text: str) -> Float[float, float]:
    return Float(value, min=0.001, help=text).tag(config=True)


class Settings(HasTraits):
    """Every limit as a trait, with the default of :class:`Limits`, and the ICE servers."""

    max_sessions = _count(Limits.max_sessions, "How many sessions (Labs) of all kernels may be open at once.")
    max_pages_per_session = _count(
        Limits.max_pages_per_session, "How many browser pages may watch one session at once."
    )
    max_plots_per_session = _count(
        Limits.max_plots_per_session, "How many views of plots, in all pages, one session may have at once."
    )
    max_connections = _count(
        Limits.max_connections, "How many WebRTC connections one session may have; the engine keeps to it."
    )
    max_pending_requests = _count(
        Limits.max_pending_requests,
        "How many requests may wait for one engine, and how many for engines that are not there yet; "
        "one more is answered with 429.",
    )
    max_invitations = _count(
        Limits.max_invitations,
        "How many names given out by POST start may be open; one more is answered with 429.",
    )
    max_body_bytes = _count(
        Limits.max_body_bytes, "Largest body of an HTTP request in bytes; a larger one is answered with 413."
    )
    max_message_bytes = _count(
        Limits.max_message_bytes, "Largest message a page may send on its session socket, in bytes."
    )
    max_link_message_bytes = _count(
        Limits.max_link_message_bytes,
        "Largest message an engine may send, in bytes; pictures and sounds shown in cells travel this way.",
    )
    max_queue_messages = _count(
        Limits.max_queue_messages,
        "How many messages may wait for a page or an engine that reads slowly. From a full queue the oldest "
        "'stats' and 'log' messages are dropped; a page for which that is not enough is closed.",
    )
    max_queue_bytes = _count(
        Limits.max_queue_bytes, "How many bytes may wait for a page or an engine that reads slowly."
    )
    offers_per_minute = _count(
        Limits.offers_per_minute, "Offers a session may get in a minute; one more is answered with 429."
    )
    patches_per_minute = _count(
        Limits.patches_per_minute,
        "Batches of ICE candidates a session may get in a minute; one more is answered with 429.",
    )
    messages_per_second = _count(
        Limits.messages_per_second,
        "Messages a second that are read from a page; a page that sends more is read more slowly.",
    )
    max_width = _count(Limits.max_width, "Widest picture a session may ask for, in pixels.")
    max_height = _count(Limits.max_height, "Highest picture a session may ask for, in pixels.")
    max_frame_rate = _amount(Limits.max_frame_rate, "Highest frame rate a session may ask for, in 1/s.")
    max_bitrate_bps = _count(
        Limits.max_bitrate_bps, "Highest bitrate a session may ask for, in bits a second."
    )
    invitation_life_s = _amount(
        Limits.invitation_life_s,
        "Seconds after its last use that a name given out by POST start is forgotten.",
    )
    engine_wait_s = _amount(
        Limits.engine_wait_s, "Seconds a request or a page waits for an engine that is not there yet."
    )
    request_timeout_s = _amount(
        Limits.request_timeout_s, "Seconds an engine has to answer a request before it is answered with 503."
    )
    write_timeout_s = _amount(
        Limits.write_timeout_s, "Seconds after which a page or an engine that takes no byte is closed."
    )
    close_timeout_s = _amount(
        Limits.close_timeout_s, "Seconds a page or an engine has to answer a close before its socket is cut."
    )
    at_root = Bool(
        False, help="Answer /start, /api/offer, /sessions/… and /client/ at the root of the server, too."
    ).tag(config=True)
    ice_servers: ListTrait[Any] = ListTrait(
        help="STUN and TURN servers for engines and pages: a list of URLs, or of dicts with 'urls', 'username' and "
        f"'credential'. Without this setting the environment variable {ICE_SERVERS_VARIABLE} is read (JSON)."
    ).tag(config=True)

    @default("ice_servers")
    def _ice_servers_from_environment(self) -> list[dict[str, Any]]:
        # traitlets does not call @validate for a default
        return _checked(ice_servers_from_environment, os.environ)

    @validate("ice_servers")
    def _checked_ice_servers(self, proposal: Bunch) -> list[dict[str, Any]]:
        return _checked(normalise_ice_servers, proposal["value"])

    def limits(self) -> Limits:
        """The limits as they are set now."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})
