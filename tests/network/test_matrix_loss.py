"""Networks that lose packets on a long way: media, messages and Jupyter's own connections suffer alike, both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.impair import Impairment, Way, impaired
from support.matrix import LAB, Ground, LabPage, lab_cell
from support.matrixcall import Figures, watched
from support.matrixnet import HOST_B, Internet
from support.matrixrows import arrived
from support.matrixtunnel import wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONGEST_GAP_S = 10.0
LOOK_S = 6.0
NO_WEBRTC = lab_cell("webrtc=False")


@pytest.fixture(scope="module")
def way(internet: Internet) -> Iterator[Impairment]:
    """What can be made of the network between the two sides."""
    try:
        made = impaired(internet.core, "to_carrier", "to_office")
        with made as impairment:
            yield impairment
    except OSError as error:
        pytest.skip(f"platform: packets cannot be delayed here. {error}")


@pytest.fixture(scope="module")
def port(ground: Ground) -> Iterator[int]:
    """Where the page finds Jupyter through that network."""
    internet = ground.internet
    with wire(internet.a, internet.b, HOST_B, ground.server.port) as port:
        yield port


async def endure(page: LabPage, way: Impairment, network: str, become: Way, *, route: str) -> Figures:
    """Live on such a network by this way: pictures go on and are right, messages come once and in order."""
    await page.run()
    await page.wait("link", "open")
    way.become(become)
    try:
        first_s = await page.click_start()
        await page.wait_route(route)
        figures = await watched(page, LOOK_S)
        print(f"{network}, {route}: {figures}")
        assert figures.longest_gap_s < LONGEST_GAP_S
        name = network if route == "direct" else f"{network}, without WebRTC"
        await arrived(page, name, first_s, route=route, goal_s=1)
    finally:
        way.become(Way())
    return figures


def losing(loss: float, rtt_ms: float) -> tuple[str, Way]:
    """So much is lost each way, and a round trip takes so long."""
    return f"{loss:.0%} loss, {rtt_ms:.0f} ms", Way(loss=loss, delay_ms=rtt_ms / 2)


async def test_pictures_sound_and_messages_survive_loss_on_a_long_way(
    ground: Ground, way: Impairment, port: int
) -> None:
    """5 % of everything lost each way, 150 ms: direct, right colours and tone, lost packets are sent again."""
    async with ground.open(LAB, port=port) as page:
        figures = await endure(page, way, *losing(0.05, 150), route="direct")
        assert figures.missing_sound < 0.5
        sound, video = [
            await page.kernel.value(f"lab.stats()['connection']['{kind}']") for kind in ("audio", "video")
        ]
        print(f"{video['packets_lost']} packets of pictures lost, {video['gaps_skipped']} given up")
        print(
            f"{sound['packets_lost']} of {sound['packets_received']} packets of sound did not come a second time"
        )
        assert video["gaps_skipped"] <= video["packets_lost"] / 2
        assert sound["packets_lost"] < 0.03 * sound["packets_received"]


@pytest.mark.soak
@pytest.mark.parametrize("rtt_ms", [50, 150])
@pytest.mark.parametrize("loss", [0.02, 0.05, 0.1])
async def test_so_it_is_with_less_and_more(
    ground: Ground, way: Impairment, port: int, loss: float, rtt_ms: float
) -> None:
    """Each of the other networks, too."""
    async with ground.open(LAB, port=port) as page:
        await endure(page, way, *losing(loss, rtt_ms), route="direct")


@pytest.mark.soak
@pytest.mark.parametrize("loss", [0.02, 0.05])
async def test_a_relay_survives_them(ground: Ground, way: Impairment, port: int, loss: float) -> None:
    """What goes through Jupyter goes over TCP, which waits for what is lost: fewer pictures, but they go on."""
    async with ground.open(NO_WEBRTC, port=port) as page:
        await endure(page, way, *losing(loss, 150), route="relay")


@pytest.mark.soak
@pytest.mark.parametrize("route", ["direct", "relay"])
async def test_a_slow_line_is_not_filled(ground: Ground, way: Impairment, port: int, route: str) -> None:
    """1 Mbit/s and 100 ms: what does not fit is never sent, so that nothing waits for long, a message least of all."""
    async with ground.open(LAB if route == "direct" else NO_WEBRTC, port=port) as page:
        slow = Way(delay_ms=50, rate_bps=1e6)
        figures = await endure(page, way, "1 Mbit/s, 100 ms", slow, route=route)
        print(f"dropped by the line: {way.counts()}")
        assert figures.message_ms < 2000
