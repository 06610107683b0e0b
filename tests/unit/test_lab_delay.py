"""How a measurement of delays is shown."""

from __future__ import annotations

from smallrtc_lab.lab.delay import DelayMeasurement, Stage

FOUND = DelayMeasurement(
    Stage(7.7, 9.4, 90), Stage(1.3, 1.7, 90), Stage(0.3, 0.4, 90), None, None, 3.0, note="No way <back>."
)


def test_each_stage_is_a_line() -> None:
    """In the order of the way, with what could not be measured, and why."""
    lines = repr(FOUND).splitlines()
    assert lines[0] == "camera → decoded picture      7.7 ms, p95 9.4 ms"
    assert [line.endswith("not measured") for line in lines[:5]] == [False, False, False, True, True]
    assert lines[5] == "No way <back>."


def test_in_a_cell_it_is_a_table() -> None:
    """With the same words, the note beneath, and nothing that is no markup taken for it."""
    shown = FOUND._repr_html_()
    assert shown.count("<tr>") == 5
    assert "7.7 ms, p95 9.4 ms" in shown
    assert "&lt;back&gt;" in shown
