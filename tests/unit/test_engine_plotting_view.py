"""The law of a view's pictures: one at a time, only what is seen, only what is new, at its rate."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab.engine.plotting.artist import Look, Painted
from smallrtc_lab.engine.plotting.budget import ByteBudget
from smallrtc_lab.engine.plotting.page import Canvas
from smallrtc_lab.engine.plotting.view import PlotView
from smallrtc_lab.plots.drawing import Moment, Reading

CANVAS = Canvas(640, 320)
PATIENCE_S = 20.0


class Subject:
    """A plot of something that changes when the test says so."""

    rate_hz = 200.0

    def __init__(self) -> None:
        self.stamp: Any = 1
        self.frozen: list[tuple[bool, bool]] = []

    def look(self, canvas: Canvas) -> Look:
        return Look(canvas.width, canvas.height, canvas.ratio, canvas.theme, {})

    def material(self) -> Any:
        return None, Moment(0.0)

    def freeze(self, on: bool, everything: bool) -> None:
        self.frozen.append((on, everything))


class Artist:
    """Draws a picture of some bytes at once, or fails when there is an error to raise."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.qualities: list[int] = []

    async def paint(self, look: Look, material: Any, quality: int) -> Painted | None:
        self.qualities.append(quality)
        if self.error is not None:
            raise self.error
        return Painted(b"x" * 1000, look.width, look.height)

    async def value_at(self, x_px: float, y_px: float) -> Reading:
        return Reading(x_px, y_px, float("nan"), f"{x_px:g}, {y_px:g}")

    async def arrays(self) -> Any:
        return {}


class Page:
    """What a page was sent, and its answers."""

    def __init__(self, most_hz: float | None = None) -> None:
        self.subject, self.artist = Subject(), Artist()
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.view = PlotView(
            "k1", lambda message, picture: self.got.put_nowait(message | {"bytes": len(picture)}), most_hz
        )
        self.view.meet("page", ByteBudget(), CANVAS, True)
        self.view.follow(self.subject, self.artist, {"type": "welcome"})

    async def expect(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.got.get())["type"] != kind:
                pass
        return message

    async def nothing(self, seconds: float = 0.1) -> None:
        """No picture comes; what else comes does not matter."""
        await asyncio.sleep(seconds)
        while not self.got.empty():
            assert self.got.get_nowait()["type"] != "picture"

    def acknowledge(self, message: dict[str, Any], ms: Any = 1) -> None:
        self.view.received({"type": "ack", "n": message["n"], "ms": ms})

    def change(self) -> None:
        self.subject.stamp += 1
        self.view.came()


async def test_one_picture_at_a_time() -> None:
    """The next picture comes after the last one was acknowledged, however much changes meanwhile."""
    page = Page()
    first = await page.expect("picture")
    page.change()
    await page.nothing()
    page.acknowledge({"n": first["n"] + 1})
    await page.nothing()
    page.acknowledge(first)
    assert (await page.expect("picture"))["n"] > first["n"]
    await page.view.close()


async def test_nothing_new_is_not_drawn() -> None:
    """An acknowledged picture is not followed by the same one; what comes wakes the view."""
    page = Page()
    page.acknowledge(await page.expect("picture"))
    await page.nothing()
    assert len(page.artist.qualities) == 1
    page.change()
    await page.expect("picture")
    await page.view.close()


async def test_a_hidden_view_is_not_drawn() -> None:
    """While nobody sees it nothing is drawn; when it is seen again it shows at once what is new."""
    page = Page()
    page.acknowledge(await page.expect("picture"))
    page.view.received({"type": "visible", "visible": False})
    page.change()
    await page.nothing()
    page.view.received({"type": "visible", "visible": True})
    await page.expect("picture")
    await page.view.close()


async def test_a_new_size_is_drawn_anew() -> None:
    """A page that changes its size or its theme gets a picture for it although no sound came."""
    page = Page()
    page.acknowledge(await page.expect("picture"))
    page.view.received({"type": "size", "width": 300, "height": 200, "ratio": 2})
    picture = await page.expect("picture")
    assert (picture["width"], picture["css_height"]) == (300, 200)
    page.acknowledge(picture)
    page.view.received({"type": "theme", "theme": "dark"})
    await page.expect("picture")
    await page.view.close()


