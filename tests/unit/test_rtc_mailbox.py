"""Mailbox: events in order, bounded, with an end."""

from __future__ import annotations

import asyncio
import time

from smallrtc_lab.events import EventEmitter
from smallrtc_lab.rtc import mailbox
from smallrtc_lab.rtc.mailbox import Mailbox


async def test_events_keep_their_order_although_handlers_wait():
    """A slow handler of the first event delays the second, never overtakes it."""
    emitter, seen = EventEmitter(("a", "b")), []
    box = Mailbox(emitter, "me")

    @emitter.event_handler("a")
    async def slow(source, value):
        await asyncio.sleep(0.02)
        seen.append((source, value))

    emitter.add_event_handler("b", lambda source: seen.append("b"))
    box.post("a", 1)
    box.post("b")
    box.post("a", 2)
    await box.drain()
    assert seen == [("me", 1), "b", ("me", 2)]


async def test_held_events_wait_for_handlers():
    """Handlers registered while events are held see them all."""
    emitter, seen = EventEmitter(("a",)), []
    box = Mailbox(emitter, "me")
    box.hold()
    box.post("a", 1)
    await asyncio.sleep(0.01)
    emitter.add_event_handler("a", lambda source, value: seen.append(value))
    box.post("a", 2)
    box.release()
    await box.drain()
    assert seen == [1, 2]


async def test_messages_beyond_the_bound_are_refused_and_states_are_not():
    """A handler that hangs costs a bounded number of messages; states still queue."""
    emitter = EventEmitter(("a",))
    box = Mailbox(emitter, "me")
    box.hold()
    taken = [box.post("a", n, droppable=True) for n in range(mailbox.MAX_WAITING + 5)]
    assert taken.count(False) == box.dropped == 5
    assert box.post("a", "state")
    box.release()
    await box.drain()


async def test_a_handler_that_hangs_is_cancelled_and_the_rest_delivered(monkeypatch, caplog):
    """Closing does not wait for ever, and the last event still arrives."""
    monkeypatch.setattr(mailbox, "DRAIN_S", 0.1)
    emitter, seen = EventEmitter(("hang", "closed")), []
    box = Mailbox(emitter, "me")
    emitter.add_event_handler("hang", lambda source: asyncio.sleep(60))
    emitter.add_event_handler("closed", lambda source: seen.append("closed"))
    box.post("hang")
    box.post("closed")
    began_s = time.monotonic()
    await box.drain()
    assert time.monotonic() - began_s < 30
    assert seen == ["closed"]
    assert "did not return" in caplog.text
