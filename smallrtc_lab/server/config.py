"""The extension's settings: ``c.SmallRTCLab.max_sessions = 10`` in any of Jupyter's configuration files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from traitlets import Any as AnyTrait
from traitlets import Bool, Bunch, Float, HasTraits, Int, TraitError, Unicode, default, validate
from traitlets import List as ListTrait

from smallrtc_lab.ice import (
    ICE_SERVERS_VARIABLE,
    IceServerJson,
    ice_servers_from_environment,
    normalise_ice_servers,
)
from smallrtc_lab.turn import from_url
from smallrtc_lab.turn.fetch import web_address
from smallrtc_lab.turn.local import LocalTurn, state_file

from .ice_servers import IceServerList, with_secret
from .limits import Limits

__all__ = ["Settings"]

TURN_SECRET_VARIABLE = "SMALLRTC_LAB_TURN_SECRET"
TURN_URL_VARIABLE = "SMALLRTC_LAB_TURN_CREDENTIALS_URL"


def _checked(read: Callable[[Any], list[IceServerJson]], source: Any) -> list[IceServerJson]:
    try:
        return read(source)
    except (TypeError, ValueError) as error:
        raise TraitError(str(error)) from None


def _web(url: str) -> str:
    """The address as it is, when it is one; it may hold a key, so that no error quotes it."""
    try:
        if url:
            web_address(url)
    except ValueError as error:
        raise TraitError(str(error)) from None
    return url


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
    max_media_bytes = _count(
        Limits.max_media_bytes,
        "Largest packet of media that is relayed for a page without WebRTC, in bytes: one encoded picture.",
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

    turn_secret = Unicode(
        help="The secret your coturn shares (use-auth-secret, static-auth-secret): the TURN servers of ice_servers "
        "without a user name get credentials that live for an hour. Without this setting the environment variable "
        f"{TURN_SECRET_VARIABLE} is read, which, unlike a command line, other users of this machine cannot see."
    ).tag(config=True)
    turn_credentials_url = Unicode(
        help="An address that gives short-lived TURN credentials as JSON; smallrtc_lab.turn says in which shapes. "
        "It is asked again before they expire. Without this setting the environment variable "
        f"{TURN_URL_VARIABLE} is read."
    ).tag(config=True)
    turn_credentials = AnyTrait(
        None,
        allow_none=True,
        help="A function that gives ICE servers with short-lived credentials, sync or async, or a source of "
        "smallrtc_lab.turn: turn.cloudflare(key_id, api_token), for example. For configuration files in Python.",
    ).tag(config=True)

    @default("turn_secret")
    def _turn_secret_from_environment(self) -> str:
        return os.environ.get(TURN_SECRET_VARIABLE, "").strip()

    @default("turn_credentials_url")
    def _turn_url_from_environment(self) -> str:
        return _web(os.environ.get(TURN_URL_VARIABLE, "").strip())

    @validate("turn_credentials_url")
    def _checked_turn_url(self, proposal: Bunch) -> str:
        return _web(proposal["value"])

    @validate("turn_credentials")
    def _checked_turn_source(self, proposal: Bunch) -> object:
        value = proposal["value"]
        if value is not None and not callable(value):
            raise TraitError("turn_credentials is a function, or a source of smallrtc_lab.turn")
        return value

    def ice_server_list(
        self, changed: Callable[[list[IceServerJson] | None, str | None], None]
    ) -> IceServerList:
        """The servers to hand out, by all of these settings and ``smallrtc-lab turn``."""
        fixed, sources = with_secret(self.ice_servers, self.turn_secret)
        if self.turn_credentials_url:
            sources.append(from_url(self.turn_credentials_url))
        if self.turn_credentials is not None:
            sources.append(self.turn_credentials)
        return IceServerList(fixed, sources, LocalTurn(state_file()), changed)

    @default("ice_servers")
    def _ice_servers_from_environment(self) -> list[IceServerJson]:
        # traitlets does not call @validate for a default
        return _checked(ice_servers_from_environment, os.environ)

    @validate("ice_servers")
    def _checked_ice_servers(self, proposal: Bunch) -> list[IceServerJson]:
        return _checked(normalise_ice_servers, proposal["value"])

    def limits(self) -> Limits:
        """The limits as they are set now."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})
