"""The figures of a session over time."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.engine.history import FIELDS, ROWS, History


def test_rows_hold_what_was_known() -> None:
    """A row has every field as float64; what was not told is NaN."""
    history = History()
    assert len(history) == 0
    assert history.rows.dtype.names == tuple(FIELDS)
    history.append(1.5, {"fps": 30, "rtt_ms": None})
    (row,) = history.rows
    assert (row["time_s"], row["fps"]) == (1.5, 30.0)
    assert np.isnan(row["rtt_ms"])
    assert np.isnan(row["width"])
    assert {history.rows.dtype[name] for name in FIELDS} == {np.dtype(np.float64)}


def test_it_is_bounded_and_in_order() -> None:
    """The oldest rows make way, and those that stay are in the order of time."""
    history = History(rows=10)
    for number in range(25):
        history.append(number / 2, {"fps": number})
    assert list(history.rows["fps"]) == list(range(15, 25))
    assert list(history.last(2.0)["fps"]) == [20, 21, 22, 23, 24]
    assert len(history.last(None)) == len(history.last(1e9)) == 10


def test_what_it_returns_is_private() -> None:
    """Writing into the rows changes nothing that is kept."""
    history = History()
    history.append(0.0, {"fps": 1})
    history.rows["fps"] = 99
    history.last(5)["fps"] = 99
    assert history.rows["fps"][0] == 1


def test_a_field_that_is_none_is_a_fault() -> None:
    """A figure without a field raises instead of being lost."""
    with pytest.raises(ValueError, match="no field"):
        History().append(0.0, {"fpss": 1.0})


def test_every_field_says_what_it_is_and_memory_is_small() -> None:
    """Each has a sentence, and ten minutes take less than half a megabyte."""
    assert all(len(words) > 10 for words in FIELDS.values())
    assert ROWS * len(FIELDS) * 8 < 500_000
