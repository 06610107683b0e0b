"""Plots of a session with a simulated browser: what their pages are sent, and what the kernel reads."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from support.kernelend import KernelEnd
from support.waiting import until

from smallrtc_lab.engine.plotting.custom import CustomPlot
from smallrtc_lab.engine.session import Session
from smallrtc_lab.errors import EngineError, NotLiveError

HELLO = {"type": "hello", "version": 1, "page": "p", "theme": "light", "visible": True}
PATIENCE_S = 60.0


class Pages:
    """All pages of the session's plots: what each view was sent, by key."""

    def __init__(self, session: Session) -> None:
        self.plotting = session.plotting
        self.got: dict[str, asyncio.Queue[tuple[dict[str, Any], bytes]]] = {}
        self.plotting.send = lambda plot, page, message, picture: self.got[page].put_nowait(
            (message, picture)
        )

    def open(self, plot: str, key: str, width: int = 400, height: int = 200, **more: Any) -> None:
        """A view opens its socket and says hello."""
        self.got[key] = asyncio.Queue()
        self.plotting.opened(plot, key)
        self.plotting.received(key, {**HELLO, "width": width, "height": height, "ratio": 1, **more})

    async def expect(self, key: str, kind: str) -> tuple[dict[str, Any], bytes]:
        """The next message of that type; pictures before it are acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message, picture = await self.got[key].get()
                if message["type"] == kind:
                    return message, picture
                if message["type"] == "picture":
                    self.acknowledge(key, message)

    def acknowledge(self, key: str, message: dict[str, Any]) -> None:
        self.plotting.received(key, {"type": "ack", "n": message["n"]})

    async def shown(self, key: str) -> Image.Image:
        """The next picture, acknowledged."""
        message, picture = await self.expect(key, "picture")
        self.acknowledge(key, message)
        return Image.open(io.BytesIO(picture))


@pytest_asyncio.fixture
async def session(kernel: KernelEnd, executor: ThreadPoolExecutor) -> AsyncIterator[Session]:
    """Not live yet."""
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    yield session
    await session.close()


@pytest.fixture
def pages(session: Session) -> Pages:
    return Pages(session)


async def live(session: Session) -> None:
    await session.simulate(None, {"name": "tone", "hz": 1000})
    await until(lambda: session.audio.received > 20)


async def asked_of(kernel: KernelEnd) -> dict[str, Any]:
    """The next picture that the kernel is to draw."""
    while (event := (await kernel.next("event"))[0])["name"] != "plot_draw":
        pass
    return event


async def test_a_plot_waits_and_then_shows_what_comes(session: Session, pages: Pages) -> None:
    """Before Start a view has its axes and a sentence; then pictures come, in its own size, as long as it answers."""
    pages.plotting.create("w", "waveform", {"rate_hz": 60})
    pages.open("w", "k1", 300, 150, ratio=2)
    assert (await pages.expect("k1", "welcome"))[0]["kind"] == "waveform"
    assert "click Start" in (await pages.expect("k1", "state"))[0]["text"]
    assert (await pages.shown("k1")).size == (600, 300)
    await live(session)
    assert (await pages.expect("k1", "state"))[0]["state"] in ("waiting", "live")
    first = np.asarray(await pages.shown("k1"))
    async with asyncio.timeout(PATIENCE_S):
        while np.array_equal(first, np.asarray(await pages.shown("k1"))):
            pass


async def test_the_messages_are_those_of_the_contract(session: Session, pages: Pages) -> None:
    """What the engine sends has the fields of the golden messages, and what pages say there has its effect."""
    golden = json.loads((Path(__file__).parents[1] / "contract" / "plot_socket.json").read_text())
    fields = {message["type"]: set(message) for message in [*golden["engine"], golden["picture"]]}
    hello, size, theme, *others = golden["page"]
    await live(session)
    pages.plotting.create("w", "waveform", {})
    pages.got["k1"] = asyncio.Queue()
    pages.plotting.opened("w", "k1")
    pages.plotting.received("k1", hello)
    for kind in ("welcome", "state", "coming", "picture"):
        message, _ = await pages.expect("k1", kind)
        assert set(message) == fields[kind]
    assert (message["width"], message["height"]) == (960, 360)
    pages.acknowledge("k1", message)
    for message in (size, theme):
        pages.plotting.received("k1", message)
    assert (await pages.shown("k1")).size == (600, 360)
    pages.plotting.received("k1", {"type": "pointer", "x": 150, "y": 80})
    assert set((await pages.expect("k1", "reading"))[0]) == fields["reading"]
    for message in others:
        pages.plotting.received("k1", message)
    assert pages.plotting.find("w").frozen is None, "frozen, and let go again"
    assert pages.plotting.find("w").stats()["views"][0]["visible"] is False


async def test_two_views_of_one_plot_have_a_drawing_each(session: Session, pages: Pages) -> None:
    """Each view is drawn in its own size, and one that does not answer delays the other one not."""
    await live(session)
    pages.plotting.create("s", "spectrum", {})
    pages.open("s", "deaf", 300, 150)
    pages.open("s", "k2", 500, 250)
    message, _ = await pages.expect("deaf", "picture")
    assert (message["width"], message["height"]) == (300, 150)
    for _ in range(5):
        assert (await pages.shown("k2")).size == (500, 250)
    waiting = [pages.got["deaf"].get_nowait()[0]["type"] for _ in range(pages.got["deaf"].qsize())]
    assert "picture" not in waiting


async def test_frozen_together_shows_the_same_samples(session: Session, pages: Pages) -> None:
    """All plots hold one moment: what two of them show is equal, and stays so while sound goes on; both can go on."""
    await live(session)
    for name in ("a", "b"):
        pages.plotting.create(name, "waveform", {"seconds": 0.1})
        pages.open(name, name)
        await pages.shown(name)
    pages.plotting.received("a", {"type": "freeze", "all": True})
    for name in ("a", "b"):
        while (await pages.expect(name, "state"))[0]["state"] != "frozen":
            pass
    held = [await pages.plotting.find(name).arrays() for name in ("a", "b")]
    end = session.audio.ring.end
    await until(lambda: session.audio.ring.end > end + 9600)
    later = await pages.plotting.find("b").arrays()
    for name in held[0]:
        np.testing.assert_array_equal(held[0][name], held[1][name])
        np.testing.assert_array_equal(held[1][name], later[name])
    pages.plotting.received("b", {"type": "unfreeze", "all": True})
    async with asyncio.timeout(PATIENCE_S):
        while (await pages.plotting.find("b").arrays())["times_s"][0] < later["times_s"][-1]:
            await pages.shown("b")


async def test_an_option_and_a_mark_take_effect_at_once(session: Session, pages: Pages) -> None:
    """Also while nothing new comes, and what cannot be is refused and changes nothing."""
    pages.plotting.create("w", "waveform", {})
    pages.open("w", "k1")
    before = np.asarray(await pages.shown("k1"))
    plot = pages.plotting.find("w")
    plot.set({"title": "A title"})
    assert not np.array_equal(before, np.asarray(await pages.shown("k1")))
    with pytest.raises(TypeError, match="ylim"):
        plot.set({"ylims": (0, 1)})
    plot.mark([{"y": 0.5, "label": "half"}])
    with pytest.raises(TypeError):
        plot.mark([{"y_hz": 5}])
    await pages.shown("k1")
    welcomed = plot.greeting
    assert welcomed["title"] == "A title"


async def test_what_is_read_before_anything_came(session: Session, pages: Pages) -> None:
    """Arrays of a plot that nobody sees are those of now; before anything came there are none."""
    pages.plotting.create("w", "waveform", {"seconds": 0.01})
    with pytest.raises(NotLiveError):
        await pages.plotting.find("w").arrays()
    await live(session)
    assert len((await pages.plotting.find("w").arrays())["samples"]) == 480


async def test_a_view_of_no_plot_says_so_until_there_is_one(session: Session, pages: Pages) -> None:
    """A view that came too early, or too late, says that the plot is closed; a plot made then is shown in it."""
    pages.open("w", "k1")
    assert (await pages.expect("k1", "state"))[0]["state"] == "closed"
    pages.plotting.create("w", "waveform", {})
    await pages.shown("k1")
    pages.plotting.remove("w")
    while (await pages.expect("k1", "state"))[0]["state"] != "closed":
        pass
    with pytest.raises(EngineError, match="closed"):
        pages.plotting.find("w")


async def test_another_version_is_told_to_reload(session: Session, pages: Pages) -> None:
    """A page of another version gets no pictures and a sentence."""
    pages.plotting.create("w", "waveform", {})
    pages.got["k1"] = asyncio.Queue()
    pages.plotting.opened("w", "k1")
    pages.plotting.received("k1", {**HELLO, "version": 99})
    assert "Reload" in (await pages.expect("k1", "state"))[0]["text"]
    pages.plotting.received("k1", "nonsense")
    pages.plotting.received("nobody", {"type": "hello"})


async def test_nothing_is_left(session: Session, pages: Pages) -> None:
    """The drawing thread ends with the session, and no task of a view is left."""
    pages.plotting.create("w", "waveform", {})
    pages.open("w", "k1")
    await pages.shown("k1")
    assert any(thread.name.startswith("smallrtc-plots") for thread in threading.enumerate())
    await session.close()
    await until(lambda: not any(t.name.startswith("smallrtc-plots") for t in threading.enumerate()))
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("plot")]
    assert "k1" not in pages.plotting


async def test_a_plot_that_the_kernel_draws(session: Session, pages: Pages, kernel: KernelEnd) -> None:
    """The kernel is asked for a picture of a size, its pixels reach the page, its errors too, and axes give values."""
    await live(session)
    pages.plotting.create("c", "custom", {"seconds": 0.5})
    plot = pages.plotting.find("c")
    assert isinstance(plot, CustomPlot)
    header, sound = await plot.item()
    samples = np.frombuffer(sound, np.float32).reshape(-1, header["channels"])
    assert (header["kind"], header["sample_rate"]) == ("sound", 48_000)
    assert 0 < len(samples) <= 24_000
    pages.open("c", "k1", 200, 100)
    asked = await asked_of(kernel)
    assert (asked["width"], asked["height"]) == (200, 100)
    pixels = np.full((100, 200, 4), 200, np.uint8)
    axes = [{"box": [0, 0, 200, 100], "x": [0, 1, "linear"], "y": [1, 100, "log"]}]
    answer = {"slot": kernel.lend(pixels), "shape": [100, 200, 4], "axes": axes, "problem": ""}
    plot.drawn(asked["number"], answer)
    shown = await pages.shown("k1")
    assert abs(int(np.asarray(shown).mean()) - 200) < 3
    kernel.take_back((await kernel.next("free"))[0])
    pages.plotting.received("k1", {"type": "pointer", "x": 50, "y": 50})
    assert "x 0.25, y 10" in (await pages.expect("k1", "reading"))[0]["text"]
    asked = await asked_of(kernel)
    plot.drawn(asked["number"], {"slot": None, "shape": None, "axes": [], "problem": "KeyError: 'x'"})
    assert "KeyError" in (await pages.expect("k1", "problem"))[0]["text"]
    late = {"slot": kernel.lend(pixels), "shape": [100, 200, 4], "axes": [], "problem": ""}
    plot.drawn(999, late)  # nobody waits for it: the slot is the kernel's again
    kernel.take_back((await kernel.next("free"))[0])
