"""The WebRTC of a page that may be relayed, too: a simulated browser in the same conversation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from smallrtc_lab.conversation import MessageText
from smallrtc_lab.engine.simulate import SimulatedBrowser
from smallrtc_lab.rtc.messages import Acknowledged, Numbered, acknowledged_text, numbered_text, read_numbered

from .relaypage import RelayPage

__all__ = ["DirectPage"]

Message = dict[str, Any]
Offer = Callable[[Message], Awaitable[Message]]


class DirectPage(SimulatedBrowser):
    """What comes is the page's; what it says goes here once :meth:`speak` was called. ``cut`` loses everything."""

    def __init__(self, page: RelayPage, video: Message | None, audio: Message | None) -> None:
        super().__init__(video, audio)
        self.page = page
        self.answer: Message = {}
        self.cut = False

    async def connect(self, offer: Offer) -> None:
        """As that of a simulated browser, with the page's name and conversation."""
        about = {"page": self.page.name, "conversation": self.page.conversation}

        async def ask(body: Message) -> Message:
            self.answer = await offer(body | {"request_data": about})
            return self.answer

        await super().connect(ask)

    def speak(self) -> None:
        """The page's messages go here from now on."""
        self.page.carriers = [self._carry]
        for kept in self.page.outbox.unacknowledged:
            self._carry(kept)

    def _carry(self, message: MessageText) -> None:
        self._tell(numbered_text(message.sequence, message.text))

    def _tell(self, text: str) -> None:
        if not self.cut and self._channel is not None and self._channel.readyState == "open":
            self._channel.send(text)

    def _echo(self, text: str | bytes) -> None:
        if self.cut:
            return
        match read_numbered(text):
            case Numbered(sequence, value):
                if self.page.inbox.accept(sequence):
                    self.page.messages.append(value)
                    self.page.came.set()
                self._tell(acknowledged_text(self.page.inbox.received))
            case Acknowledged(sequence):
                self.page.outbox.acknowledge(sequence)
            case _:
                self.page.messages.append(json.loads(text))
