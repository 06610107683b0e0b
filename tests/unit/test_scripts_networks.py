"""The README's table of networks."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest
from support.matrixrows import Row
from support.processes import CHECKOUT


@pytest.fixture
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("networks_script", CHECKOUT / "scripts" / "networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(network: str, browser: str, first_s: float, **more: Any) -> dict[str, Any]:
    given = {"route": "relay", "pair": None, "goal_s": 2.5, "delay_ms": None, "sentence": "Live"} | more
    return vars(Row(network=network, browser=browser, first_s=first_s, **given))


def test_a_network_is_one_line_for_both_browsers(script: ModuleType) -> None:
    """The last row of a browser counts, and the sentence stands without its figures."""
    said = "Live · through a TURN server, 62 ms · 640×480 · 31/s"
    turn = {
        "route": "turn",
        "pair": ["relay", "host", "tcp"],
        "goal_s": 2,
        "delay_ms": 66.7,
        "sentence": said,
    }
    rows = [
        row("TCP only", "Chromium", 9.0),
        row("no UDP", "Firefox", 1.93, sentence="Live · through Jupyter"),
        row("TCP only", "Firefox", 1.24, **turn),
        row("TCP only", "Chromium", 0.42, **turn),
    ]
    assert script.table(rows).splitlines()[2:] == [
        "| TCP only | TURN (TCP) | 0.4 s, 1.2 s | 2 s | 67 ms | Live · through a TURN server |",
        "| no UDP | Jupyter | –, 1.9 s | 2.5 s | – | Live · through Jupyter |",
    ]


def test_only_what_is_between_the_marks_is_written_anew(script: ModuleType) -> None:
    """Everything before and behind them stays."""
    text = f"before\n{script.BEGIN}\nold\n{script.END}\nbehind\n"
    assert script.put_between(text, "new") == f"before\n{script.BEGIN}\nnew\n{script.END}\nbehind\n"
