"""A diagnosis as a person sees it: as text, as HTML, and as a report without addresses."""

from __future__ import annotations

import html.parser

import pytest

from smallrtc_lab.lab.diagnosis import Diagnosis, Finding, Row

ROWS = (
    Row("media process", "answers", None, Finding.GOOD),
    Row("TURN", "turn:turn.example.org:3478 refuses <script>", 12.4, Finding.BAD),
    Row("page", "no page shows this lab"),
)


@pytest.fixture
def diagnosis() -> Diagnosis:
    return Diagnosis("The TURN server refuses.", "Check the <password>.", ROWS, True)


def test_as_text_it_is_a_sentence_an_advice_and_lines(diagnosis: Diagnosis) -> None:
    """One line a probe, marked, with its milliseconds where they say anything."""
    assert repr(diagnosis).splitlines() == [
        "The TURN server refuses.",
        "→ Check the <password>.",
        "",
        "✓ media process  answers",
        "✗ TURN           turn:turn.example.org:3478 refuses <script>  12 ms",
        "· page           no page shows this lab",
    ]


def test_as_html_everything_is_escaped_and_closed(diagnosis: Diagnosis) -> None:
    """Nothing of a result becomes markup, every element is closed, and no colour hides on a dark page."""

    class Reader(html.parser.HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.seen: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.open.append(tag)
            self.seen.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    markup = diagnosis._repr_html_()
    reader.feed(markup)
    assert reader.open == []
    assert "script" not in reader.seen
    assert reader.seen.count("tr") == len(ROWS)
    for fixed in ("color:#000", "color:black", "background:#fff", "background:white"):
        assert fixed not in markup


def test_the_report_has_no_host(diagnosis: Diagnosis) -> None:
    """It is the text without addresses; the same is in the HTML, to be copied."""
    assert "turn:<host>:3478" in diagnosis.report()
    assert "turn.example.org" not in diagnosis.report()
    assert "turn:&lt;host&gt;:3478" in diagnosis._repr_html_()
