"""Where a notebook's page and its kernel may sit: on one machine, behind NATs, behind forwarded ports.

Each test opens a real JupyterLab in a real browser and clicks Start; nothing is set but what the test says.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.coturn import run_coturn
from support.jupyter import free_port
from support.matrix import Ground, LabPage, lab_cell
from support.matrixnet import CORE
from support.matrixrows import FIRST_S, arrived
from support.matrixtunnel import tunnel

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIREFOX = pytest.param("Firefox", marks=pytest.mark.soak)
BROWSERS = pytest.mark.parametrize("browser", ["Chromium", FIREFOX])
SIDES = ("home", "carrier", "office")
TEST_TONE_HZ = 440.0
HIDDEN = """smallrtcSeen.peers.at(-1).localDescription.sdp.match(/^a=candidate.*$/gm)
  .every(line => line.split(' ')[4].endsWith('.local'))"""
RECEIVE_ONLY = """
import numpy as np
from smallrtc_lab import Lab
lab = Lab(audio=False, video=False)
picture = np.empty((480, 640, 3), np.uint8)
picture[:, :320], picture[:, 320:] = (200, 40, 40), (50, 70, 200)
lab.show(picture)
lab
"""
DEAD = """ice_servers=[dict(urls=["stun:{0}:3478"]), dict(urls=["turn:{0}:3478", "turn:{0}:3478?transport=tcp",
    "turns:{0}:443?transport=tcp"], username="mary", credential="hush")]"""


def cell(browser: str, options: str = "") -> str:
    """What Firefox's camera shows is not known: there, Python returns two fields of colour."""
    return lab_cell(options, painted=browser == "Firefox")


async def test_without_permission_on_one_machine(ground: Ground) -> None:
    """The camera is refused, so the browser hides its addresses (mDNS): the test signal comes directly, and at once."""
    lab = lab_cell('fallback="test-signal"', painted=True)
    async with ground.open(lab, host="b", accept=False) as page:
        first_s = await page.start()
        network = "one machine, no permission"
        row = await arrived(
            page, network, first_s, route="direct", goal_s=1, known=False, tone_hz=TEST_TONE_HZ
        )
        assert row.sentence.startswith("Live with a test signal")
        assert await page.tab.evaluate(HIDDEN)
        (panel,) = await page.panels()
        assert "blocked" in panel


@pytest.mark.soak
@pytest.mark.parametrize("browser", ["Chromium", "Firefox"])
async def test_receive_only_on_one_machine(ground: Ground, browser: str) -> None:
    """Nobody is asked for a permission, addresses are hidden, and Python's picture is seen, directly."""
    async with ground.open(RECEIVE_ONLY, browser=browser, host="b", accept=False) as page:
        await page.run()
        await page.wait("link", "open")
        await page.press("Start")
        took_s = await page.wait("state", "live")
        await page.wait_route("direct")
        print(
            f"{browser}: live after {took_s:.2f} s, {await page.pair()}: {await page.wait_status('direct')}"
        )
        assert took_s < FIRST_S
        assert await page.tab.evaluate(HIDDEN)
        await page.check_returned(known=False, within=12)
        assert await page.tab.evaluate("smallrtcSeen.requests") == []


@BROWSERS
async def test_without_any_network(ground: Ground, browser: str) -> None:
    """A laptop in a train has its loopback address only: media go through Jupyter."""
    with ground.internet.unplugged("b"):
        async with ground.open(cell(browser), browser=browser, host="b") as page:
            first_s = await page.start()
            await arrived(page, "one machine, no network", first_s, route="relay", goal_s=2.5)


@BROWSERS
async def test_udp_is_dropped(ground: Ground, browser: str) -> None:
    """Media go through Jupyter; the second time the page knows, and begins there."""
    async with ground.open(cell(browser), browser=browser) as page:
        with ground.internet.no_udp():
            first_s = await page.start()
            await arrived(page, "UDP dropped", first_s, route="relay", goal_s=2.5)
            # what the page finds out itself in 15 s
            await page.tab.evaluate("localStorage.setItem('smallrtc-lab:webrtc-blocked', Date.now())")
            again_s = await again(page)
            await arrived(page, "UDP dropped, known from the last time", again_s, route="relay", goal_s=1)


async def again(page: LabPage) -> float:
    """Stop, and Start; the seconds from the click to the first picture in Python."""
    await page.press("Stop")
    await page.wait("state", "idle")
    await page.kernel.wait_value("lab.state == 'idle'")
    return await page.click_start()


