"""The front end's own checks: TypeScript in strict mode, and its unit tests in Node's test runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.node import node, npm_script

JS = Path(__file__).parents[2] / "js"
TIMEOUT_S = 100


def run(*arguments: str) -> str:
    """Run Node in js/ and return what it printed; AssertionError with that text when it fails."""
    done = subprocess.run(
        [node(), *arguments], cwd=JS, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """esbuild and TypeScript, as the lock file pins them."""
    if not (JS / "node_modules" / "typescript").is_dir():
        run(str(npm_script()), "ci", "--ignore-scripts")


def test_types() -> None:
    """TypeScript finds nothing to complain about in strict mode."""
    run("node_modules/typescript/bin/tsc", "--noEmit")


def test_unit() -> None:
    """Every unit test of the front end passes, and there are some."""
    said = run("test.mjs")
    passed = [line for line in said.splitlines() if line.strip(" #ℹ").startswith("pass ")]
    assert passed, said
    assert int(passed[0].split()[-1]) > 40
