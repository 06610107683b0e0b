"""Offers and candidates through a real Jupyter server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest


async def test_offer_reaches_the_engine_and_its_answer_the_page(server: Any) -> None:
    """An offer is handed to the session's engine with the protocol's fields only, and its reply comes back as it is."""
    engine = await server.engine("s1")
    reply, request = await asyncio.gather(
        server.offer("s1", requestData={"page": "p"}, junk=1, pc_id=None), engine.answer()
    )
    assert reply.status_code == 200
    assert reply.json() == {"sdp": "v=0 answer", "type": "answer", "pc_id": "p1"}
    assert (request["session"], request["method"]) == ("s1", "offer")
    assert set(request["body"]) == {"sdp", "type", "pc_id", "restart_pc", "request_data"}
    assert request["body"]["request_data"] == {"page": "p"}
