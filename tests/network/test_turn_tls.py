"""TURN over TLS, with an authority of the test's own, between two hosts that do not reach each other at all."""

from __future__ import annotations

from support.authority import make_authority
from support.coturn import run_coturn
from support.namespaces import ROUTER


async def test_media_go_through_turn_over_tls(network, wire, tmp_path):
    """An engine that trusts the server's authority goes through it, and the page comes to meet it there."""
    network.forward(False)
    authority = make_authority(tmp_path, ROUTER)
    trust = {"SSL_CERT_FILE": str(authority.ca)}
    async with (
        run_coturn(tmp_path, host=ROUTER, authority=authority, enter=network.router.enter) as coturn,
        wire(network, ice_servers=[coturn.turn("tls")], **trust) as (engine, page),
    ):
        engine.tell(send={"hello": "page"})
        await page.hear(lambda m: "received" in m)
        engine.tell(stats=None)
        stats = (await engine.hear(lambda m: "stats" in m))["stats"]
        assert stats["connection"]["route"] == "turn"
        assert coturn.credential not in str([*engine.said, *page.said, stats])
