"""Only one port of one server is open, TCP 443: media go through TURN over TLS there, or over plain TCP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.authority import TestAuthority, make_authority
from support.coturn import Coturn, run_coturn
from support.matrix import Ground, LabPage, lab_cell
from support.matrixnet import CORE, Internet
from support.matrixrows import arrived

pytestmark = pytest.mark.asyncio(loop_scope="module")
PORT, BAD_PORT = 443, 8443
LAB = lab_cell("ice_servers=servers")


def trusting(authority: TestAuthority) -> str:
    """The option by which Chromium takes this server's certificate for one of a known authority."""
    key = x509.load_pem_x509_certificate(authority.certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"


@contextlib.contextmanager
def only_the_server(internet: Internet) -> Iterator[None]:
    """The two sides reach the server's TCP ports and nothing else; no datagram passes."""
    hidden = "mine { type filter hook input priority 0; } iif != lo "
    with (
        internet.no_way(),
        internet.rules("core", hidden + f"tcp dport != {{ {PORT}, {BAD_PORT} }} drop"),
        internet.rules("core", hidden + "ip protocol udp drop"),
    ):
        yield


@contextlib.asynccontextmanager
async def server(
    internet: Internet, directory: Path, authority: TestAuthority | None, port: int = PORT
) -> AsyncIterator[Coturn]:
    """A TURN server that everybody reaches."""
    directory.mkdir(exist_ok=True)
    enter = internet.core.enter
    async with run_coturn(directory, host=CORE, port=port, authority=authority, enter=enter) as coturn:
        yield coturn


async def through(page: LabPage, *servers: object) -> None:
    """A Lab with these servers is shown in the place of the one before."""
    await page.kernel.execute(f"servers = {list(servers)!r}")


async def test_turn_over_tls_is_used_and_a_bad_certificate_is_not(ground: Ground, tmp_path: Path) -> None:
    """A server whose authority nobody knows is named, with the reason, and the relay carries; a good one carries."""
    internet = ground.internet
    good, bad = make_authority(tmp_path / "good", CORE), make_authority(tmp_path / "bad", CORE)
    async with contextlib.AsyncExitStack() as stack:
        coturn = await stack.enter_async_context(server(internet, tmp_path / "a", good))
        other = await stack.enter_async_context(server(internet, tmp_path / "b", bad, BAD_PORT))
        stack.enter_context(only_the_server(internet))
        page = await stack.enter_async_context(ground.open(LAB, arguments=(trusting(good),)))
        await page.kernel.execute(f"import os; os.environ['SSL_CERT_FILE'] = {str(good.ca)!r}")
        await through(page, other.turn("tls"))
        first_s = await page.start()
        await arrived(page, "TURN over TLS, bad certificate", first_s, route="relay", goal_s=2.5)
        panel = await wait_panel(page, "certificate")
        print(panel)
        assert other.url("tls") in panel
        assert "SSL_CERT_FILE" in panel
        assert other.credential not in panel
        await page.press("Stop")
        await through(page, coturn.turn("tls"))
        await check_turn(page, "tls")


@pytest.mark.soak
async def test_turn_over_tcp_is_used(ground: Ground, tmp_path: Path) -> None:
    """The same without TLS."""
    internet = ground.internet
    async with server(internet, tmp_path, None) as coturn, ground.open(LAB) as page:
        with only_the_server(internet):
            await through(page, coturn.turn("tcp"))
            await check_turn(page, "tcp")


async def wait_panel(page: LabPage, text: str) -> str:
    """The first panel that says this."""
    async with asyncio.timeout(60):
        while not (found := [panel for panel in await page.panels() if text in panel]):
            await asyncio.sleep(0.1)
    return found[0]


async def check_turn(page: LabPage, transport: str) -> None:
    """A click, and the server carries, over this transport on the page's side; everything is right."""
    row = await arrived(
        page, f"TURN over {transport.upper()} 443", await page.start(), route="turn", goal_s=2
    )
    assert row.pair is not None
    assert (row.pair[0], row.pair[2]) == ("relay", transport)
