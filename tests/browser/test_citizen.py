"""A Lab is a widget among widgets: in boxes, tabs and outputs, linked, observed, shown twice, in any theme."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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
    assert 20 < await kernel.wait_value("fps.value", lambda rate: rate > 20) < 40
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
    states = [await one.get_attribute("data-state") for one in await views.all()]
    print(f"views: {states}")
    assert states == ["live"] * 5
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
    await notebook.wait_true("smallrtcSeen.tracks.every(track => track.readyState !== 'live')", 30)
    await kernel.wait_value("lab.state == 'idle' and other.state == 'idle'")


LOOKS = """root => {
  const { backgroundColor, color } = getComputedStyle(root.querySelector('.srl-card'))
  const brightness = text => (text.match(/[\\d.]+/g) ?? []).slice(0, 3).reduce((sum, x) => sum + Number(x), 0)
  return [backgroundColor, color].map(brightness)
}"""


async def use_theme(notebook: NotebookPage, theme: str) -> None:
    """Switch JupyterLab's theme, as its menu does; it is kept for the next page."""
    change = f"jupyterapp.commands.execute('apputils:change-theme', {{ theme: '{theme}' }}).then(() => null)"
    await notebook.evaluate_quietly(change)
    light = "false" if "Dark" in theme else "true"
    await notebook.wait_true(f"document.body.dataset.jpThemeLight === '{light}'", 20)
    await notebook.page.wait_for_timeout(500)  # its stylesheet is applied a moment later


async def test_a_change_of_theme_is_followed_live(open_notebook: OpenNotebook) -> None:
    """Themes switched while live: the widget turns dark, its text light, and back; the pictures go on."""
    notebook = await open_notebook(["from smallrtc_lab import Lab\nlab = Lab()\nlab"])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
        await use_theme(notebook, theme)
        card, text = await view.root.evaluate(LOOKS)
        assert (card < text) is ("Dark" in theme)
        assert await view.state() == "live"
        await wait_video_frames(view.camera)
        await notebook.screenshot(f"citizen-{theme.lower().replace(' ', '-')}")
