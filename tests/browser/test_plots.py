"""Live plots in JupyterLab: what is seen is what was heard, while cells compute, and only while somebody looks."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import numpy as np
from playwright.async_api import Locator, expect
from support.kernel import Kernel
from support.notebookpage import NotebookPage, saved_text, video_image

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

TONE_HZ = 1500
CELLS = [
    "import time\nfrom ipywidgets import HBox\nfrom smallrtc_lab import Lab\nlab = Lab()\nlab",
    "tone = lab.plot.spectrogram(seconds=1, fmax_hz=4000, width=400)\n"
    "wave = lab.plot.waveform(width=300)\nHBox([tone, wave])",
    f"lab.simulate(video=None, audio='tone', hz={TONE_HZ})\nlab.wait_live()",
    "before, end = [tone.stats, wave.stats], time.monotonic() + 4\n"
    "while time.monotonic() < end:\n    sum(i * i for i in range(100_000))\n"
    "after = [tone.stats, wave.stats]",
    "lab.plot.custom(lambda ax, clip: ax.plot(clip.mono[:100]), seconds=0.1, width=300)",
]


def plot(notebook: NotebookPage, name: str) -> Locator:
    return notebook.page.get_by_label(f"{name}, live plot")


async def shown(kernel: Kernel, name: str) -> int:
    return int(await kernel.value(f"{name}.stats['views'][0]['shown']"))


async def goes_on(kernel: Kernel, name: str) -> None:
    """Wait until more pictures were seen."""
    seen = await shown(kernel, name)
    await kernel.wait_value(f"{name}.stats['views'][0]['shown']", lambda now: now > seen + 3)


async def brightest_row(canvas: Locator) -> tuple[float, float]:
    """Where a tone's line is: x and y as fractions of the picture. Axes and colour bar are left out."""
    image = (await video_image(canvas)).astype(float).sum(axis=2)
    height, width = image.shape
    inside = image[int(0.08 * height) : int(0.80 * height), int(0.5 * width) : int(0.7 * width)]
    return 0.6, 0.08 + (int(np.argmax(inside.mean(axis=1))) + 0.5) / height


async def read_at(view: Locator, x: float, y: float) -> str:
    """The value under the mouse at a fraction of the picture."""
    canvas = view.locator("canvas")
    box = await canvas.bounding_box()
    assert box is not None
    await canvas.hover(position={"x": x * box["width"], "y": y * box["height"]}, force=True)
    reading = view.locator(".srl-plot-reading")
    await expect(reading).to_have_text(re.compile(r"Hz"))
    return await reading.inner_text()


def numbers(text: str) -> list[float]:
    """Seconds, Hz and dB of a reading."""
    return [float(one.replace("−", "-").replace(" ", "")) for one in re.findall(r"[−-]?[\d.]+", text)]


async def value_of(kernel: Kernel, hz: float, time_s: float) -> float:
    """What the plotted array holds there."""
    await kernel.execute("held = tone.data()")
    row = f"abs(held['frequencies_hz'] - {hz}).argmin()"
    column = f"abs(held['times_s'] - {time_s}).argmin()"
    return float(await kernel.value(f"float(held['level_db'][{row}, {column}])"))


async def test_plots(open_notebook: OpenNotebook) -> None:
    """A tone's line is at its height by pixels and by the value under the mouse; plots go on while a cell computes.

    They stop while nobody looks, freeze together, are not saved, and are replaced by their cell.
    """
    notebook = await open_notebook(CELLS)
    kernel = await notebook.kernel()
    for index in (0, 1):
        assert (await notebook.run(index)).error is None
    spectrogram, waveform = plot(notebook, "Spectrogram"), plot(notebook, "Waveform")
    await expect(spectrogram.locator(".srl-plot-sentence")).to_have_text("Waiting for the lab: click Start.")
    assert (await notebook.run(2)).error is None
    await expect(spectrogram).to_have_attribute("data-state", "live")
    for name in ("tone", "wave"):
        await goes_on(kernel, name)

    await kernel.wait_value("float(lab.audio.last(2).duration_s)", lambda seconds: seconds > 1.5)
    await goes_on(kernel, "tone")
    x, y = await brightest_row(spectrogram.locator("canvas"))
    _, hz, level_db = numbers(await read_at(spectrogram, x, y))
    print(f"the brightest row is {hz} Hz, {level_db} dB")
    assert abs(hz - TONE_HZ) < 1.1 * 48_000 / 1024, "but for one row: two are as bright"
    assert level_db > -40

    await spectrogram.get_by_role("button", name="Freeze all plots").click()
    await expect(waveform).to_have_attribute("data-state", "frozen")
    await expect(spectrogram).to_have_attribute("data-state", "frozen")
    await kernel.wait_value("tone.frozen and wave.frozen")
    text = await settled(spectrogram, x, y)
    time_s, hz, level_db = numbers(text)
    assert abs(await value_of(kernel, hz, time_s) - level_db) <= 0.5, text
    ends = await kernel.value("[float(plot.data()['times_s'][-1]) for plot in (tone, wave)]")
    assert abs(ends[0] - ends[1]) < 1024 / 48_000, "both show one moment"
    await spectrogram.get_by_role("button", name="Resume all plots").click()
    await expect(waveform).to_have_attribute("data-state", "live")
    await goes_on(kernel, "wave")

    assert (await notebook.run(3)).error is None
    before, after = await kernel.value("before"), await kernel.value("after")
    for name, then, now in zip(("spectrogram", "waveform"), before, after, strict=True):
        count = now["views"][0]["shown"] - then["views"][0]["shown"]
        print(f"{name}: {count / 4:.1f} pictures/s while the cell computes, {now['views'][0]['delay_ms']} ms")
        assert count > 4

    await spectrogram.evaluate("root => { root.closest('.jp-Cell').style.display = 'none' }")
    await kernel.wait_value("not any(one.stats['views'][0]['visible'] for one in (tone, wave))")
    counts = [await shown(kernel, name) for name in ("tone", "wave")]
    await kernel.execute("time.sleep(0.5)")
    hidden = [await shown(kernel, name) for name in ("tone", "wave")]
    assert [now - then for now, then in zip(hidden, counts, strict=True)] <= [1, 1], (
        "one was under way at most"
    )
    await spectrogram.evaluate("root => { root.closest('.jp-Cell').style.display = '' }")
    await goes_on(kernel, "tone")

    await kernel.execute("former, tone.title = tone, 'A tone'")
    await expect(plot(notebook, "A tone")).to_be_visible()
    assert (await notebook.run(1)).error is None
    assert await kernel.value("[repr(former), repr(tone)]") == [
        "<SpectrogramPlot spectrogram, closed>",
        "<SpectrogramPlot spectrogram, live>",
    ]
    await expect(plot(notebook, "Spectrogram")).to_have_count(1)

    assert (await notebook.run(4)).error is None
    await expect(plot(notebook, "Plot")).to_have_attribute("data-shown", "")
    saved = saved_text(await notebook.save())
    assert "image/" not in saved
    assert "Live plot: run this notebook" in saved
    await kernel.execute("lab.close()")
    await expect(notebook.page.locator(".smallrtc-plot")).to_have_count(0)
    assert notebook.page_errors == []


async def settled(view: Locator, x: float, y: float) -> str:
    """The value under the mouse when it no longer changes, as in a frozen plot."""
    text, again = "", await read_at(view, x, y)
    while text != again:
        text = again
        await view.page.wait_for_timeout(300)
        again = await view.locator(".srl-plot-reading").inner_text()
    return text
