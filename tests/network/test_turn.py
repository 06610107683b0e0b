"""STUN behind a router that hides addresses, and TURN between two hosts that do not reach each other at all."""

from __future__ import annotations

import pytest
from support.coturn import run_coturn
from support.namespaces import ROUTER, ROUTER_SEEN_BY_B, B


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_without_a_way_to_each_other_media_go_through_turn(network, wire, tmp_path, transport):
    """An engine and a page that have no other path connect, messages come, and the route is turn."""
    network.forward(False)
    async with (
        run_coturn(tmp_path, host=ROUTER, enter=network.router.enter) as coturn,
        wire(network, ice_servers=[coturn.turn(transport)]) as (engine, page),
    ):
        engine.tell(send={"hello": "page"})
        await page.hear(lambda m: "received" in m)
        engine.tell(stats=None)
        stats = (await engine.hear(lambda m: "stats" in m))["stats"]
        assert stats["connection"]["route"] == "turn"
        assert coturn.credential not in str([*engine.said, *page.said, stats])


async def test_behind_a_nat_stun_tells_the_engine_its_address_outside(network, wire, tmp_path):
    """The answer offers the router's address, the connection is made, and its route is direct."""
    network.hide_a()
    async with (
        run_coturn(tmp_path, host=B, enter=network.b.enter) as coturn,
        wire(network, ice_servers=[{"urls": coturn.stun}]) as (engine, page),
    ):
        reflexive = [line.split() for line in engine.answer.splitlines() if "typ srflx" in line]
        assert {line[4] for line in reflexive} == {ROUTER_SEEN_BY_B}
        engine.tell(send={"hello": "page"})
        await page.hear(lambda m: "received" in m)
        engine.tell(stats=None)
        stats = (await engine.hear(lambda m: "stats" in m))["stats"]
        assert stats["connection"]["route"] == "direct"
