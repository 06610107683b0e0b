"""A path with a small MTU: messages pass by default, and when they cannot, it is said."""

from __future__ import annotations

CHUNK = "SMALLRTC_SCTP_MAX_CHUNK_SIZE"
MESSAGE = {"text": "x" * 30_000}


def stuck(message):
    return message.get("page", {}).get("code") == "messages-stuck"


async def test_messages_pass_a_path_of_1280_bytes(network, wire):
    """With the default size nothing needs the path's MTU to be known: it is hidden here, and all arrives."""
    network.narrow(1280)
    network.hide_mtu(True)
    async with wire(network) as (engine, page):
        engine.tell(send=MESSAGE)
        heard = await page.hear(lambda m: m.get("received", 0) > 30_000)
        assert heard["received"] == len('{"text": "') + 30_000 + len('"}')
        assert not any(stuck(message) for message in engine.said)


async def test_too_large_datagrams_are_said_and_what_was_stuck_arrives_later(network, wire):
    """Chunks of 1200 bytes vanish in silence on such a path: the page is told what to do, and told when it is over."""
    network.narrow(1280)
    network.hide_mtu(True)
    async with wire(network, **{CHUNK: "1200"}) as (engine, page):
        engine.tell(send=MESSAGE)
        problem = (await engine.hear(stuck))["page"]
        print(problem)
        assert problem["count"] == 1
        assert CHUNK in problem["next_step"]
        assert not any("received" in message for message in page.said)
        engine.tell(stats=None)
        assert (await engine.hear(lambda m: "stats" in m))["stats"]["connection"]["state"] == "connected"
        # From here the router says what is too large, and Linux cuts what it sends to that size.
        network.hide_mtu(False)
        await page.hear(lambda m: m.get("received", 0) > 30_000)
        assert (await engine.hear(stuck))["page"]["count"] == 0
