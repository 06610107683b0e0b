"""Windows by the names of scipy.signal, and what is said of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

from smallrtc_lab.plots.windows import WINDOWS, checked_window, window_values

PARAMETERS = {"kaiser": 8.0, "gaussian": 90.0, "tukey": 0.3}


@pytest.mark.parametrize("n", [16, 17, 1024])
@pytest.mark.parametrize("name", WINDOWS)
def test_each_window_is_scipys(name: str, n: int) -> None:
    """Every window has the values that scipy.signal.get_window gives for its name."""
    window: Any = (name, PARAMETERS[name]) if name in PARAMETERS else name
    np.testing.assert_allclose(window_values(window, n), scipy.signal.get_window(window, n), atol=1e-12)


def test_a_window_without_its_parameter_has_scipys_default() -> None:
    """A Tukey window by its name alone tapers half of it, as SciPy's does."""
    np.testing.assert_allclose(window_values("tukey", 64), scipy.signal.get_window("tukey", 64), atol=1e-12)
    np.testing.assert_array_equal(window_values(("tukey", 0.0), 8), np.ones(8))


def test_a_window_that_is_not_known_names_the_nearest() -> None:
    """A misspelt window is refused with the name that was meant."""
    with pytest.raises(ValueError, match='did you mean "hann"'):
        checked_window("han")
    with pytest.raises(ValueError, match="has a parameter"):
        checked_window("kaiser")
    with pytest.raises(ValueError, match="has no parameter"):
        checked_window(("hann", 2.0))


def test_json_and_other_names_are_understood() -> None:
    """A list is a pair, as JSON has it, and usual second names mean the same window."""
    assert checked_window(["kaiser", 8]) == ("kaiser", 8.0)
    assert checked_window("rectangular") == "boxcar"
