"""What a person is told whose page no server extension leads to Python."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from smallrtc_lab.lab import home
from smallrtc_lab.lab.home import find_home, install_command, running_page
from smallrtc_lab.places import find_place

OTHER = ("/opt/jupyter env/bin/python3.12", "/opt/jupyter env/bin/jupyter-lab")
OWN = (f"{sys.prefix}/bin/python", "-m", "jupyterlab")


def test_another_environment_is_named_with_the_command_for_it() -> None:
    """The server's own Python stands in the command, quoted for a shell, and the restart behind it."""
    found = find_home("none", place=find_place({}, lambda _: False), server=OTHER)
    assert "environment of its own" in found.missing
    assert found.next_step is not None
    assert found.next_step.startswith("Run '/opt/jupyter env/bin/python3.12' -m pip install ")
    assert "restart Jupyter (the server, not only the kernel)" in found.next_step
    assert "while a cell runs, Start may wait for it" in found.notice
    assert found.to_json()["notice"] == found.notice


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (OWN, "installed after its start"),
        (("/usr/bin/python3", "-m", "voila", "x.ipynb"), "address with /voila/render/"),
        (("/usr/bin/python3", "-m", "something"), "where Jupyter itself runs"),
        ((), "where Jupyter itself runs"),
    ],
)
def test_who_started_the_kernel_decides_what_is_missing(server: tuple[str, ...], words: str) -> None:
    """The server's own environment: restart; Voilà, something else, nobody known: each has its own next step."""
    assert words in find_home("none", place=find_place({}, lambda _: False), server=server).notice


def test_places_without_our_extension_have_words_of_their_own() -> None:
    """Colab and a gateway say what media need there, VS Code how to come to a browser."""

    def at(link: str = "none", reason: str = "", **variables: str) -> home.Home:
        return find_home(link, reason, find_place(variables, lambda _: False), OTHER)

    assert "TURN server" in (at(COLAB_RELEASE_TAG="r").no_path or "")
    assert "gateway" in at(KERNEL_GATEWAY="1").missing
    assert "gateway" in at("lost", "refused", KERNEL_GATEWAY="1").missing
    assert "jupyter lab in a terminal" in (at(VSCODE_PID="7").page or "")
    assert "install the same smallrtc-lab" in at("lost", "install the same smallrtc-lab beside both").notice
    assert "does not reach" in at("linked").missing


def test_what_is_installed_here_is_what_is_installed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a folder that pip was given stands in the command; else the name of the release."""

    class Distribution:
        def __init__(self, told: str | None) -> None:
            self.told = told

        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return self.told

    def command(url: str | None) -> str:
        told = Distribution(None if url is None else json.dumps({"url": url}))
        monkeypatch.setattr(home.importlib.metadata, "distribution", lambda name: told)
        return install_command("/srv/bin/python")

    assert command("file:///home/ann/my%20lab") == "/srv/bin/python -m pip install '/home/ann/my lab'"
    assert command("https://example.org/x.whl") == "/srv/bin/python -m pip install smallrtc-lab"
    assert command(None) == "/srv/bin/python -m pip install smallrtc-lab"


def test_a_jupyter_that_shows_the_notebooks_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address leads to the notebook and carries no token; a server that ended, or of another folder, is none."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    notebook = tmp_path / "class" / "first lab.ipynb"
    assert running_page(notebook) is None

    def runs(number: int, root: Path, pid: int) -> None:
        about = {"url": f"http://localhost:{number}/", "root_dir": str(root), "pid": pid, "token": "secret"}
        (tmp_path / f"jpserver-{number}.json").write_text(json.dumps(about))

    runs(1, tmp_path / "elsewhere", os.getpid())
    runs(2, tmp_path, 2**22 + 1)  # beyond the largest number that Linux gives
    (tmp_path / "jpserver-3.json").write_text("{")
    assert running_page(notebook) is None
    runs(4, tmp_path, os.getpid())
    assert running_page(notebook) == "http://localhost:4/lab/tree/class/first%20lab.ipynb"
