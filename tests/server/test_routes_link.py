"""The engine's link: who may have one, and what it does over a real WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from websockets.exceptions import InvalidStatus

from smallrtc_lab.framing import pack, unpack
from smallrtc_lab.server.proof import link_proof

# What an engine does, in a kernel: everything it needs came with its start.
IN_A_KERNEL = """
import hashlib, hmac, json, os
from websockets.sync.client import connect
from ipykernel.connect import get_connection_file
from smallrtc_lab.framing import pack, unpack

path = get_connection_file()
kernel_id = os.path.basename(path).removeprefix("kernel-").removesuffix(".json")
key = json.load(open(path))["key"].encode()
proof = hmac.new(key, b"smallrtc-link:" + kernel_id.encode(), hashlib.sha256).hexdigest()
url = os.environ["SMALLRTC_LAB_SERVER"].replace("http", "ws", 1) + "smallrtc/link"
headers = {"X-SmallRTC-Kernel": kernel_id, "X-SmallRTC-Proof": proof}
with connect(url, additional_headers=headers, proxy=None) as link:
    link.send(pack({"type": "hello", "version": 1, "kernel_id": kernel_id, "pid": os.getpid()}))
    print(unpack(link.recv(timeout=10))[0]["type"])
"""


async def refused(server: Any, headers: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as error:
        await server.dial("link", headers)
    response = error.value.response
    return response.status_code, json.loads(response.body)["reason"]


async def test_a_real_kernel_proves_itself(server: Any) -> None:
    """A kernel that the server started links with nothing but its environment and its connection file."""
    kernels = server.app.kernel_manager
    kernel_id = await kernels.start_kernel(kernel_name="python3")
    client: AsyncKernelClient = kernels.get_kernel(kernel_id).client()
    client.start_channels()
    try:
        async with asyncio.timeout(60):
            await client.wait_for_ready()
            printed: list[str] = []

            def note(message: dict[str, Any]) -> None:
                printed.append(message["content"].get("text") or str(message["content"]))

            await client.execute_interactive(IN_A_KERNEL, output_hook=note)
        assert any(text.strip() == "welcome" for text in printed), printed
    finally:
        client.stop_channels()


async def test_only_the_right_proof_for_an_existing_kernel(server: Any) -> None:
    """No proof, a wrong one, another kernel's one and a kernel that is not there are refused with 403."""
    one, other = await server.idle_kernel(), await server.idle_kernel()
    proof = link_proof(other, server.key(other))
    for headers in (
        {"X-SmallRTC-Kernel": one},
        {"X-SmallRTC-Kernel": one, "X-SmallRTC-Proof": ""},
        {"X-SmallRTC-Kernel": one, "X-SmallRTC-Proof": "0" * 64},
        {"X-SmallRTC-Kernel": one, "X-SmallRTC-Proof": proof},
        {"X-SmallRTC-Kernel": one, "X-SmallRTC-Proof": link_proof(one, server.key(other))},
    ):
        assert await refused(server, headers) == (403, "wrong-proof")
    for headers in ({}, {"X-SmallRTC-Kernel": "nobody", "X-SmallRTC-Proof": proof}):
        assert await refused(server, headers) == (403, "unknown-kernel")


async def test_programs_beside_a_kernel_or_of_the_server(server: Any) -> None:
    """A program that a kernel started links beside its engine; one of the server's own has a key of its own."""
    engine = await server.engine("lab")
    beside = f"{engine.kernel_id}/echo"
    server.extension.broker.programs["runner"] = b"key of the server's own"
    for name, key in ((beside, server.key(engine.kernel_id)), ("runner", b"key of the server's own")):
        headers = {"X-SmallRTC-Kernel": name, "X-SmallRTC-Proof": link_proof(name, key)}
        link = await server.dial("link", headers)
        await link.send(pack({"type": "hello", "version": 1, "kernel_id": name, "pid": 1}))
        assert unpack(await link.recv())[0]["type"] == "welcome"
        wrong = headers | {"X-SmallRTC-Proof": link_proof(engine.kernel_id, key)}
        assert await refused(server, wrong) == (403, "wrong-proof")
    reply, _ = await asyncio.gather(server.offer("lab"), engine.answer())
    assert reply.status_code == 200  # its link was not taken by the program beside it


async def test_a_login_is_no_proof(server: Any) -> None:
    """Jupyter's token opens every page-facing route and not this one."""
    kernel_id = await server.idle_kernel()
    assert (await refused(server, server.headers | {"X-SmallRTC-Kernel": kernel_id}))[1] == "wrong-proof"


