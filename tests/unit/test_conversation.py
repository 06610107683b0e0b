"""Messages once and in order, through any number of carriers."""

from __future__ import annotations

import random
from collections import deque

from smallrtc_lab.conversation import Conversation, Conversations, MessageInbox, MessageOutbox, MessageText


class Carrier:
    """A way between two ends that keeps the order, is slow by chance, and breaks: what was under way is lost then."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._messages: deque[MessageText] = deque()
        self._answers: deque[int] = deque()
        self.speaks = False

    def say(self, message: MessageText | None) -> None:
        if message is not None and self.speaks:
            self._messages.append(message)

    def speak(self, end: Conversation) -> None:
        self.speaks = True
        for message in end.outbox.unacknowledged:
            self.say(message)

    def work(self, here: Conversation, there: Conversation, heard: list[str]) -> None:
        for _ in range(self._chance.randrange(4)):
            if self._messages:
                message = self._messages.popleft()
                if there.inbox.accept(message.sequence):
                    heard.append(message.text)
                self._answers.append(there.inbox.received)
        for _ in range(self._chance.randrange(4)):
            if self._answers:
                here.outbox.acknowledge(self._answers.popleft())


def test_every_message_arrives_once_and_in_order_whatever_breaks() -> None:
    """Carriers that come, break, hand on late and speak in turns, at random moments, lose and repeat nothing."""
    for seed in range(40):
        chance = random.Random(seed)
        here, there, heard, said = Conversation(), Conversation(), [], 0
        carriers: list[Carrier] = []
        for _ in range(600):
            if not carriers or chance.random() < 0.05:
                for carrier in carriers:
                    carrier.speaks = False  # what it has goes on, nothing new is said there
                carriers.append(Carrier(chance))
                carriers[-1].speak(here)
            if chance.random() < 0.04:
                carriers.pop(chance.randrange(len(carriers)))
            if chance.random() < 0.7:
                message = here.outbox.put(f"m{said}")
                said += message is not None
                for carrier in carriers:
                    carrier.say(message)
            for carrier in carriers:
                carrier.work(here, there, heard)
        last = Carrier(chance)
        last.speak(here)
        while len(here.outbox):
            last.work(here, there, heard)
        assert heard == [f"m{number}" for number in range(said)], f"seed {seed}"


def test_a_message_that_came_is_not_delivered_again() -> None:
    """One that is repeated is counted; one whose predecessor is missing is not delivered yet."""
    inbox = MessageInbox()
    assert inbox.accept(1)
    assert not inbox.accept(1)
    assert not inbox.accept(3)
    assert (inbox.received, inbox.repeated) == (1, 1)


def test_what_is_not_acknowledged_is_bounded() -> None:
    """A full outbox refuses and counts; room comes with the next acknowledgement."""
    outbox = MessageOutbox(limit=2)
    assert outbox.put("a")
    assert outbox.put("b")
    assert outbox.full
    assert outbox.put("c") is None
    assert outbox.dropped == 1
    assert outbox.acknowledge(1)
    assert not outbox.acknowledge(1)
    assert outbox.put("d") == MessageText(3, "d")
    assert len(outbox) == 2


def test_large_messages_are_bounded_by_their_size() -> None:
    """Four million characters wait at most, or one message that is larger."""
    outbox = MessageOutbox()
    assert outbox.put("x" * 5_000_000)
    assert outbox.put("y") is None
    assert outbox.acknowledge(1)
    assert outbox.put("y")


def test_the_last_conversations_are_remembered_by_their_names() -> None:
    """The same name is the same conversation, also after others; what was not used for long is forgotten."""
    conversations = Conversations()
    first = conversations.of("first")
    for number in range(7):
        conversations.of(str(number))
    assert conversations.of("first") is first
    for number in range(8):
        conversations.of(str(number))
    assert conversations.of("first") is not first


def test_a_new_process_goes_on_with_a_page_that_talked_with_the_one_before() -> None:
    """Neither side's numbers begin anew: nothing is taken for a repetition, and nothing is waited for in vain."""
    page, new = Conversation(), Conversation()
    for number in range(3):
        page.outbox.put(f"old {number}")
    page.outbox.acknowledge(3)
    assert page.inbox.accept(20)
    first = new.outbox.put("before the page was there")
    assert first is not None
    new.outbox.acknowledge(page.inbox.received)
    assert not page.inbox.accept(first.sequence)
    second = new.outbox.put("after")
    assert [message.sequence for message in new.outbox.unacknowledged] == [21, 22]
    assert [page.inbox.accept(message.sequence) for message in new.outbox.unacknowledged] == [True, True]
    assert second is not None
    assert new.outbox.acknowledge(22)
    said = page.outbox.put("new")
    assert said is not None
    assert new.inbox.accept(said.sequence)
    assert not new.inbox.accept(said.sequence)
