"""Every state that a person can find the widget in, and how to get there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psutil
from tabs import WIDGET, Notebook

__all__ = ["BROKEN", "LAB", "STATES", "State", "effect"]

LAB = "from smallrtc_lab import Lab\n\nlab = Lab()\nlab"
SCREEN = "from smallrtc_lab import Lab\n\nlab = Lab(screen=True)\nlab"
EDGES = """
@lab.on_video(controls=dict(threshold=(0, 60), mode=["edges", "camera"], mirror=False))
def edges(frame, threshold, mode, mirror):
    gray = frame.gray.astype(int)
    seen = abs(gray[2:, 1:-1] - gray[:-2, 1:-1]) + abs(gray[1:-1, 2:] - gray[1:-1, :-2]) > threshold
    picture = seen if mode == "edges" else frame.image
    return picture[:, ::-1] if mirror else picture

@lab.on_audio(controls=dict(gain=(0, 1, 0.05)))
def louder(chunk, gain):
    return chunk.samples * gain
""".strip()
PRINTS = """
@lab.watch_video(max_rate_hz=2)
def brightness(frame):
    lab.values["brightness"] = round(float(frame.gray.mean()), 1)
    lab.values["sequence"] = frame.sequence
    print(f"{frame.time_s:6.2f} s  mean {frame.gray.mean():5.1f}  of {frame.image.shape}")
""".strip()
BROKEN = "@lab.on_video\ndef edges(frame):\n    return frame.image / 255"
SLOW = "import time\n\n@lab.on_video\ndef slow(frame):\n    time.sleep(0.9)\n    return frame.image"
SIMULATED = "from smallrtc_lab import Lab\n\nlab = Lab()\nlab.simulate(video='bars', audio='tone')\nlab"
FALLBACK = "from smallrtc_lab import Lab\n\nlab = Lab(fallback='test-signal')\nlab"
ASKS = "lab.start()"
NEVER = "new Promise(() => {})"
ASKING = f"void (navigator.mediaDevices.getUserMedia = () => {NEVER})"
NO_OFFERS = f"""void (before => {{
  window.fetch = (...given) => String(given[0]?.url ?? given[0]).includes('api/offer') ? {NEVER} : before(...given)
}})(window.fetch)"""
OPEN_DETAILS = f"{WIDGET}.querySelectorAll('details').forEach(one => (one.open = true))"


@dataclass(frozen=True)
class State:
    """`accept`: permission is given; `network`: the page is opened under the machine's own address, over http."""

    reach: Callable[[Notebook], Awaitable[None]]
    cells: list[str] = field(default_factory=lambda: [LAB])
    accept: bool = True
    network: bool = False


async def idle(notebook: Notebook) -> None:
    await notebook.show()


async def live(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.start()
    await asyncio.sleep(2.5)


async def asked_for(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.run(1)


async def asking(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.tab.evaluate(ASKING)
    await notebook.press("Start")
    await notebook.wait_state("asking")


async def connecting(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.tab.evaluate(NO_OFFERS)
    await notebook.press("Start")
    await notebook.wait_state("connecting")


async def reconnecting(notebook: Notebook) -> None:
    await live(notebook)
    kernel = await notebook.kernel()
    (engine,) = [
        one for one in psutil.Process(kernel.pid).children() if "smallrtc_lab.engine" in one.cmdline()
    ]
    engine.suspend()  # it ends with its kernel
    await notebook.wait_state("reconnecting")


async def effect(notebook: Notebook) -> None:
    await live(notebook)
    await notebook.run(1)
    await asyncio.sleep(3)


async def listening(notebook: Notebook) -> None:
    await effect(notebook)
    await notebook.press("Listen to the sound Python returns")
    await asyncio.sleep(0.5)


async def log(notebook: Notebook) -> None:
    await effect(notebook)
    await notebook.tab.evaluate(OPEN_DETAILS)


async def switched_off(notebook: Notebook) -> None:
    await live(notebook)
    await notebook.press("Mute microphone")
    await notebook.press("Switch camera off")
    await asyncio.sleep(1)


async def screen(notebook: Notebook) -> None:
    await live(notebook)
    await notebook.run(1)
    await notebook.press("Share a screen")
    await asyncio.sleep(3)


async def devices(notebook: Notebook) -> None:
    await live(notebook)
    await notebook.press("Devices")
    await asyncio.sleep(0.5)


async def other_tab(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.tab.evaluate(
        "jupyterapp.shell.currentWidget.context.save().then(() => null)"
    )  # for the other tab
    other = await notebook.second_tab()
    await other.wait(f"{WIDGET}?.dataset.link === 'open'")
    await other.start()
    await notebook.wait(f"{WIDGET}.textContent.includes('another tab')")
    await notebook.tab.to_front()


async def refused(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.press("Start")
    await notebook.wait(f"{WIDGET}?.dataset.state !== 'asking'")
    await asyncio.sleep(1)


async def no_kernel(notebook: Notebook) -> None:
    await live(notebook)
    await (await notebook.kernel()).restart()
    await asyncio.sleep(4)


async def busy(notebook: Notebook) -> None:
    await notebook.show()
    await notebook.tab.evaluate("jupyterapp.shell.currentWidget.context.save().then(() => null)")
    await notebook.submit(1)
    await asyncio.sleep(1)
    await notebook.tab.reload()
    await notebook.wait("!!document.querySelector('.smallrtc-waiting')", 60)


STATES: dict[str, State] = {
    "idle": State(idle),
    "asked for by Python": State(asked_for, [LAB, ASKS]),
    "asking": State(asking),
    "connecting": State(connecting),
    "live": State(live),
    "controls": State(listening, [LAB, EDGES]),
    "values and log": State(log, [LAB, PRINTS]),
    "muted, camera off": State(switched_off),
    "screen": State(screen, [SCREEN, EDGES]),
    "devices": State(devices),
    "reconnecting": State(reconnecting),
    "error in Python": State(log, [LAB, BROKEN]),
    "slow function": State(effect, [LAB, SLOW]),
    "simulated": State(idle, [SIMULATED]),
    "test signal": State(refused, [FALLBACK], accept=False),
    "refused": State(refused, accept=False),
    "insecure origin": State(refused, network=True),
    "other tab": State(other_tab),
    "kernel restarted": State(no_kernel),
    "busy after a reload": State(busy, [LAB, "import time; time.sleep(60)"]),
}
