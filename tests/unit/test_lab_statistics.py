"""How the figures of a lab are shown."""

from __future__ import annotations

from smallrtc_lab.engine.history import FIELDS as COLUMNS
from smallrtc_lab.engine.statistics import DROPS
from smallrtc_lab.lab.statistics import FIELDS, Statistics, Stats

STATS = Stats(
    state="live",
    time_s=4.25,
    fps=29.9,
    level_db=None,
    rates={"received_bps": 648_092.4},
    delays={"callback": {"median_ms": 0.5, "p95_ms": 12.0}, "capture_to_decoded": None},
    drops={"busy": 3},
    callbacks={"<effect>": {"calls": 2, "mean_ms": 0.5}},
    connection={},
    budget=None,
)


def test_it_is_a_dict() -> None:
    """Whoever computes with figures finds numbers."""
    assert STATS["drops"]["busy"] == 3
    assert dict(STATS)["fps"] == 29.9


def test_it_reads_as_a_table() -> None:
    """One line a figure, with thousands, both figures of a stage, and a dash for what is not known."""
    lines = dict(line.split(maxsplit=1) for line in repr(STATS).splitlines())
    assert lines["rates.received_bps"] == "648,092"
    assert lines["delays.callback"] == "0.5 ms, p95 12.0"
    assert lines["level_db"] == lines["delays.capture_to_decoded"] == "–"
    assert lines["callbacks.<effect>"] == "calls 2, mean_ms 0.5"


def test_in_a_cell_each_figure_has_its_words() -> None:
    """Its group above, its meaning beside the value, broken into lines; a function's name is no markup."""
    shown = STATS._repr_html_()
    assert FIELDS["drops.busy"] in shown
    assert "white-space:normal" in shown
    assert ">callbacks</th>" in shown
    assert ">&lt;effect&gt;</td>" in shown
    assert "callbacks." not in shown


def test_every_reason_and_column_is_explained() -> None:
    """What the engine counts is documented where a person looks for it."""
    assert {f"drops.{reason}" for reason in DROPS} <= FIELDS.keys()
    words = Statistics.stats_history.__doc__ or ""
    assert [name for name in COLUMNS if f"``{name}``" not in words] == []
