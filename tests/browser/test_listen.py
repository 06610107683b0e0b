"""Nobody howls: what Python returns is silent until Listen, and never louder than half of full scale."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from support.labview import LabView, audible
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
BEEPS = """
import numpy as np
loud = 1.0

@lab.on_audio(block=960, sample_rate=48000)
def beeps(chunk):
    times_s = chunk.times_s
    tone = loud * np.sign(np.sin(2 * np.pi * 400 * times_s))
    return (tone * (times_s % 0.5 < 0.2)).astype(np.float32)
"""
QUIET = """
@lab.on_audio(block=960, sample_rate=48000)
def quiet(chunk):
    return (0.2 * np.sin(2 * np.pi * 400 * chunk.times_s)).astype(np.float32)
"""
# Every sample of two seconds of what is heard, as its peak, and its RMS.
MEASURE = """async root => {
  const context = new AudioContext()
  const source = context.createMediaStreamSource(root.lab.heard)
  const tap = context.createScriptProcessor(1024, 1, 1)
  let peak = 0, power = 0, count = 0
  tap.onaudioprocess = ({ inputBuffer }) => {
    for (const x of inputBuffer.getChannelData(0)) {
      peak = Math.max(peak, Math.abs(x))
      power += x * x
      count += 1
    }
  }
  source.connect(tap).connect(context.destination)
  await new Promise(done => setTimeout(done, 2000))
  source.disconnect()
  await context.close()
  return [peak, Math.sqrt(power / count)]
}"""


async def heard(view: LabView, what: str, as_wanted: Callable[[float, float], bool]) -> None:
    """Listen until it sounds as wanted, six times at most; never is it louder than half of full scale."""
    for _ in range(6):
        peak, rms = await view.root.evaluate(MEASURE)
        print(f"{what}: heard with peak {peak:.3f}, RMS {rms:.3f}")
        assert peak < 0.51
        if as_wanted(peak, rms):
            return
    raise AssertionError(f"{what}: peak {peak:.3f}, RMS {rms:.3f}")


async def test_listen_is_off_until_pressed_and_never_loud(open_notebook: OpenNotebook) -> None:
    """Full-scale beeps are silent before Listen and peak at half of full scale after it; quiet sound is unchanged."""
    notebook = await open_notebook([LAB, BEEPS, QUIET])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    assert (await notebook.run(1)).error is None
    listen = view.button("Listen to the sound Python returns")
    await listen.wait_for()
    await notebook.page.wait_for_timeout(1000)
    assert await audible(notebook) == 0
    await listen.click()
    await view.button("Stop listening to Python's sound").wait_for()
    await heard(view, "full-scale beeps", lambda peak, rms: peak > 0.3)
    assert (await notebook.run(2)).error is None
    await heard(view, "a tone of amplitude 0.2", lambda peak, rms: rms == pytest.approx(0.141, rel=0.05))
    await view.press("Stop")
    await view.start()
    await view.button("Listen to the sound Python returns").wait_for()
    assert await view.root.evaluate("root => root.lab.heard") is None
