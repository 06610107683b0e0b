"""Rules that hold for all tests: in CI nothing may be skipped for want of something."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from support.processes import runs_from_checkout

ALLOWED_SKIP = "platform:"
REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()


def pytest_configure() -> None:
    """Refuse to test the checkout where the installed wheel was meant."""
    if os.environ.get("SMALLRTC_LAB_TEST_INSTALLED") and runs_from_checkout():
        pytest.exit(
            "the tests were to run on the installed package, but would run on the checkout's files", 4
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep each phase's report for fixtures, and turn a skip in CI into a failure.

    A test that cannot run on this kind of machine at all says so: `skipif(..., reason="platform: macOS only")`.
    """
    report = yield
    if not hasattr(report, "wasxfail"):
        forbid_skip(report)
    item.stash.setdefault(REPORTS, {})[report.when] = report
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself while it is read."""
    report = yield
    forbid_skip(report)
    return report


def forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if ALLOWED_SKIP not in reason:
            report.outcome = "failed"
            report.longrepr = f"{reason} (in CI every test must run)"


@pytest.fixture
def failed(request: pytest.FixtureRequest) -> object:
    """A function that tells, in a fixture's teardown, whether the test has failed."""

    def ask() -> bool:
        return any(report.failed for report in request.node.stash.get(REPORTS, {}).values())

    return ask


@pytest.fixture(scope="session")
def results_dir(pytestconfig: pytest.Config) -> Path:
    """`test-results/` in the checkout: screenshots and logs of failed tests, measured figures."""
    path = pytestconfig.rootpath / "test-results"
    path.mkdir(exist_ok=True)
    return path
