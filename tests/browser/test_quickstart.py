"""The notebooks a person runs: with a camera, with nobody there, and with no network at all."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import nbformat
import pytest
import pytest_asyncio
from support.jupyter import JupyterServer
from support.labview import LabView
from support.notebookpage import NotebookPage
from support.processes import ProcessFamily

from smallrtc_lab.cli.notebooks import notebooks_source

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

NAME = "00-quickstart.ipynb"
OTHERS = (
    "01-transport.ipynb",
    "02-voice-agent.ipynb",
    "03-audio-lab.ipynb",
    "04-video-lab.ipynb",
    "05-record-and-replay.ipynb",
    "06-connections.ipynb",
)
AT_A_TIME = 4  # so many are executed side by side
EXECUTE = "from nbclient.cli import main; main()"  # what `jupyter execute` runs
LOOPBACK_ALONE = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
RUN_ALL = "jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.ranAll = true })"


Executed = tuple[float, list[nbformat.NotebookNode]]
Unattended = dict[str, asyncio.Task[Executed]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unattended(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Unattended]:
    """The unattended runs, begun: they wait for a click for twenty seconds, which the other test uses."""
    place = tmp_path_factory.mktemp("unattended")
    turns = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(run: Awaitable[Executed]) -> Executed:
        async with turns:
            return await run

    begun = {name: in_turn(execute(name, place / name)) for name in (NAME, *OTHERS)}
    begun["loopback"] = in_turn(execute(NAME, place / "loopback", *LOOPBACK_ALONE))
    runs = {name: asyncio.create_task(run) for name, run in begun.items()}
    yield runs
    await asyncio.gather(*runs.values(), return_exceptions=True)


@pytest.mark.usefixtures("unattended")
async def test_start_and_run_all_is_green(open_notebook: OpenNotebook, jupyter: JupyterServer) -> None:
    """The notebook in JupyterLab: Run All and one click; no cell fails and the mosaic is seen."""
    shutil.copy(notebooks_source() / NAME, jupyter.root / NAME)
    notebook = await open_notebook(NAME)
    begun = time.monotonic()
    await notebook.evaluate_quietly(f"void {RUN_ALL}")
    view = LabView(notebook, 1)
    await view.start()
    await notebook.wait_true("window.ranAll === true", 180)
    print(f"Run All took {time.monotonic() - begun:.1f} s")
    cells = nbformat.reads(nbformat.writes(nbformat.from_dict(await notebook.save())), 4).cells
    for index, cell in enumerate(cells):
        if cell.cell_type == "code":
            assert (await notebook.output(index)).error is None, cell.source
    await view.returned.wait_for(state="visible")
    assert "mosaic" in await view.root.locator("figcaption").last.inner_text()
    assert await view.problems() == []


@pytest.mark.parametrize("name", [NAME, "loopback", *OTHERS])
async def test_unattended_it_is_green(unattended: Unattended, name: str) -> None:
    """By nbclient, with nobody to click and no server, also without any network: the simulated browser, all green."""
    took_s, cells = await unattended[name]
    print(f"unattended: {took_s:.1f} s")
    ran = [cell for cell in cells if cell.cell_type == "code" and not cell.source.startswith("#")]
    assert all(cell.execution_count for cell in ran)
    assert "'live', 'direct'" in str(cells)


async def test_unattended_the_agent_speaks_in_turn(unattended: Unattended) -> None:
    """The simulated browser's sentences are heard, answered, and the answers come back to it as sound."""
    _, cells = await unattended["02-voice-agent.ipynb"]
    said = {cell.id: "".join(output.get("text", "") for output in cell.get("outputs", ())) for cell in cells}
    print(said["table"], said["figures"])
    turns = re.findall(r" (you|agent) ", said["table"])
    assert "agent" in turns[1:]  # after somebody spoke
    heard = re.search(r"browser heard ([\d.]+) s", said["figures"])
    assert heard is not None
    assert float(heard[1]) > 0.2


async def test_unattended_what_is_kept_is_exact(unattended: Unattended) -> None:
    """A replay gives the same twice, a tone its level, a take survives its file, a recording is not encoded anew."""
    _, cells = await unattended["05-record-and-replay.ipynb"]
    shown = {cell.id: str(cell.get("outputs")) for cell in cells}
    assert "(True, True)" in shown["again"]
    assert "0.3536 was measured" in shown["arrays"]
    assert ", True)" in shown["save"]
    assert "video vp8" in shown["look-inside"]
    assert "audio opus" in shown["look-inside"]


async def test_unattended_plots_and_arrays_agree(unattended: Unattended) -> None:
    """The level in the spectrogram and the one computed by hand are the same number of decibels."""
    _, cells = await unattended["03-audio-lab.ipynb"]
    (shown,) = (str(cell.outputs) for cell in cells if cell.id == "same")
    by_hand, plotted = (float(number) for number in re.findall(r"(-[\d.]+) dB", shown))
    assert abs(by_hand - plotted) < 1.0, "while clocks are compared times move by a few milliseconds"


@pytest.mark.parametrize("name", [NAME, *OTHERS])
def test_the_notebooks_hold_no_outputs(name: str) -> None:
    """As they are given out: nothing was run, nothing of anybody is in them."""
    for cell in nbformat.read(notebooks_source() / name, 4).cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


async def execute(name: str, place: Path, *before: str) -> Executed:
    """Execute a notebook in a process of its own, started by `before`; seconds and the cells with their outputs."""
    family = ProcessFamily(place / "home")
    family.home.mkdir(parents=True)
    notebook = place / name
    shutil.copy(notebooks_source() / name, notebook)
    command = [*before, sys.executable, "-P", "-c", EXECUTE, "--timeout=200", "--inplace", str(notebook)]
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        env=family.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(250):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
    finally:
        left = family.end()
    assert left == []
    return time.monotonic() - begun, nbformat.read(notebook, 4).cells


async def test_unattended_the_way_is_told(unattended: Unattended) -> None:
    """The notebook about ways says which one it is, measures both ends, and its report holds no address."""
    _, cells = await unattended["06-connections.ipynb"]
    shown = {cell.id: str(cell.get("outputs")) for cell in cells}
    assert "A simulated browser is live" in shown["why"]
    assert "seen in the browser" in shown["delays"]
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", shown["report"])
