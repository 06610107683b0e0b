"""Messages once and in order, through any number of sockets."""

from __future__ import annotations

import random

from smallrtc_lab.relay.delivery import MessageInbox, MessageOutbox
from smallrtc_lab.relay.packets import MessageText


def test_every_message_arrives_once_and_in_order_whenever_the_socket_breaks() -> None:
    """Sockets that break at random moments, with messages and acknowledgements under way, lose and repeat nothing."""
    chance = random.Random(3)
    outbox, inbox = MessageOutbox(), MessageInbox()
    heard: list[str] = []
    said = 0
    while len(heard) < 300:
        on_the_way = outbox.again(inbox.received)
        for _ in range(chance.randrange(1, 12)):
            message = outbox.put(f"m{said}")
            assert message is not None
            on_the_way.append(message)
            said += 1
        arriving = on_the_way[: chance.randrange(len(on_the_way) + 1)]  # the rest is lost with the socket
        heard += [message.text for message in arriving if inbox.accept(message)]
        if chance.random() < 0.5:
            outbox.acknowledge(inbox.received)
    assert heard == [f"m{number}" for number in range(len(heard))]


def test_a_message_that_came_is_not_delivered_again() -> None:
    """One that is repeated is counted; one whose predecessor is missing is not delivered yet."""
    inbox = MessageInbox()
    assert inbox.accept(MessageText(1, "a"))
    assert not inbox.accept(MessageText(1, "a"))
    assert not inbox.accept(MessageText(3, "c"))
    assert (inbox.received, inbox.repeated) == (1, 1)


def test_what_is_not_acknowledged_is_bounded() -> None:
    """A full outbox refuses and counts; room comes with the next acknowledgement."""
    outbox = MessageOutbox(limit=2)
    assert outbox.put("a")
    assert outbox.put("b")
    assert outbox.full
    assert outbox.put("c") is None
    assert outbox.dropped == 1
    outbox.acknowledge(1)
    assert outbox.put("d") == MessageText(3, "d")
    assert len(outbox) == 2
