"""Delays by time code, of a real connection to a simulated browser."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from support.kernelend import KernelEnd
from support.waiting import until

from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.delay import STAGES, measure_delay
from smallrtc_lab.engine.session import Session

VIDEO = {"name": "pattern", "width": 320, "height": 240, "frame_rate": 30}


async def echo(kernel: KernelEnd, session: Session) -> None:
    """A processor in the kernel that takes 20 ms for each picture and returns it as it is."""
    while True:
        header, _ = await kernel.received.get()
        if header["type"] == "free":
            kernel.pool.release(SlotRef.from_json(header["slot"]))
        elif header["type"] == "deliver":
            picture = kernel.picture(header).copy()
            kernel.bridge.pool.release(SlotRef.from_json(header["slot"]))
            shown = session.processing.done(
                {
                    "session": "s",
                    "subscription": 3,
                    "slot": kernel.lend(picture),
                    "shape": list(picture.shape),
                    "format": "rgb",
                    "began_s": header["decoded_s"] + 0.005,
                    "ran_s": 0.02,
                }
            )
            assert shown is not None
            await shown


async def test_every_stage_is_measured_and_they_add_up(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """Camera to engine, function and back again, each picture by its own code; then no code is drawn any more."""
    session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
    await session.simulate(VIDEO, None)
    await until(lambda: session.flow.live)
    session.processing.subscribe_video(
        3, "camera", processor={"name": "echo", "controls": {}}, format="rgb", label="echo"
    )
    echoing = asyncio.create_task(echo(kernel, session))
    watchers = list(session.video["camera"].watchers)
    found = await measure_delay(session, 1.5)
    echoing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await echoing
    stages = found["stages"]
    print(stages)
    assert found["by"] == "simulation"
    assert stages.keys() == set(STAGES)
    assert all(stage is not None and stage["pictures"] > 0 for stage in stages.values())
    assert stages["to_function"]["median_ms"] == 5.0
    assert stages["in_function"]["median_ms"] == 20.0
    assert 0 < stages["to_engine"]["median_ms"] < stages["total"]["median_ms"] < 5000
    assert session.reception.simulated is not None
    assert not session.reception.simulated.camera.stamping  # type: ignore[union-attr]
    assert (session.video["camera"].watchers, session.processing.finished) == (watchers, [])
    await session.close()
