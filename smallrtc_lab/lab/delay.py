"""What ``lab.measure_delay()`` found."""

from __future__ import annotations

import html
from dataclasses import dataclass

__all__ = ["DelayMeasurement", "Stage"]

_WORDS = {
    "to_engine": "camera → decoded picture",
    "to_function": "→ your function begins",
    "in_function": "your function runs",
    "back": "→ seen in the browser",
    "total": "camera → seen in the browser",
}


@dataclass(frozen=True)
class Stage:
    """``median_ms`` and ``p95_ms`` of so many ``pictures`` (0 where the page told its own figures)."""

    median_ms: float
    p95_ms: float
    pictures: int = 0


@dataclass(frozen=True)
class DelayMeasurement:
    """How long pictures take, stage by stage; a stage that could not be measured is None.

    ``to_engine``: from the camera to a decoded picture. ``to_function``: until a function begins with it.
    ``in_function``: how long that runs. ``back``: from its result until the browser has decoded it. ``total``: all
    the way. ``note`` says what is missing, and why.
    """

    to_engine: Stage | None
    to_function: Stage | None
    in_function: Stage | None
    back: Stage | None
    total: Stage | None
    seconds: float
    note: str = ""

    def __repr__(self) -> str:
        lines = [f"{words:<30}{_text(stage)}" for words, stage in self._rows()]
        return "\n".join([*lines, *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{words}</th>'
            f'<td style="text-align:right">{html.escape(_text(stage))}</td></tr>'
            for words, stage in self._rows()
        )
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return f"<table>{rows}</table>{note}"

    def _rows(self) -> list[tuple[str, Stage | None]]:
        return [(words, getattr(self, name)) for name, words in _WORDS.items()]


def _text(stage: Stage | None) -> str:
    return "not measured" if stage is None else f"{stage.median_ms:.1f} ms, p95 {stage.p95_ms:.1f} ms"
