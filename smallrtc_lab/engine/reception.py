"""Who may connect to a session: its pages one at a time, or a simulated browser of our own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from smallrtc_lab.conversation import Conversation, Conversations
from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.connection import IceServer, SmallWebRTCConnection
from smallrtc_lab.rtc.requests import SmallWebRTCPatchRequest, SmallWebRTCRequest, SmallWebRTCRequestHandler

from .connections import SessionConnection
from .flow import Flow
from .pages import Message, Pages
from .relaying.connection import RelayConnection
from .simulate import SimulatedBrowser

__all__ = ["Reception"]


class Reception:
    """Answers offers and candidates for the session's one connection."""

    def __init__(self, flow: Flow, pages: Pages) -> None:
        self.page: str | None = None  # the one that the connection belongs to
        self.simulated: SimulatedBrowser | None = None
        self.before_offer: Callable[[], Awaitable[None]] = _at_once  # a page's offer is about to be answered
        self.on_simulation: Callable[[], None] = lambda: None  # a simulated browser has come
        self.conversations = Conversations()
        self._conversation: Conversation | None = None  # that of the connection
        self._flow = flow
        self._pages = pages
        self._handler = SmallWebRTCRequestHandler([])
        self._loopback_handler = SmallWebRTCRequestHandler([], connection_options={"loopback": True})

    def use_ice_servers(self, servers: list[IceServer]) -> None:
        """STUN and TURN servers for connections from now on."""
        self._handler.update_ice_servers(servers)

    async def offer(self, body: Message) -> Message:
        """Answer a page's offer; raises :class:`RequestError` when it is refused.

        A page that names its conversation is told that the engine has it: both number their messages then.
        """
        request = SmallWebRTCRequest.from_dict(body)
        page, name = _told_by(body, "page"), _told_by(body, "conversation")
        conversation = None if name is None else self.conversations.of(name)
        await self.before_offer()
        await self._come(page, conversation, request.pc_id)

        async def take(connection: SmallWebRTCConnection) -> None:
            if conversation is not None:
                connection.converse(conversation)
            await self._take(connection, page, conversation)

        answer = await self._handler.handle_web_request(request, take)
        return answer if conversation is None else {**answer, "conversation": True}

    async def relay(self, page: str | None, connection: RelayConnection) -> None:
        """A page whose media comes over a relay socket; raises as :meth:`offer`.

        What the same page tries by WebRTC goes on, and takes over when it is through.
        """
        await self._come(page, connection.conversation, None)
        goes_on = self._goes_on(page, connection.conversation)
        await (self._flow.replace if goes_on else self._flow.adopt)(connection)

    async def _come(self, page: str | None, conversation: Conversation | None, pc_id: str | None) -> None:
        if not self._goes_on(page, conversation):
            await self._make_room(page, pc_id)
        self.page, self._conversation = page, conversation

    async def _take(
        self, connection: SessionConnection, page: str | None, conversation: Conversation | None
    ) -> None:
        """While a relay carries, which may have come during the answer, a better way is only tried."""
        if not self._goes_on(page, conversation):
            await self._flow.adopt(connection)
        elif isinstance(self._flow.connection, RelayConnection):
            await self._flow.consider(connection)
        else:
            await self._flow.replace(connection)

    def _goes_on(self, page: str | None, conversation: Conversation | None) -> bool:
        """Whether this is the client that is here, by another way: the same conversation of the same page."""
        known = conversation is not None and conversation is self._conversation and page == self.page
        return known and self.simulated is None and self._flow.connection is not None

    async def patch(self, body: Message) -> Message:
        """Take candidates that came after the offer."""
        await self._handler.handle_patch_request(SmallWebRTCPatchRequest.from_dict(body))
        return {"status": "success"}

    async def simulate(self, video: Message | None, audio: Message | None) -> None:
        """Connect a browser of our own, with synthetic sources or files, through real WebRTC on this machine.

        Raises as :class:`SimulatedBrowser` does, and leaves what there was when a source cannot be.
        """
        browser = await SimulatedBrowser.opened(video, audio)
        await self.stop_simulation()
        await self._flow.disconnect()
        self.page = None
        self.simulated = browser
        try:
            await self.simulated.connect(self._offer_of_simulation)
        except BaseException:
            await self.stop_simulation()
            raise
        self._pages.simulate(True)
        self.on_simulation()

    async def stop_simulation(self) -> None:
        """Close the simulated browser, if there is one."""
        browser, self.simulated = self.simulated, None
        self._pages.simulate(False)
        if browser is not None:
            await self._flow.disconnect()
            await browser.close()

    async def close(self) -> None:
        """Answer nobody any more."""
        await self.stop_simulation()
        await self._handler.close()
        await self._loopback_handler.close()

    async def _offer_of_simulation(self, body: Message) -> dict[str, Any]:
        request = SmallWebRTCRequest.from_dict(body)
        return await self._loopback_handler.handle_web_request(request, self._flow.adopt)

    async def _make_room(self, page: str | None, pc_id: str | None) -> None:
        """What another page has opened is not taken away without its claim; anything else makes way."""
        owner = self._pages.owner
        if owner is not None and owner != page and self._pages.find(owner):
            raise RequestError(400, "live-elsewhere", "This lab is live in another tab. Stop it there first.")
        current = self._flow.connection
        if current is None or current.pc_id == pc_id:
            return
        if self.simulated is not None:
            await self.stop_simulation()
        else:
            await current.disconnect()


async def _at_once() -> None:
    """Nothing is to be done before."""


def _told_by(body: Message, name: str) -> str | None:
    """What a page says of itself in the request data of its offer."""
    asked = body.get("request_data", body.get("requestData"))
    told = asked.get(name) if isinstance(asked, dict) else None
    return told if isinstance(told, str) else None
