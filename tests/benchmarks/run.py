"""Figures of smallrtc-lab beside bare aiortc doing the same work, in one run on one machine.

    python tests/benchmarks/run.py [busy delay audio-delay cpu broadcast hand-over imports bundle click
                                    connect messages echo-peers frames quality recording plots-drawing plots rungs]
    python tests/benchmarks/run.py leaving recovery memory    # two minutes each, half an hour

Ratios are what to trust: the absolute figures are those of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import psutil  # noqa: E402
from broadcast import broadcast  # noqa: E402
from frames import frames  # noqa: E402
from leaving import leaving  # noqa: E402
from memory import memory  # noqa: E402
from plots import plots  # noqa: E402
from plots_drawing import plots_drawing  # noqa: E402
from quality import quality  # noqa: E402
from recording import recording  # noqa: E402
from recovery import recovery  # noqa: E402
from rungs import rungs  # noqa: E402
from stage import SIZES, Peer, jupyter, kernel, offer_url  # noqa: E402
from transport import connect, echo_peers, messages  # noqa: E402

CELLS = {
    "sleeps": "import time; time.sleep({s})",
    "Python loop": "import time; e = time.time() + {s}\nwhile time.time() < e: sum(range(1000))",
    "sorted() in C": (
        "import time, random; l = [random.random() for _ in range(1_500_000)]; e = time.time() + {s}\n"
        "while time.time() < e: sorted(l)"
    ),
}
OURS = """
from smallrtc_lab import Lab
lab = Lab(); seen = [0]
@lab.on_video
def callback(frame):
    seen[0] += 1
    {body}
session = lab._session
def counts():
    stats = lab.stats()
    audio = stats["connection"]["audio"]
    return stats["video"]["camera"]["received"], stats["audio"]["received"], seen[0]
"""
LISTENER = """
from smallrtc_lab import Lab
lab = Lab(video=False)
@lab.on_audio(block={block}, sample_rate=16000)
def callback(chunk):
    return chunk.samples
session = lab._session
"""
BARE = """
import sys; sys.path.insert(0, {here!r})
from bare import BareServer
server = BareServer("receive")
def counts():
    return server.video, server.audio, server.video
