"""Live plots of a simulated browser's sound, from the ring to a page that acknowledges each picture at once.

The page is a WebSocket client that decodes nothing: what is measured is the engine's own work, and the way through the
Jupyter server. The simulated browser sends sound only, for its encoders would be most of the engine's work.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import psutil
from stage import jupyter, kernel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from smallrtc_lab.framing import unpack

__all__ = ["plots"]

_SECONDS = 8.0
_LAB = """
from smallrtc_lab import Lab
lab = Lab()
lab.simulate(video=None, audio="speech")
lab.wait_live()
"""
_KINDS = ("spectrogram", "waveform", "spectrum", "level")
_WORK = "import time; e = time.time() + {s}\nwhile time.time() < e: sum(i * i for i in range(1000))"
_IDLE = "import time; time.sleep({s})"


async def plots() -> None:
    print("\nLive plots of 640×320 at 30/s, sound of a simulated browser (goals: one ≤ 0.15 core at ratio 1,")
    print("four hold 30/s, also beside a busy cell); delay from the moment shown to the page's word\n")
    print(f"{'plots':<34}{'cell':<13}{'cores':>7}{'beyond none':>13}{'each 1/s':>22}{'ms, p95':>14}")
    with jupyter() as server:
        async with kernel(server, _LAB) as running:
            engine = psutil.Process((await running.value("lab.stats()"))["engine"]["pid"])
            base = await _cores(engine, running, _IDLE)
            print(f"{'none':<34}{'sleeps':<13}{base:7.2f}")
            for names, ratio in ((("spectrogram",), 1), (("spectrogram",), 2), (_KINDS, 1), (_KINDS, 2)):
                for label, work in (("sleeps", _IDLE), ("Python loop", _WORK)):
                    await _measured(server, running, engine, base, names, ratio, label, work)


async def _measured(
    server: Any,
    running: Any,
    engine: psutil.Process,
    base: float,
    names: tuple[str, ...],
    ratio: int,
    label: str,
    work: str,
) -> None:
    made = ", ".join(f"lab.plot.{name}(height=320)" for name in names)
    await running.execute(f"shown = [{made}]")
    about = await running.value("[one._plot for one in shown]")
    readers = [asyncio.create_task(_page(server, one, ratio)) for one in about]
    await asyncio.sleep(3.0)  # matplotlib is loaded, the first whole figures are drawn
    before = await running.value("[one.stats['views'][0]['shown'] for one in shown]")
    begun_s = time.monotonic()
    cores = await _cores(engine, running, work)
    after = await running.value("[one.stats['views'][0] for one in shown]")
    took_s = time.monotonic() - begun_s
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await running.execute("lab.plot.close()")
    rates = " ".join(f"{(a['shown'] - b) / took_s:.1f}" for a, b in zip(after, before, strict=True))
    slowest = max(after, key=lambda one: one["delay_ms"] or 0.0)
    delay = f"{slowest['delay_ms']:.0f}, {slowest['delay_p95_ms']:.0f}"
    title = f"{' + '.join(names) if len(names) < 3 else f'{len(names)} kinds'}, ratio {ratio}"
    print(f"{title:<34}{label:<13}{cores:7.2f}{cores - base:13.2f}{rates:>22}{delay:>14}", flush=True)


async def _cores(engine: psutil.Process, running: Any, work: str) -> float:
    """Cores the engine uses while a cell does this."""
    before, begun_s = engine.cpu_times(), time.monotonic()
    await running.execute(work.format(s=_SECONDS), _SECONDS + 60)
    after = engine.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return float(used_s / (time.monotonic() - begun_s))


async def _page(server: Any, about: dict[str, Any], ratio: int) -> None:
    """One view that sees everything and is done with each picture at once."""
    url = f"{server.url}smallrtc/sessions/{about['session']}/plots/{about['plot']}/socket".replace(
        "http", "ws", 1
    )
    async with connect(url, additional_headers=server.headers, proxy=None, compression=None) as socket:
        size = {"width": 640, "height": 320, "ratio": ratio, "theme": "light", "visible": True}
        await socket.send(json.dumps({"type": "hello", "version": 1, "page": "benchmark", **size}))
        await _acknowledge(socket)


async def _acknowledge(socket: ClientConnection) -> None:
    coming_s = 0.0
    try:
        async for message in socket:
            if isinstance(message, bytes):
                ms = round(1000 * (time.monotonic() - coming_s))
                await socket.send(json.dumps({"type": "ack", "n": unpack(message)[0]["n"], "ms": ms}))
            else:
                coming_s = time.monotonic()
    except ConnectionClosed:
        return