async def test_no_page_may_link(server: Any) -> None:
    """A request with an Origin is refused, even the server's own and with the right proof."""
    kernel_id = await server.idle_kernel()
    proof = link_proof(kernel_id, server.key(kernel_id))
    headers = {"X-SmallRTC-Kernel": kernel_id, "X-SmallRTC-Proof": proof}
    for origin in (f"http://127.0.0.1:{server.app.port}", "null", ""):
        assert await refused(server, headers | {"Origin": origin}) == (403, "origin-not-allowed")


async def test_a_plain_request_gets_a_sentence(server: Any) -> None:
    """Whoever looks at the address without a WebSocket reads that it takes nothing else."""
    reply = await server.ask("GET", "link")
    assert (reply.status_code, reply.json()["reason"]) == (400, "not-a-websocket")


async def test_welcome(start_server: Any) -> None:
    """The engine is told the configured limits, the ICE servers and the base_url."""
    server = await start_server(
        "--SmallRTCLab.max_width=640",
        "--SmallRTCLab.ice_servers=['stun:stun.example']",
        "--ServerApp.base_url=/x/",
    )
    engine = await server.engine()
    assert engine.welcome["limits"]["max_width"] == 640
    assert engine.welcome["ice_servers"] == [{"urls": ["stun:stun.example"]}]
    assert engine.welcome["base_url"] == "/x/"


@pytest.mark.parametrize(
    "junk", ["text", b"", b"\x00\x00", b"\xff" * 100, pack({"type": "hello", "version": 99})]
)
async def test_junk_on_the_link_closes_it(server: Any, junk: Any) -> None:
    """What does not follow the protocol ends the link with 4400, and the server serves the next one."""
    engine = await server.engine("s1")
    if isinstance(junk, bytes) and b"hello" in junk:  # a second hello is only an unknown message
        await engine.socket.send(junk)
        await engine.send({"type": "session-open", "session": "bad name"})
        assert (await engine.expect("session-refused"))["reason"] == "bad-session"
        return
    await engine.socket.send(junk)
    assert await engine.closed() == 4400
    await server.engine("s1", kernel_id=engine.kernel_id)


async def test_activity_keeps_the_culler_away(server: Any) -> None:
    """`activity` moves what the culler of idle kernels reads, for that kernel only, and the server's own idle time."""
    engine, other = await server.engine(), await server.idle_kernel()
    kernels = server.app.kernel_manager
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    for kernel_id in (engine.kernel_id, other):
        kernels.get_kernel(kernel_id).last_activity = long_ago
    kernels.last_kernel_activity = long_ago
    await engine.send({"type": "activity"})
    await engine.send({"type": "session-open", "session": "bad name"})
    await engine.expect("session-refused")  # so the message before it has been dealt with
    assert datetime.now(UTC) - kernels.get_kernel(engine.kernel_id).last_activity < timedelta(seconds=10)
    assert datetime.now(UTC) - kernels.last_kernel_activity < timedelta(seconds=10)
    assert kernels.get_kernel(other).last_activity == long_ago
    kernels.cull_idle_timeout, kernels.cull_connected = 3600, True
    for kernel_id in (engine.kernel_id, other):
        await kernels.cull_kernel_if_idle(kernel_id)
    assert (engine.kernel_id in kernels, other in kernels) == (True, False)


async def test_no_delay_and_no_compression(server: Any) -> None:
    """Both kinds of sockets send small messages at once, and agree to no compression that a client offers."""
    engine = await server.engine("s1", compression="deflate")
    page = await server.page("s1", compression="deflate")
    await engine.expect("page-open")
    for client in (engine.socket, page.socket):
        assert "Sec-WebSocket-Extensions" not in client.response.headers
    wires = [outbox._wire for outbox in server.extension.broker._outboxes]
    assert len(wires) == 2
    for wire in wires:
        stream = wire._route.ws_connection.stream
        assert stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_an_engine_that_reads_nothing(start_server: Any) -> None:
    """Requests to an engine that is stuck are answered with 503 in time, and its link is cut."""
    server = await start_server(
        "--SmallRTCLab.request_timeout_s=0.5",
        "--SmallRTCLab.write_timeout_s=1",
        "--SmallRTCLab.offers_per_minute=999",
    )
    await server.engine("s1", deaf=True)
    largest = "x" * (256 * 1024 - 500)
    replies = await asyncio.gather(*(server.offer("s1", sdp=largest) for _ in range(28)))
    assert {reply.status_code for reply in replies} == {503}
    async with asyncio.timeout(30):
        while server.extension.broker._links:
            await asyncio.sleep(0.05)
