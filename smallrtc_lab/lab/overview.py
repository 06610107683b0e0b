"""``smallrtc_lab.labs()``: what is on, since when, what keeps it on, and how it ends."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smallrtc_lab.errors import SmallRTCError

from .cell import variables_of

if TYPE_CHECKING:
    from .lab import Lab

__all__ = ["Labs", "Opened", "Row", "connected", "markup", "text"]

_PATIENCE_S = 1.0  # for an engine that should have answered in a millisecond
_ACTIVE = ("asking", "connecting", "live", "reconnecting")
_NOTHING = "No lab is open: no device, no connection, no media process."
_LEFT = "text-align:left;vertical-align:top"
_HANGING = "padding-left:1em;text-indent:-1em"  # what does not fit on a line is not taken for another one
_HEAD = ("Lab", "State", "What is on", "To end it")


class Opened:
    """An open lab, where it was made, and since when it is in its state."""

    def __init__(self, lab: Lab, title: str) -> None:
        self.lab = lab
        self.title = title
        self.since = datetime.datetime.now()
        lab.mirror.watch(self._changed)

    def _changed(self, _state: str) -> None:
        self.since = datetime.datetime.now()


@dataclass(frozen=True)
class Row:
    """One lab in words."""

    title: str
    state: str
    on: tuple[str, ...]
    end: str


class Labs(list["Lab"]):
    """The open labs, shown with what they keep on. What it says is of the moment it is shown."""

    def __init__(self, opened: Iterable[Opened]) -> None:
        self._opened = list(opened)
        super().__init__(one.lab for one in self._opened)

    def rows(self) -> list[Row]:
        """Each lab in words; an engine that does not answer is waited for one second."""
        return [_row(one, index) for index, one in enumerate(self._opened)]

    def __repr__(self) -> str:
        return text(self.rows())

    def _repr_html_(self) -> str:
        return markup(self.rows())


def text(rows: list[Row]) -> str:
    """For a terminal: a line for each lab, and below it what keeps it on."""
    lines = []
    for row in rows:
        lines += [
            f"{row.title}: {row.state}",
            *(f"    {line}" for line in row.on),
            f"    to end it: {row.end}",
        ]
    return "\n".join(lines) or _NOTHING


def markup(rows: list[Row]) -> str:
    """For a notebook: a table."""
    if not rows:
        return f"<em>{_NOTHING}</em>"
    head = "".join(f"<th style='{_LEFT}'>{name}</th>" for name in _HEAD)
    lines = ["".join(f"<td style='{_LEFT}'>{cell}</td>" for cell in _cells(row)) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cells(row: Row) -> tuple[str, ...]:
    ends = "<br>".join(f"<code>{html.escape(call)}</code>" for call in row.end.split(" or "))
    return (
        f"<b>{html.escape(row.title)}</b>",
        html.escape(row.state),
        "".join(f"<div style='{_HANGING}'>{html.escape(line)}</div>" for line in row.on),
        ends,
    )


def _row(opened: Opened, index: int) -> Row:
    lab = opened.lab
    names = variables_of(lab)
    state = lab.state if lab.route is None else f"{lab.state}, {lab.route}"
    call = names[0] if names else f"smallrtc_lab.labs()[{index}]"
    stop = f"{call}.stop() or " if lab.state in _ACTIVE else ""
    return Row(
        title=f"{names[0]}, {opened.title}" if names else opened.title,
        state=f"{state} since {opened.since:%H:%M:%S}",
        on=tuple(_on(lab)),
        end=f"{stop}{call}.close()",
    )


def _on(lab: Lab) -> list[str]:
    """What keeps a lab on, line by line; a lab that waits keeps its place in the media process all the same."""
    lines = []
    try:
        stats = lab._access.call("stats", timeout_s=_PATIENCE_S)
    except SmallRTCError as error:
        lines.append(str(lab.error["message"] if lab.error else error))
    else:
        lines += connected(stats, lab.mirror.settings)
        lines.append(f"media process {stats['engine']['pid']}")
    return lines + _functions(lab)


def connected(stats: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    """Who sends and who looks."""
    lines = []
    pages = stats["pages"]
    active = [page for page in pages if page["state"] in _ACTIVE]
    if stats["simulated"] is not None:
        lines.append("a simulated browser, lab.simulate()")
    elif active:
        lines.append(f"{_devices(settings)} in a page ({active[0]['state']})")
    elif stats["connection"]:
        lines.append("a client from outside")
    others = len(pages) - len(active)
    hidden = sum(not page["visible"] for page in pages)
    if others:
        lines.append(f"{others} {'page shows' if others == 1 else 'pages show'} it with closed devices")
    if hidden:
        lines.append(f"{hidden} of {len(pages)} pages hidden")
    return lines


def _devices(settings: dict[str, Any]) -> str:
    """The open devices, as the browser granted them."""
    names = {"audio": "microphone", "video": "camera", "screen": "screen"}
    known = []
    for kind in ("video", "screen", "audio"):
        granted = settings.get(kind)
        if granted:
            size = f" {granted['width']}×{granted['height']}" if "width" in granted else ""
            known.append(names[kind] + size)
    return " and ".join(known) or "devices"


def _functions(lab: Lab) -> list[str]:
    """The registered functions, with what they have done, and what is shown and played."""
    lines = []
    for callback in lab._callbacks.all():
        role = "processor" if callback.processes else "observer"
        stats = callback.stats
        failed = f", {stats['errors']:.0f} errors" if stats["errors"] else ""
        lines.append(f"{callback.kind} {role} {callback.name}: {stats['calls']:.0f} calls{failed}")
    return [*lines, *(repr(playback).strip("<>") for playback in lab._playbacks.going())]
