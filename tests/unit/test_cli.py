"""The command `smallrtc-lab demo`: what it copies, what it says, and that it starts and stops."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.processes import ProcessFamily

from smallrtc_lab.cli import main
from smallrtc_lab.cli.notebooks import copy_notebooks


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of notebooks with a picture in a folder and droppings of an editor."""
    source = tmp_path / "source"
    (source / "pictures").mkdir(parents=True)
    (source / ".ipynb_checkpoints").mkdir()
    (source / "00-quickstart.ipynb").write_text("first")
    (source / "pictures" / "a.png").write_bytes(b"png")
    (source / ".ipynb_checkpoints" / "00-quickstart.ipynb").write_text("old")
    return source


class Demo:
    """A running `smallrtc-lab demo`; `lines` are what it printed until the address came."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.family = ProcessFamily(directory / "home")
        self.family.home.mkdir()
        command = [sys.executable, "-P", "-m", "smallrtc_lab", "demo", *options]
        self.process = subprocess.Popen(
            command, cwd=directory, env=self.family.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.url = self.wait_url()

    def wait_url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(r"http://\S+", line):
                return found.group()
        raise AssertionError(f"the demo ended without an address: {self.lines}")

    def stop(self) -> tuple[int, float, list[str]]:
        """Press Ctrl-C: the exit code, the seconds it took, and the processes that had to be killed."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.lines.append(self.process.communicate(timeout=60)[0])
        return self.process.returncode, time.monotonic() - begun, self.family.end()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo on a machine without a display, ended after the test."""
    demo = Demo(tmp_path, "--no-browser")
    yield demo
    if demo.process.poll() is None:
        demo.process.kill()
        demo.process.communicate(timeout=30)
    demo.family.end(0)


def test_copies_every_notebook_and_no_droppings(source: Path, tmp_path: Path) -> None:
    """Files are copied with their folders; hidden ones are not."""
    assert copy_notebooks(source, tmp_path / "made" / "demo") == []
    copied = sorted(
        str(path.relative_to(tmp_path / "made" / "demo")) for path in tmp_path.glob("made/demo/**/*.*")
    )
    assert copied == ["00-quickstart.ipynb", "pictures/a.png"]


def test_never_overwrites_a_persons_work(source: Path, tmp_path: Path) -> None:
    """A notebook that was changed stays and is named; a missing one comes back; an equal one is not worth a word."""
    target = tmp_path / "demo"
    copy_notebooks(source, target)
    (target / "00-quickstart.ipynb").write_text("mine")
    (target / "pictures" / "a.png").unlink()
    assert copy_notebooks(source, target) == ["00-quickstart.ipynb"]
    assert (target / "00-quickstart.ipynb").read_text() == "mine"
    assert (target / "pictures" / "a.png").read_bytes() == b"png"


def test_a_place_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that cannot be made ends the command with code 1 and what to do instead, not with a traceback."""
    (tmp_path / "file").write_text("")
    assert main(["demo", "--directory", str(tmp_path / "file" / "demo")]) == 1
    assert "--directory" in capsys.readouterr().out


def test_a_missing_jupyterlab_is_a_sentence(tmp_path: Path) -> None:
    """Without JupyterLab the command names the extra to install and ends with code 1."""
    code = (
        "import sys; sys.modules['jupyterlab'] = None\n"
        "from smallrtc_lab.cli import main\nsys.exit(main(['demo']))"
    )
    family = ProcessFamily(tmp_path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=family.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert 'pip install "smallrtc-lab[demo]"' in done.stdout


def test_the_printed_address_opens_and_ctrl_c_ends_it(demo: Demo) -> None:
    """The printed address is JupyterLab's and carries the token; one Ctrl-C ends everything without a question."""
    page = httpx.get(demo.url, follow_redirects=True, trust_env=False)
    assert page.status_code == 200
    assert "jupyter-config-data" in page.text
    assert httpx.get(demo.url.split("?")[0], trust_env=False).status_code in (302, 403)
    code, took_s, left = demo.stop()
    print(f"demo stopped in {took_s:.1f} s")
    assert (code, left) == (0, [])
    assert took_s < 30
    assert "Traceback" not in "".join(demo.lines)


def test_who_reads_no_longer_is_no_error(demo: Demo) -> None:
    """When nobody reads what it prints any more, the demo ends as quietly as ever."""
    assert demo.process.stdout is not None
    demo.process.stdout.close()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0
    assert demo.family.end() == []


def test_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    """When the wished port is taken, the demo takes another one and prints that."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = Demo(tmp_path, "--no-browser", "--ip", "127.0.0.1", "--port", str(port))
        try:
            assert f":{port}/" not in demo.url
            assert httpx.get(demo.url, follow_redirects=True, trust_env=False).status_code == 200
        finally:
            code, _, left = demo.stop()
    assert (code, left) == (0, [])
