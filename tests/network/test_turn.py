"""Two hosts that reach the router only: everything goes through the TURN server there."""

from __future__ import annotations

import pytest
from support.coturn import run_coturn
from support.namespaces import ROUTER


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