@contextlib.asynccontextmanager
async def turn_command(ground: Ground) -> AsyncIterator[None]:
    """`smallrtc-lab turn` beside the kernel, and its port forwarded as its words say."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *ground.internet.b.enter, sys.executable, "-P", "-m", "smallrtc_lab", "turn", "--port", str(port),
        env=ground.server.family.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"Ctrl-C" not in (line := await process.stdout.readline()):
                assert line, "smallrtc-lab turn ended"
        with tunnel(ground.internet.a, ground.internet.b, port):
            yield
    finally:
        process.terminate()
        await process.communicate()


@BROWSERS
async def test_forwarded_tcp_ports_with_turn(ground: Ground, browser: str) -> None:
    """No packet goes between the sides, as with ssh -L: `smallrtc-lab turn` and its port make it WebRTC.

    Firefox as it comes gathers no candidate of a TURN server on its own loopback address, and goes through Jupyter.
    """
    route, goal_s = ("turn", 2.0) if browser == "Chromium" else ("relay", 2.5)
    with ground.internet.no_way():
        async with turn_command(ground), ground.open(cell(browser), browser=browser) as page:
            first_s = await page.start()
            await arrived(page, "TCP ports only, smallrtc-lab turn", first_s, route=route, goal_s=goal_s)


@pytest.mark.soak
@pytest.mark.parametrize("browser", ["Chromium", "Firefox"])
async def test_one_forwarded_tcp_port(ground: Ground, browser: str) -> None:
    """The Jupyter port alone: media go through Jupyter."""
    with ground.internet.no_way():
        async with ground.open(cell(browser), browser=browser) as page:
            first_s = await page.start()
            await arrived(page, "TCP ports only", first_s, route="relay", goal_s=2.5)


@pytest.mark.parametrize("host", ["192.0.2.1", pytest.param("turn.example.org", marks=pytest.mark.soak)])
async def test_dead_servers_do_not_delay(ground: Ground, host: str) -> None:
    """STUN and TURN servers that nobody answers for, by address or by name: direct, at once; it is said."""
    dead = "dead { type filter hook prerouting priority 0; }"
    internet = ground.internet
    with (
        internet.rules("core", f"{dead} ip daddr 192.0.2.0/24 drop"),
        internet.rules("office", f"{dead} udp dport 53 drop"),
    ):
        async with ground.open(lab_cell(DEAD.format(host))) as page:
            first_s = await page.start()
            network = f"STUN and TURN servers that are dead ({host})"
            await arrived(page, network, first_s, route="direct", goal_s=1)
            await page.wait_panel("does not answer")
            tried_s = await again(page)
            print(f"once they were tried: {tried_s:.2f} s")


@pytest.mark.parametrize("browser", ["Chromium", FIREFOX])
async def test_two_nats_before_the_page_and_one_before_the_kernel(
    ground: Ground, tmp_path: Path, browser: str
) -> None:
    """NATs that keep a port for a socket, as most do: with STUN media go directly."""
    internet = ground.internet
    with internet.nat(*SIDES):
        async with run_coturn(tmp_path, host=CORE, enter=internet.core.enter) as coturn:
            options = f'ice_servers=["{coturn.stun}"]'
            async with ground.open(cell(browser, options), browser=browser) as page:
                first_s = await page.start()
                row = await arrived(page, "NAT ×2 and NAT, STUN", first_s, route="direct", goal_s=1)
                assert row.pair is not None
                assert set(row.pair[:2]) <= {"srflx", "prflx"}


@pytest.mark.soak
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_symmetric_nats_need_turn(ground: Ground, tmp_path: Path, transport: str) -> None:
    """Where every destination sees another port, media go through the TURN server that was named."""
    internet = ground.internet
    with internet.nat(*SIDES, symmetric=True):
        async with (
            run_coturn(tmp_path, host=CORE, enter=internet.core.enter) as coturn,
            ground.open(lab_cell(f"ice_servers=[{coturn.turn(transport)}]")) as page,
        ):
            first_s = await page.start()
            network = f"symmetric NAT ×2 and NAT, TURN ({transport.upper()})"
            await arrived(page, network, first_s, route="turn", goal_s=2)


@pytest.mark.soak
@pytest.mark.parametrize("symmetric", [False, True])
async def test_nats_without_turn(ground: Ground, tmp_path: Path, symmetric: bool) -> None:
    """No server at all, or STUN where it is of no use: media go through Jupyter."""
    internet = ground.internet
    with internet.nat(*SIDES, symmetric=symmetric):
        async with run_coturn(tmp_path, host=CORE, enter=internet.core.enter) as coturn:
            options = f'ice_servers=["{coturn.stun}"]' if symmetric else ""
            async with ground.open(lab_cell(options)) as page:
                first_s = await page.start()
                network = "symmetric NAT ×2 and NAT, STUN" if symmetric else "NAT ×2 and NAT, no server"
                await arrived(page, network, first_s, route="relay", goal_s=2.5)
