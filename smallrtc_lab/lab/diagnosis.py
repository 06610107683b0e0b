"""What was found out about the way between a browser and Python: a sentence, the one thing to do, and a table."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .redact import redact

__all__ = ["Diagnosis", "Finding", "Row"]


class Finding(Enum):
    """How one probe ended; the value is the mark that is shown."""

    GOOD = "✓"
    BAD = "✗"
    NOTE = "·"  # nothing is wrong with it, or it could not be tried


@dataclass(frozen=True)
class Row:
    """One probe: what was tried, what came of it in words, and how many milliseconds it took where that tells."""

    probe: str
    result: str
    ms: float | None = None
    finding: Finding = Finding.NOTE


_COLOURS = {
    Finding.GOOD: "var(--jp-success-color1,#388e3c)",
    Finding.BAD: "var(--jp-error-color1,#d32f2f)",
    Finding.NOTE: "inherit",
}
_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0;border:none"
_TABLE = "border-collapse:collapse;background:transparent;color:inherit;margin:.4em 0;font-size:inherit"
_PRE = "white-space:pre-wrap;overflow-wrap:anywhere;user-select:all;background:transparent;color:inherit"


@dataclass(frozen=True)
class Diagnosis:
    """Shown at the end of a cell; nothing of it changes any more.

    ``verdict`` is one plain sentence, ``advice`` the one thing to do, ``rows`` the probes in the order of the way from
    Python to the browser. ``broken`` says whether something needs mending before media can flow.

    >>> diagnosis = lab.diagnose()
    >>> print(diagnosis.verdict, diagnosis.advice)
    """

    verdict: str
    advice: str
    rows: tuple[Row, ...]
    broken: bool

    def __repr__(self) -> str:
        return "\n".join([self.verdict, f"→ {self.advice}", "", *_lines(self.rows)])

    def _repr_html_(self) -> str:
        colour = _COLOURS[Finding.BAD if self.broken else Finding.GOOD]
        rows = "".join(_markup(row) for row in self.rows)
        return (
            f'<div style="border-left:4px solid {colour};padding:4px 12px;color:inherit">'
            f'<div style="font-weight:600">{html.escape(self.verdict)}</div>'
            f"<div>→ {html.escape(self.advice)}</div>"
            f'<table style="{_TABLE}">{rows}</table>'
            "<details><summary>A report to copy, without addresses</summary>"
            f'<pre style="{_PRE}">{html.escape(self.report())}</pre></details></div>'
        )

    def report(self) -> str:
        """Everything as text that may be sent to somebody: host names, IP addresses and secrets are taken out.

        >>> print(lab.diagnose().report())
        """
        return redact(repr(self))


def _lines(rows: Iterable[Row]) -> list[str]:
    known = list(rows)
    width = max((len(row.probe) for row in known), default=0)
    return [f"{row.finding.value} {row.probe:<{width}}  {row.result}{_took(row, '  ')}" for row in known]


def _took(row: Row, before: str = "") -> str:
    return "" if row.ms is None else f"{before}{row.ms:.0f} ms"


def _markup(row: Row) -> str:
    mark = f'<td style="{_CELL};color:{_COLOURS[row.finding]};font-weight:700">{row.finding.value}</td>'
    cells = "".join(
        f'<td style="{_CELL}{more}">{html.escape(text)}</td>'
        for text, more in (
            (row.probe, ";white-space:nowrap"),
            (row.result, ";overflow-wrap:anywhere"),
            (_took(row), ";text-align:right;white-space:nowrap;opacity:.7"),
        )
    )
    return f'<tr style="background:transparent">{mark}{cells}</tr>'
