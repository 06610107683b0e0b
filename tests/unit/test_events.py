"""EventEmitter: handlers by name, in order, none of them fatal."""

from __future__ import annotations

import pytest

from smallrtc_lab.events import EventEmitter


async def test_handlers_are_called_in_order_sync_and_async():
    """Plain functions and coroutine functions run one after the other as registered."""
    emitter, calls = EventEmitter(("opened", "closed")), []

    @emitter.event_handler("opened")
    def first(value):
        calls.append(("first", value))

    @emitter.event_handler("opened")
    async def second(value):
        calls.append(("second", value))

    emitter.add_event_handler("opened", lambda value: calls.append(("third", value)))
    await emitter.emit("opened", 1)
    assert calls == [("first", 1), ("second", 1), ("third", 1)]
    emitter.remove("opened", first)
    emitter.remove("opened", first)
    await emitter.emit("opened", 2)
    assert calls[3:] == [("second", 2), ("third", 2)]


async def test_an_unknown_event_names_the_known_ones():
    """A typing error in an event's name is told at once, with what there is."""
    emitter = EventEmitter(("opened", "closed"))
    with pytest.raises(ValueError, match="no event 'open'; there are 'opened', 'closed'"):
        emitter.event_handler("open")
    with pytest.raises(ValueError, match="no event"):
        await emitter.emit("open")


async def test_a_handler_that_raises_is_reported_and_the_others_run(caplog):
    """The traceback is logged, the hook is told, and the next handler is called."""
    emitter, calls, errors = EventEmitter(("opened",)), [], []
    emitter.on_handler_error = lambda name, handler, error: errors.append((name, handler, type(error)))

    @emitter.event_handler("opened")
    async def broken():
        raise KeyError("missing")

    @emitter.event_handler("opened")
    def sound():
        calls.append("sound")

    await emitter.emit("opened")
    assert calls == ["sound"]
    assert errors == [("opened", broken, KeyError)]
    assert "KeyError: 'missing'" in caplog.text
