"""A Lab is a widget among widgets: in boxes, tabs and outputs, linked, observed, shown twice, in any theme."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect
from support.labview import LabView, device_requests, live_tracks
from support.notebookpage import NotebookPage, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LINKED = """
import threading
import ipywidgets as widgets
from smallrtc_lab import Lab
lab = Lab()
state, route = widgets.Label(), widgets.Label()
fps, level = widgets.FloatProgress(min=0, max=60), widgets.FloatProgress(min=-100, max=0)
widgets.jslink((lab, "state"), (state, "value"))
widgets.jslink((lab, "fps"), (fps, "value"))
widgets.jslink((lab, "level_db"), (level, "value"))
widgets.dlink((lab, "route"), (route, "value"), lambda name: f"by {name}")
seen = []

def note(change):
    seen.append([change.name, change.old, change.new, threading.current_thread() is threading.main_thread()])

lab.observe(note, ["state", "route"])
widgets.HBox([lab, widgets.VBox([state, route, fps, level])])
"""


async def test_links_and_observers_follow_a_lab_in_a_box(open_notebook: OpenNotebook) -> None:
    """In an HBox: `jslink` carries state, rate and level in the page; `dlink`, `observe` run on the main thread."""
    notebook = await open_notebook([LINKED])
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    labels = notebook.cell(0).locator(".widget-label, .jupyter-widget-label")
    await view.start()
    await expect(labels.filter(has_text="live")).to_have_count(1)
    await expect(labels.filter(has_text="by direct")).to_have_count(1)
    kernel = await notebook.kernel()
    assert await kernel.wait_value("fps.value", lambda rate: rate > 3) < 40
    assert -25 < await kernel.wait_value("level.value", lambda level: level > -25) < -5
    assert await kernel.value("state.value") == "live"
    seen = await kernel.value("seen")
    print(f"observed: {seen}")
    states = [new for name, _, new, _ in seen if name == "state"]
    assert states[-1] == "live"
    assert set(states) <= {"asking", "connecting", "live"}
    assert all(main for *_, main in seen)
    await notebook.screenshot("citizen-box")
    await view.press("Stop")
    await expect(labels.filter(has_text="idle")).to_have_count(1)
    await expect(labels.filter(has_text="by None")).to_have_count(1)
    assert notebook.page_errors == []
    assert [line for line in notebook.console if line.startswith("error") and "smallrtc" in line] == []


PARTS = """
import ipywidgets as widgets
from IPython.display import display
from smallrtc_lab import Lab
lab = Lab()
other = Lab(audio=False)
tab = widgets.Tab([lab, other], titles=["one", "other"])
accordion = widgets.Accordion([lab], titles=["the same"])
display(tab, accordion)
"""
OUTPUT = """
output = widgets.Output()
display(output)
with output:
    display(lab)
"""
INTERACT = """
@widgets.interact(x=(0, 10))
def show(x):
    display(lab)
