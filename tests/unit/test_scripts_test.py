"""The parts of `scripts/test.py` that decide what counts as failed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.processes import CHECKOUT

FAILS = "def test_it(): assert False\n"
FAILS_ONCE = """
from pathlib import Path

def test_it():
    seen = Path(__file__).with_suffix(".seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("the machine stood still")
"""
PASSES = "def test_it(): pass\n"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, for a project of its own in `tmp_path`."""
    spec = importlib.util.spec_from_file_location("script_under_test", CHECKOUT / "scripts" / "test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look there
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['soak: long']\n")
    return module


def run(script: ModuleType, **rooms: str) -> int:
    """Run these tests, one a room, as the script runs them."""
    python = script.ROOT / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for room, code in rooms.items():
        (script.ROOT / "tests" / room).mkdir(parents=True)
        (script.ROOT / "tests" / room / f"test_{room}.py").write_text(code)
    return int(script.run_pytest(python, script.ROOMS, soak=False))


def test_a_browser_test_that_failed_once_is_run_again_and_said(
    script: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    """It passes when run again alone: the run is good, and the summary names the test."""
    assert run(script, browser=FAILS_ONCE, unit=PASSES) == 0
    said = capfd.readouterr().out
    assert "\nfailed once, passed when run again alone: tests/browser/test_browser.py::test_it\n" in said
    assert said.count("1 passed") == 2


def test_what_fails_twice_has_failed(script: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    """The second failure is the run's."""
    assert run(script, kernel=FAILS) == 1
    assert "\nFAILED twice: tests/kernel/test_kernel.py::test_it\n" in capfd.readouterr().out


def test_a_unit_test_gets_one_chance(script: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    """Where no real time passes a failure is one, whatever the other rooms say."""
    assert run(script, unit=FAILS_ONCE, browser=PASSES) == 1
    assert "once more" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        ([], False),
        (["tests/loopback/test_a.py::test_b"], True),
        ([f"tests/network/test_a.py::test_{n}" for n in range(5)], True),
        ([f"tests/network/test_a.py::test_{n}" for n in range(6)], False),
        (["tests/browser/test_a.py::test_b", "tests/server/test_a.py::test_b"], False),
        (["tests/browser/test_a.py"], False),  # it could not even be read
    ],
)
def test_only_a_few_failures_of_real_time_are_forgiven_once(
    script: ModuleType, failed: list[str], again: bool
) -> None:
    """One to five tests of the rooms with real time, none of the others."""
    assert script.may_run_again(failed) is again