"""


async def busy(seconds: float = 8.0) -> None:
    print("\nA busy cell: frames/s received (in the callback) · audio lost\n")
    print(f"{'cell':<16}{'size':<8}{'smallrtc-lab':<32}{'aiortc in a kernel thread':<32}")
    for size in SIZES:
        for cell, code in CELLS.items():
            row = [await busy_row(who, size, code.format(s=seconds)) for who in ("ours", "bare")]
            print(f"{cell:<16}{size:<8}{row[0]:<32}{row[1]:<32}", flush=True)


async def busy_row(who: str, size: str, cell: str) -> str:
    with jupyter() as server:
        setup = OURS.format(body="return None") if who == "ours" else BARE.format(here=str(HERE))
        async with kernel(server, setup) as running:
            url = (
                offer_url(server, await running.value("session"))
                if who == "ours"
                else await running.value("server.url")
            )
            peer = await asyncio.to_thread(Peer, url, server.headers, size, 22.0, "encoded")
            await asyncio.sleep(3)
            await running.execute("import time; a = counts(); t = time.monotonic()")
            await running.execute(cell, 60)
            await running.execute("b = counts(); d = time.monotonic() - t")
            before, after, took_s = (
                await running.value("a"),
                await running.value("b"),
                await running.value("d"),
            )
            peer.process.kill()
    video, audio, seen = ((y - x) / took_s for x, y in zip(before, after, strict=True))
    return f"{video:5.1f} ({seen:4.1f}) · {max(0.0, 100 * (1 - audio / 50)):5.1f} %"


async def delay(seconds: float = 20.0) -> None:
    print(
        "\nPage → callback → page by a time code in the picture, 640×480 at 30/s, an aiortc client (median, p95 ms)\n"
    )
    with jupyter() as server:
        async with kernel(server, OURS.format(body="return frame.image")) as running:
            url = offer_url(server, await running.value("session"))
            ours = (await asyncio.to_thread(Peer, url, server.headers, "480p", seconds, "timecode")).figures()
    with bare_process("echo") as (url, _):
        bare = (await asyncio.to_thread(Peer, url, {}, "480p", seconds, "timecode")).figures()
    for name, figures in (("smallrtc-lab, through the kernel", ours), ("bare aiortc echo", bare)):
        print(
            f"{name:<36}{figures['median_ms']:7.1f} {figures['p95_ms']:7.1f}   {figures['returned']} frames"
        )
    print(f"{'saved (goal ≥ 25 ms)':<36}{bare['median_ms'] - ours['median_ms']:7.1f}")


async def audio_delay(seconds: float = 15.0) -> None:
    print("\nMicrophone → callback → speaker by a beep, an aiortc client, no video (median, p95 ms)\n")
    for block in (160, 320):
        with jupyter() as server:
            async with kernel(server, LISTENER.format(block=block)) as running:
                url = offer_url(server, await running.value("session"))
                peer = await asyncio.to_thread(Peer, url, server.headers, "480p", seconds, "beeps")
                ours = await asyncio.to_thread(peer.figures)
                late_s = await running.value("lab.stats()['processing']['audio_late_s']")
        show_beeps(f"smallrtc-lab, blocks of {block // 16} ms", ours, f", {late_s:.1f} s late")
    with bare_process("echo-audio") as (url, _):
        peer = await asyncio.to_thread(Peer, url, {}, "480p", seconds, "beeps")
        show_beeps("bare aiortc echo, no callback", await asyncio.to_thread(peer.figures), "")


def show_beeps(name: str, figures: dict[str, Any], rest: str) -> None:
    median_ms, p95_ms = figures["median_ms"], figures["p95_ms"]
    print(f"{name:<36}{median_ms:7.1f} {p95_ms:7.1f}   {figures['ages']} beeps{rest}", flush=True)


@contextlib.contextmanager
def bare_process(mode: str) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "bare.py"), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.wait()


async def cpu(seconds: float = 12.0) -> None:
    print("\nCPU: the engine (receive, convert, hand over) ÷ bare aiortc (receive, convert); goal ≤ 1.1\n")
    for size in SIZES:
        with jupyter() as server:
            async with kernel(
                server, OURS.format(body="return None").replace("on_video", "watch_video")
            ) as running:
                url = offer_url(server, await running.value("session"))
                pid = (await running.value("lab.stats()"))["engine"]["pid"]
                ours = await cores(url, server.headers, size, pid, seconds)
        with bare_process("receive") as (url, pid):
            bare = await cores(url, {}, size, pid, seconds)
        print(f"{size}: {ours:.3f} cores ÷ {bare:.3f} cores = {ours / bare:.2f}")


async def cores(url: str, headers: dict[str, str], size: str, pid: int, seconds: float) -> float:
    peer = await asyncio.to_thread(Peer, url, headers, size, seconds + 4, "encoded")
    await asyncio.sleep(3)
    process = psutil.Process(pid)
    before, then = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds)
    used = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - then)
    peer.process.kill()
    return used


async def hand_over(seconds: float = 8.0) -> None:
    print(
        "\nHand-over: decoded in the engine → callback runs in the kernel, ms (median, p95; goal median ≤ 1 idle)\n"
    )
    for size in SIZES:
        for cell in ("sleeps", "Python loop"):
            with jupyter() as server:
                async with kernel(server, OURS.format(body="return None")) as running:
                    url = offer_url(server, await running.value("session"))
                    peer = await asyncio.to_thread(Peer, url, server.headers, size, 25.0, "encoded")
                    await asyncio.sleep(3)
                    await running.execute(CELLS[cell].format(s=seconds), 60)
                    stats = await running.value("callback.stats")
                    peer.process.kill()
            print(f"{size} {cell:<14}{stats['hand_over_ms']:6.2f} {stats['hand_over_p95_ms']:6.2f}")


async def imports() -> None:
    print("\nimport smallrtc_lab, beyond NumPy's own import, s (goal ≤ 0.15)\n")

    def import_s(code: str) -> float:
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent.parent)
            times.append(time.perf_counter() - start)
        return sorted(times)[3]

    numpy_s, package_s = import_s("import numpy"), import_s("import numpy, smallrtc_lab")
    lab_s = import_s("import numpy; from smallrtc_lab import Lab")
    print(f"package {package_s - numpy_s:.3f}   with Lab {lab_s - numpy_s:.3f}   (NumPy {numpy_s:.3f})")


async def bundle() -> None:
    import smallrtc_lab

    static = Path(smallrtc_lab.__file__).parent / "static"
    sizes = {f.name: len(gzip.compress(f.read_bytes())) for f in sorted(static.glob("widget.*"))}
    print("\nBundle gzipped, kB (goal ≤ 80): ", {n: round(s / 1000, 1) for n, s in sizes.items()})


async def click() -> None:
    from playwright.async_api import async_playwright
    from support.chromium import launch_chromium
    from support.knownmedia import make_known_media
    from support.notebookpage import NotebookPage

    print("\nClick on Start → first frame in Python, s (goal ≤ 0.5 warm)\n")
    cells = [
        "from smallrtc_lab import Lab\nlab = Lab()\nlab",
        "import time\nlab.wait_live(20); lab.video.latest(); print('at', time.time())",
        "lab.stop()",
    ]
    with jupyter("lab") as server, tempfile.TemporaryDirectory() as directory:
        async with async_playwright() as driver:
            browser = await launch_chromium(driver, make_known_media(Path(directory)))
            context = await browser.new_context()
            path = server.write_notebook("click.ipynb", cells)
            page = NotebookPage(server, context, await context.new_page(), path, Path(directory))
            await page.open()
            await page.run(0)
            for attempt in range(5):
                await page.submit(1)
                await asyncio.sleep(0.3)
                clicked_s = time.time()
                await page.start(0)
                text = (await page.wait_cell(1)).text
                print(f"{'first' if not attempt else 'warm'}: {float(text.split()[-1]) - clicked_s:.2f}")
                await page.run(2)
                await asyncio.sleep(0.7)
            await browser.close()


ALL = {
    "busy": busy,
    "delay": delay,
    "audio-delay": audio_delay,
    "cpu": cpu,
    "broadcast": broadcast,
    "hand-over": hand_over,
    "imports": imports,
    "bundle": bundle,
    "click": click,
    "connect": connect,
    "messages": messages,
    "echo-peers": echo_peers,
    "frames": frames,
    "quality": quality,
    "recording": recording,
    "plots-drawing": plots_drawing,
    "plots": plots,
    "rungs": rungs,
}
# Of ours alone, and long: only by name.
LONG = {"leaving": leaving, "recovery": recovery, "memory": memory}


async def main(names: list[str]) -> None:
    for name in names or list(ALL):
        await (ALL | LONG)[name]()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
