"""Two peers on a machine without any network: a namespace in which nothing but ``lo`` is up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, time
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.rtc._aiortc import add_loopback_candidate

async def main():
    page = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    page.addTransceiver("audio", "recvonly")
    channel = page.createDataChannel("chat")
    add_loopback_candidate(page)
    connection = SmallWebRTCConnection([], loopback=True)
    got = asyncio.get_running_loop().create_future()
    connection.add_event_handler("app-message", lambda connection, message: got.set_result(message))
    await page.setLocalDescription(await page.createOffer())
    began_s = time.monotonic()
    await connection.initialize(page.localDescription.sdp, "offer")
    await connection.connect()
    answer = connection.get_answer()
    await page.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
    channel.on("open", lambda: channel.send('"through lo"'))
    message = await asyncio.wait_for(got, 60)
    print(message, f"{time.monotonic() - began_s:.2f} s", (await connection.stats())["route"])
    await page.close()
    await connection.disconnect()

asyncio.run(main())
"""


def run_without_network(program: str) -> subprocess.CompletedProcess[str]:
    shell = 'ip link set lo up && exec "$0" -c "$1"'
    command = ["unshare", "-rn", "sh", "-c", shell, sys.executable, program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_two_peers_meet_with_nothing_but_loopback():
    """Offer, answer and a message through 127.0.0.1 when there is no other interface at all."""
    probe = subprocess.run(
        ["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True, text=True
    )
    if probe.returncode:
        pytest.skip(f"no network namespaces here: {probe.stderr.strip()}")
    done = run_without_network(PROGRAM)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("through lo")
    assert "direct" in done.stdout
