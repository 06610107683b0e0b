"""How busy the processors are, with a clock of the test's own; and once for real."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.processes import package_root

from smallrtc_lab.processors.meter import ProcessorLoad, ProcessorMeter


class Machine:
    """With one control group, and processors that are as busy as the test says."""

    def __init__(self, root: Path) -> None:
        self.now_s = 50.0
        self.busy_s = self.used_s = 0.0
        self.periods = self.throttled = 0
        self.root = root
        (root / "proc/self").mkdir(parents=True)
        (root / "sys/fs/cgroup").mkdir(parents=True)
        (root / "proc/self/cgroup").write_text("0::/\n")
        (root / "proc/self/mountinfo").write_text("29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
        self.quota("max 100000")
        self.meter = ProcessorMeter(
            root=root, clock=lambda: self.now_s, busy=lambda: (self.busy_s, 64 * self.now_s)
        )

    def quota(self, text: str) -> None:
        (self.root / "sys/fs/cgroup/cpu.max").write_text(text)

    def pass_(self, seconds: float, *, used: float, busy: float = 0.0, throttled: int = 0) -> ProcessorLoad:
        """So long ``used`` processors worked for us and ``busy`` for anybody; the load after it."""
        self.now_s += seconds
        self.used_s += used * seconds
        self.busy_s += (used + busy) * seconds
        self.periods += round(10 * seconds)
        self.throttled += throttled
        (self.root / "sys/fs/cgroup/cpu.stat").write_text(
            f"usage_usec {round(1e6 * self.used_s)}\nnr_periods {self.periods}\nnr_throttled {self.throttled}\n"
        )
        return self.meter.read()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """64 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return Machine(tmp_path)


def test_a_quota_is_full_on_a_machine_that_is_idle(machine: Machine) -> None:
    """One of 64 processors is everything that a quota of one allows."""
    machine.pass_(1.0, used=0.0)
    assert machine.pass_(1.0, used=1.0).used == pytest.approx(1 / 64)
    machine.quota("100000 100000")
    load = machine.pass_(1.0, used=1.0)
    assert (load.allowed, load.used) == (1.0, pytest.approx(1.0))


def test_a_machine_that_others_keep_busy_is_full_within_any_quota(machine: Machine) -> None:
    """Who waits for a processor does not care whose work it does."""
    machine.quota("200000 100000")
    machine.pass_(1.0, used=0.2)
    assert machine.pass_(1.0, used=0.2, busy=63.8).used == pytest.approx(1.0)


def test_it_looks_back_a_second(machine: Machine) -> None:
    """A burst of half a second is half of it, and forgotten a second later."""
    machine.quota("100000 100000")
    for _ in range(3):
        machine.pass_(0.5, used=0.0)
    assert machine.pass_(0.5, used=1.0).used == pytest.approx(0.5)
    assert machine.pass_(0.5, used=0.0).used == pytest.approx(0.5)
    assert machine.pass_(0.5, used=0.0).used == pytest.approx(0.0)


def test_how_often_a_quota_ran_out(machine: Machine) -> None:
    """As a share of its periods."""
    machine.quota("100000 100000")
    machine.pass_(1.0, used=0.5)
    assert machine.pass_(1.0, used=0.9, throttled=4).throttled == pytest.approx(0.4)


def test_a_moment_is_too_short_to_say_anything(machine: Machine) -> None:
    """Nothing is known right after the beginning."""
    assert machine.pass_(0.1, used=1.0).used is None


def busy(seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass


@pytest.mark.parametrize("work", [time.sleep, busy])
def test_the_real_processors(work: Callable[[float], None]) -> None:
    """A loop of half a second is seen, if there is anything to see."""
    meter = ProcessorMeter()
    work(0.5)
    load = meter.read()
    assert load.used is not None
    assert 0.0 <= load.used <= 1.0
    if work is busy:
        assert load.used >= 0.2 / load.allowed  # an idle process would have 0; other processes may only add


GROUPS = Path("/sys/fs/cgroup")
MEASURE = """
import json, os, sys, time
from smallrtc_lab.processors.meter import ProcessorMeter
with open(sys.argv[1], "w") as members:
    members.write(str(os.getpid()))
meter = ProcessorMeter()
until_s = time.monotonic() + 1.0
while time.monotonic() < until_s:
    pass
print(json.dumps(meter.read()))
"""


@pytest.fixture
def fiftieth_of_a_processor() -> Iterator[Path]:
    """A real control group with that quota; skipped where none may be made."""
    name = f"smallrtc-test-{os.getpid()}"
    first, second = GROUPS / "cpu" / name, GROUPS / name
    group, quota = (first, "cpu.cfs_quota_us") if first.parent.is_dir() else (second, "cpu.max")
    try:
        group.mkdir()
        (group / quota).write_text("2000" if group is first else "2000 100000")
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip("no control group with a quota may be made here")
    yield group
    group.rmdir()


def test_a_real_quota_is_found_and_exhausted(fiftieth_of_a_processor: Path) -> None:
    """By a process that enters such a group."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, fiftieth_of_a_processor / "cgroup.procs"],
        env={**os.environ, "PYTHONPATH": str(package_root())},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    allowed, _, throttled = json.loads(done.stdout)
    assert allowed == pytest.approx(0.02)
    assert throttled > 0.1
