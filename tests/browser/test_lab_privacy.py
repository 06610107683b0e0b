"""What is seen in a cell is not saved with it, and nothing that gives access is written anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

import numpy as np
from support.jupyter import JupyterServer
from support.knownmedia import picture_error
from support.labview import LabView
from support.notebookpage import NotebookPage, saved_text, video_image

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
SECRETS = {
    "picture or sound data": r"data:(image|audio)|\"(image|audio)/|/9j/4AAQ|iVBORw0KGgo",
    "session description": r"a=(candidate|ice-ufrag|ice-pwd|fingerprint|setup)|v=0\\\\r\\\\n",
    "ICE candidate": r"candidate:\S+ \d udp",
}
IMAGE_READY = "document.querySelector('.jp-OutputArea img')?.naturalWidth === 640"
CANVAS = """image => {
  const canvas = document.createElement('canvas')
  canvas.id = 'shown'
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  canvas.getContext('2d').drawImage(image, 0, 0)
  document.body.append(canvas)
}"""
SAVE_WIDGETS = (
    "jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState').then(() => null)"
)


async def test_a_shown_picture_is_seen_and_not_saved(
    open_notebook: OpenNotebook, jupyter: JupyterServer
) -> None:
    """A frame and a clip in cells are seen and played; neither the file nor the log holds them, or a secret.

    Opened again without that kernel, the place of the picture says that it was not saved, and the widget
    that it was.
    """
    before = len(jupyter.log())
    notebook = await open_notebook([LAB, "lab.video.latest()", "lab.audio.last(0.5)"])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    await notebook.run(1)
    await notebook.run(2)
    await notebook.wait_true(IMAGE_READY)
    image = notebook.cell(1).locator(".jp-OutputArea img")
    await image.evaluate(CANVAS)
    error = picture_error(np.asarray(await video_image(notebook.page.locator("#shown"))))
    print(f"the shown frame: mean error {error:.2f} of 255")
    assert error < 4
    player = notebook.cell(2).locator(".jp-OutputArea audio")
    await player.evaluate("audio => audio.play()")
    assert await player.evaluate("audio => audio.duration") > 0.4

    await notebook.evaluate_quietly(SAVE_WIDGETS)
    saved = saved_text(await notebook.save())
    session = await kernel.value("lab._session")
    assert f"/smallrtc/sessions/{session}/pictures/" in saved
    await kernel.execute("from smallrtc_lab.lab.cell import link_arguments")
    proof = await kernel.value("link_arguments()['proof']")
    log = jupyter.log()[before:]
    assert f"/smallrtc/sessions/{session}/pictures/" in log  # it is the log at DEBUG
    for place, text in {"saved notebook": saved, "server's log": log}.items():
        assert jupyter.token not in text, place
        assert proof not in text, place
        for what, pattern in SECRETS.items():
            assert not (found := re.search(pattern, text)), (
                f"{what} in the {place}: {found and found.group()!r}"
            )
    traits = json.dumps(await kernel.value("{key: str(value) for key, value in lab.get_state().items()}"))
    assert jupyter.token not in traits
    assert proof not in traits

    await notebook.restart_kernel()
    await notebook.reload()
    image = notebook.cell(1).locator(".jp-OutputArea img")
    await image.wait_for(state="attached")
    assert "not saved with the notebook" in (await image.get_attribute("alt") or "")
    await notebook.wait_true("document.querySelector('.jp-OutputArea img').complete")
    assert await image.evaluate("image => image.naturalWidth") == 0
    view = LabView(notebook, 0)
    assert (await view.status()).startswith("This view was saved with the notebook")
    assert await view.button("Start").is_disabled()
