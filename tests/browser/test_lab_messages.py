"""Messages between the page and Python: once, in order, whenever they were sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = """
import threading, time
from smallrtc_lab import Lab
lab = Lab()
got = []

@lab.on_message
def take(message):
    got.append(message)

for number in range(20):
    lab.send_message({"number": number})

def go_on():
    for number in range(20, 60):
        lab.send_message({"number": number})
        time.sleep(0.1)

lab
"""
COUNT_ON = """root => {
  let number = 20
  const timer = setInterval(() => {
    root.lab.send({ number: number++ })
    if (number === 60) clearInterval(timer)
  }, 100)
}"""


async def test_messages_arrive_once_and_in_order_whenever_sent(open_notebook: OpenNotebook) -> None:
    """Sixty messages each way, twenty before Start and the rest while it connects and after it, arrive in order."""
    notebook = await open_notebook([LAB])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    await view.collect_messages()
    await view.send(*({"number": number} for number in range(20)))
    kernel = await notebook.kernel()
    await kernel.execute("threading.Thread(target=go_on).start()")
    await view.root.evaluate(COUNT_ON)
    await view.start()
    numbers = [{"number": number} for number in range(60)]
    await kernel.wait_value("len(got) >= 60")
    await notebook.wait_true("document.querySelector('.smallrtc-lab').got.length >= 60")
    await kernel.execute("lab.send_message(['one', None, 'ü\\n', 1.5])")
    await notebook.wait_true("document.querySelector('.smallrtc-lab').got.length >= 61")
    await view.send("zwölf", 12, None)
    await kernel.wait_value("len(got) >= 63")
    assert await view.messages() == [*numbers, ["one", None, "ü\n", 1.5]]
    assert await kernel.value("got") == [*numbers, "zwölf", 12, None]
    assert await view.problems() == []