"""


@pytest.mark.soak
async def test_two_labs_and_many_views_capture_once_each(open_notebook: OpenNotebook) -> None:
    """A Lab in a Tab, an Accordion, an Output and an `interact` is one capture, which ends with its last view."""
    notebook = await open_notebook([PARTS, OUTPUT, INTERACT, "output.clear_output()"])
    for index in range(3):
        assert (await notebook.run(index)).error is None
    views = notebook.page.locator(".smallrtc-lab")
    kernel = await notebook.kernel()
    first = LabView(notebook, 0)
    await first.start()
    await kernel.wait_value("lab.state == 'live' and other.state == 'idle'")
    await notebook.cell(0).get_by_role("tab", name="other").click()
    second = LabView(notebook, 0, 1)
    await second.start()
    await kernel.wait_value("lab.state == 'live' and other.state == 'live'")
    assert await device_requests(notebook) == ["getUserMedia"] * 2
    assert await live_tracks(notebook) == 3
    await notebook.cell(0).get_by_text("the same", exact=True).click()
    await notebook.cell(0).get_by_role("tab", name="one").click()
    await expect(notebook.page.locator('.smallrtc-lab[data-state="live"]')).to_have_count(5)
    await wait_video_frames(LabView(notebook, 1).camera)
    await kernel.execute("show.widget.children[0].value = 7")
    await notebook.run(3)  # clears the Output
    await expect(views).to_have_count(4)
    await kernel.execute("accordion.close(); show.widget.close()")
    await expect(views).to_have_count(2)
    await notebook.page.wait_for_timeout(2500)  # a capture without views ends after 2 s
    assert await live_tracks(notebook) == 3
    pictures = "lab.stats()['video']['camera']['received']"
    received = await kernel.value(pictures)
    await kernel.wait_value(pictures, lambda now: now > received + 10, timeout_s=60)
    await kernel.execute("tab.close()")
    await notebook.wait_true("smallrtcSeen.tracks.every(track => track.readyState !== 'live')")
    await kernel.wait_value("lab.state == 'idle' and other.state == 'idle'")


# Of each text that is seen, its contrast (WCAG 2.2, 1.4.3) against all that lies behind it.
CONTRASTS = """root => {
  const rgba = text => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+(?:e-\\d+)?/g).map(Number)
    const scale = text.startsWith('color(') ? 255 : 1
    return [r * scale, g * scale, b * scale, a]
  }
  const over = ([r, g, b, a], under) => [r, g, b].map((x, i) => x * a + under[i] * (1 - a))
  const behind = element => {
    if (!element) return [255, 255, 255]
    const own = rgba(getComputedStyle(element).backgroundColor)
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement))
  }
  const luminance = colour => {
    const [r, g, b] = colour.map(x => x / 255).map(x => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const seen = [...root.querySelectorAll('*')].filter(one =>
    one.checkVisibility() && !one.matches(':disabled, option') && !one.closest('.srl-spoken') &&
    [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  return seen.map(one => {
    const back = behind(one)
    const ink = over(rgba(getComputedStyle(one).color), back)
    const [low, high] = [luminance(back), luminance(ink)].sort((x, y) => x - y)
    return [one.textContent.slice(0, 40), (high + 0.05) / (low + 0.05)]
  })
}"""
IS_DARK = """root => getComputedStyle(root.querySelector('.srl-card')).backgroundColor.match(/[\\d.]+/g)
  .slice(0, 3).every(part => part < 128)"""


async def use_theme(notebook: NotebookPage, theme: str) -> None:
    """Switch JupyterLab's theme, as its menu does; it is kept for the next page."""
    change = f"jupyterapp.commands.execute('apputils:change-theme', {{ theme: '{theme}' }}).then(() => null)"
    await notebook.evaluate_quietly(change)
    light = "false" if "Dark" in theme else "true"
    await notebook.wait_true(f"document.body.dataset.jpThemeLight === '{light}'")
    dark = f"({IS_DARK})(document.querySelector('.smallrtc-lab'))"
    await notebook.wait_true(f"{dark} === {'true' if 'Dark' in theme else 'false'}")
    await notebook.page.wait_for_timeout(500)  # the rest of its stylesheet is applied a moment later


TALKING = """
@lab.on_video(controls=dict(threshold=(0, 255), mode=["one", "two"], mirror=False))
def broken(frame, threshold, mode, mirror):
    lab.values["threshold"] = threshold
    print("a line for the log")
    return frame.image / 255
"""
MOVING = (
    "root => root.getAnimations({ subtree: true }).map(one => one.animationName ?? one.transitionProperty)"
)


# At a width that the cell leaves to the widget: the parts that stick out of its card to the right.
STICKING_OUT = """async (root, width) => {
  root.parentElement.style.width = `${width}px`
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  const { right } = root.querySelector('.srl-card').getBoundingClientRect()
  const all = [...root.querySelectorAll('.srl-card *')].filter(one => one.checkVisibility())
  const out = all.filter(one => one.getBoundingClientRect().right > right + 0.5).map(one => one.className)
  root.parentElement.style.width = ''
  return out
}"""


async def assert_readable(view: LabView, least: int) -> None:
    """So many texts are seen, and each has a contrast of 4.5 : 1."""
    contrasts = await view.root.evaluate(CONTRASTS)
    print(f"{len(contrasts)} texts, the least contrasts {sorted(round(c, 1) for _, c in contrasts)[:4]}")
    assert len(contrasts) > least
    assert [one for one in contrasts if one[1] < 4.5] == []


@pytest.mark.soak
async def test_every_theme_is_readable_and_the_keyboard_is_enough(open_notebook: OpenNotebook) -> None:
    """Keys alone start and stop it; in each theme all text has a contrast of 4.5, and nothing moves unasked."""
    notebook = await open_notebook(
        ["from smallrtc_lab import Lab\nlab = Lab()\nlab", TALKING], reduced_motion="reduce"
    )
    await notebook.run(0)
    view, press = LabView(notebook, 0), notebook.page.keyboard.press
    await view.wait_link("open")
    await (await notebook.kernel()).execute("lab.start()")  # asks for the click: the loudest the widget gets
    await expect(view.root.locator(".srl-primary[data-wanted]")).to_have_count(1)
    assert await view.root.evaluate(MOVING) == []
    await view.button("Start").focus()
    await press("Shift+Tab")
    await press("Tab")
    ring = "button => [getComputedStyle(button).outlineStyle, getComputedStyle(button).outlineWidth]"
    assert await view.button("Start").evaluate(ring) == ["solid", "2px"]
    await press("Enter")
    await view.wait_state("live", 30)
    await notebook.run(1)
    await view.wait_problem("multiply by 255")
    await view.root.locator("summary").first.focus()
    await press("Enter")
    await view.button("Devices").focus()
    await press("Space")
    await expect(view.root.get_by_role("combobox", name="Camera")).to_be_visible()
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
        await use_theme(notebook, theme)
        assert await view.root.evaluate(IS_DARK) is ("Dark" in theme)
        await assert_readable(view, 12)
        assert [await view.root.evaluate(STICKING_OUT, width) for width in (290, 420, 640, 980)] == [[]] * 4
        assert await view.state() == "live"
        await wait_video_frames(view.camera)
        await notebook.screenshot(f"citizen-{theme.lower().replace(' ', '-')}", view.root)
    await press("Escape")
    await expect(view.root.get_by_role("combobox", name="Camera")).to_be_hidden()
    names = await view.root.locator("button:visible, select:visible, input:visible").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label') || (one.labels?.[0] ?? one).textContent.trim())"
    )
    assert all(names), names
    await view.button("Stop").focus()
    await press("Space")
    await view.wait_state("idle")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        await use_theme(notebook, theme)
        await assert_readable(view, 6)
