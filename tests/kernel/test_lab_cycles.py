"""Fifty times on and off: what kernel and engine keep, counted by the operating system."""

from __future__ import annotations

import pytest
from support.kernel import Kernel
from support.traces import Footprint, engine_of, udp_sockets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.soak, pytest.mark.timeout(900)]

BEGIN = """
from smallrtc_lab import Lab
lab = Lab(name="cycles")
@lab.on_video
def effect(frame): return 255 - frame.image
@lab.on_audio
def gain(chunk): return chunk.samples * 0.5
@lab.watch_video(max_rate_hz=5)
def look(frame): pass
@lab.on_message
def got(message): pass
"""
CYCLE = """
lab.simulate()
lab.wait_live(60)
lab.send_message({"n": 1})
lab.video.grab(3, timeout_s=30)
lab.audio.last(0.2)
lab.stop()
"""
WARM, CYCLES = 15, 50
POOL_THREADS = 4  # asyncio's own pool, where encoders run, grows when they first coincide
GROWTH_BYTES = 40_000_000  # less than a picture a cycle: what a decoder or encoder keeps is more


async def cycles(kernel: Kernel, count: int) -> tuple[Footprint, Footprint]:
    """On and off so often; what kernel and engine hold when all is quiet again."""
    for _ in range(count):
        await kernel.execute(CYCLE, 180)
    await kernel.wait_value("lab.state", lambda state: state == "idle", timeout_s=30)
    await kernel.execute("import gc, time; time.sleep(2); gc.collect()")  # decoders end behind the last stop
    engine = engine_of(kernel.pid)
    assert udp_sockets(engine) == 0
    return Footprint.of(kernel.pid), Footprint.of(engine)


async def test_fifty_times_on_and_off_keep_nothing(shared_kernel: Kernel) -> None:
    """After fifty starts and stops kernel and engine hold what they held after fifteen: threads, files, mappings."""
    await shared_kernel.execute(BEGIN)
    before = await cycles(shared_kernel, WARM)
    after = await cycles(shared_kernel, CYCLES)
    for name, then, now in zip(("kernel", "engine"), before, after, strict=True):
        print(f"{name} after {WARM}: {then}\n{name} after {WARM + CYCLES}: {now}")
        assert now.threads <= then.threads + POOL_THREADS
        assert now.files <= then.files
        assert now.mapped <= then.mapped
        assert now.uss_bytes - then.uss_bytes < GROWTH_BYTES
    await shared_kernel.execute("lab.close()")


async def test_twenty_labs_made_and_closed_keep_nothing(shared_kernel: Kernel) -> None:
    """Each lab starts an engine and the close ends it: the kernel has what it had after three of them."""
    life = BEGIN + "lab.simulate(); lab.wait_live(60); lab.close()"
    seen = []
    for number in range(20):
        await shared_kernel.execute(life, 180)
        if number in (2, 19):
            await shared_kernel.execute("import gc, time; time.sleep(1); gc.collect()")
            seen.append(Footprint.of(shared_kernel.pid))
    then, now = seen
    print(f"kernel after 3 labs: {then}\nkernel after 20: {now}")
    assert (now.threads, now.mapped) <= (then.threads, then.mapped)
    assert now.files <= then.files
    assert now.uss_bytes - then.uss_bytes < GROWTH_BYTES
