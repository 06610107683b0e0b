"""The widget by keyboard, by screen reader, and on a narrow page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab(screen=True)\nlab"
EFFECT = """
@lab.on_video(controls=dict(strength=(1, 50), mode=["blur", "edges"], mirrored=False))
def a_function_with_quite_a_long_name(frame, strength, mode, mirrored):
    return 255 - frame.image

@lab.on_audio
def half(chunk):
    return chunk.samples * 0.5

@lab.watch_video
def fails(frame):
    raise RuntimeError("a_rather_long_word_without_any_space_in_it_" * 4)

lab.values["brightness"] = 118.3
lab.values["a_long_name_for_a_value"] = "and a text that is long enough to need more than one line on a phone"
lab
"""
FOCUSED = (
    "document.activeElement?.closest('.smallrtc-lab') ? document.activeElement.dataset.action ?? '' : null"
)
OVERFLOWING = """root => {
  const right = root.getBoundingClientRect().right + 1
  const wide = [...root.querySelectorAll('*')].filter(one => {
    if (one.closest('.srl-spoken, pre, svg') || !one.checkVisibility()) return false
    return one.getBoundingClientRect().right > right
  })
  if (root.scrollWidth > root.clientWidth) wide.push(root)
  return wide.map(one => `${one.tagName}.${one.className}`)
}"""
CONTROL = re.compile(r'- (button|combobox|slider|checkbox|region)\b(?! ")', re.MULTILINE)


async def test_everything_is_reached_by_keyboard_and_has_a_name(open_notebook: OpenNotebook) -> None:
    """Tab comes to Start and Enter starts; each control has a name; a screen reader is told where it stands."""
    notebook = await open_notebook([LAB, EFFECT])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    keyboard = notebook.page.keyboard
    await notebook.page.locator(".jp-Notebook").first.focus()
    await tab_to(notebook, "start")
    assert await view.spoken() == "Ready: Start opens your camera and microphone"
    await keyboard.press("Enter")
    await view.wait_state("live")
    assert await view.spoken() == "Live"
    assert await notebook.evaluate_quietly(FOCUSED) == "stop"
    await notebook.run(1)
    await view.press("Devices")
    await view.root.get_by_role("slider", name="strength").wait_for()
    await view.button("Listen to the sound Python returns").wait_for()
    tree = await view.root.aria_snapshot()
    nameless = CONTROL.findall(tree)
    assert not nameless, tree
    for wanted in (
        "Mute microphone",
        "Switch camera off",
        "Share a screen",
        "Devices",
        "Camera",
        "strength",
        "mode",
    ):
        assert f'"{wanted}"' in tree, tree
    for video in await view.root.locator("video").all():
        assert await video.get_attribute("aria-label")
    await keyboard.press("Escape")
    assert not await view.root.get_by_role("combobox", name="Camera").is_visible()
    assert await notebook.evaluate_quietly(FOCUSED) == "settings"
    await view.button("Stop").focus()
    await keyboard.press("Space")
    await view.wait_state("idle")
    assert (await view.spoken()).startswith("Ready")


async def tab_to(notebook: NotebookPage, action: str) -> None:
    for _ in range(40):
        await notebook.page.keyboard.press("Tab")
        if await notebook.evaluate_quietly(FOCUSED) == action:
            return
    raise AssertionError(f"40 presses of Tab did not come to {action}")


async def test_nothing_overflows_at_400_pixels(open_notebook: OpenNotebook) -> None:
    """A page 400 pixels wide: idle, live, with sliders, values, pickers and an error, nothing is cut off."""
    notebook = await open_notebook([LAB, EFFECT], viewport={"width": 400, "height": 900})
    await notebook.evaluate_quietly("void jupyterapp.shell.collapseLeft()")
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert await view.root.evaluate(OVERFLOWING) == []
    await view.start()
    await view.root.evaluate("root => root.scrollIntoView()")
    await notebook.wait_true("document.querySelector('.srl-status-text').textContent.includes('×')")
    assert await view.root.evaluate(OVERFLOWING) == []
    status = await view.root.locator(".srl-status-text").bounding_box()
    assert status is not None
    assert status["height"] < 30, "the live line wraps"
    await notebook.run(1)
    await view.press("Devices")
    await view.wait_problem("fails: RuntimeError")
    await view.returned.wait_for(state="visible")
    width = (await view.root.bounding_box() or {"width": 0})["width"]
    print(f"the widget is {width:.0f} pixels wide")
    assert 200 < width < 400
    assert await view.root.evaluate(OVERFLOWING) == []