async def test_a_view_without_a_socket_is_drawn_more_rarely_and_says_so() -> None:
    """What comes by the notebook's comm comes at its rate at most, and the page is told how often and why."""
    page = Page(most_hz=4.0)
    page.acknowledge(await page.expect("picture"))
    began_s = asyncio.get_running_loop().time()
    for _ in range(2):
        page.change()
        page.acknowledge(await page.expect("picture"))
    assert asyncio.get_running_loop().time() - began_s > 0.3
    assert page.view._told["pace"]["text"] == "4/s: through the notebook"
    await page.view.close()


async def test_it_keeps_its_rate() -> None:
    """A page that acknowledges at once gets no more than rate_hz pictures a second."""
    page = Page()
    page.subject.rate_hz = 20.0
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(6):
        page.acknowledge(await page.expect("picture"))
        page.change()
    assert loop.time() - began_s > 0.9 * 5 / 20.0
    await page.view.close()


async def test_a_slow_page_gets_worse_and_fewer_pictures_and_is_told() -> None:
    """When the bytes of pictures take long, quality and rate go down, and the plot says that the connection is slow."""
    page = Page()
    loop = asyncio.get_running_loop()
    for _ in range(12):
        page.acknowledge(await page.expect("picture"), ms=80)
        page.change()
    assert page.artist.qualities[-1] < page.artist.qualities[0]
    told = await page.expect("pace") if "pace" not in page.view._told else page.view._told["pace"]
    assert "slow connection" in told["text"]
    began_s = loop.time()
    await page.expect("picture")
    print(f"{told['text']}; the next picture after {loop.time() - began_s:.3f} s")
    await page.view.close()


async def test_a_far_server_is_not_a_slow_one() -> None:
    """Acknowledgements that come late for pictures whose bytes came quickly limit nothing."""
    page = Page()
    for _ in range(12):
        picture = await page.expect("picture")
        await asyncio.sleep(0.06)
        page.acknowledge(picture, ms=2)
        page.change()
    assert set(page.artist.qualities) == {85}
    assert "pace" not in page.view._told
    await page.view.close()


async def test_what_cannot_be_drawn_is_said_and_tried_again() -> None:
    """An error in a drawing is shown in the plot; with the next good picture it is gone."""
    page = Page()
    page.acknowledge(await page.expect("picture"))
    page.artist.error = ValueError("no such colour map")
    page.change()
    assert "no such colour map" in (await page.expect("problem"))["text"]
    page.artist.error = None
    page.change()
    assert (await page.expect("problem"))["text"] == ""
    await page.view.close()


async def test_the_mouse_is_answered_also_when_nothing_is_drawn() -> None:
    """The value under the mouse comes in words and numbers, and what is no number as null; the newest place counts."""
    page = Page()
    page.acknowledge(await page.expect("picture"))
    for x in range(5):
        page.view.received({"type": "pointer", "x": x, "y": 7})
    reading = await page.expect("reading")
    while reading["text"] != "4, 7":
        reading = await page.expect("reading")
    assert reading["value"] is None
    await page.view.close()


async def test_nonsense_of_a_page_changes_nothing() -> None:
    """Sizes, points and numbers that make no sense are taken for nothing."""
    page = Page()
    picture = await page.expect("picture")
    for junk in (
        {"type": "ack", "n": "x"},
        {"type": "ack", "n": None, "ms": []},
        {"type": "size", "width": "wide", "height": None},
        {"type": "size", "width": float("nan")},
        {"type": "pointer", "x": []},
        {"type": "ask"},
        {"type": ["size"]},
    ):
        page.view.received(junk)
    assert page.view.canvas == CANVAS
    page.view.received({"type": "size", "width": 1e9, "height": 1e9, "ratio": 100})
    assert page.view.canvas is not None
    assert page.view.canvas.width * page.view.canvas.height * page.view.canvas.ratio**2 < 9e6
    page.view.received({"type": "freeze", "all": True})
    assert page.subject.frozen == [(True, True)]
    page.acknowledge(picture)
    await page.view.close()
