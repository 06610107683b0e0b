"""Who may connect to a session: its pages one at a time, or a simulated browser of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.connection import IceServer
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
        self.on_offer: Callable[[], None] = lambda: None  # a page's offer is about to be answered
        self.on_simulation: Callable[[], None] = lambda: None  # a simulated browser has come
        self._flow = flow
        self._pages = pages
        self._handler = SmallWebRTCRequestHandler([])
        self._loopback_handler = SmallWebRTCRequestHandler([], connection_options={"loopback": True})

    def use_ice_servers(self, servers: list[IceServer]) -> None:
        """STUN and TURN servers for connections from now on."""
        self._handler.update_ice_servers(servers)

    async def offer(self, body: Message) -> Message:
        """Answer a page's offer; raises :class:`RequestError` when it is refused."""
        request = SmallWebRTCRequest.from_dict(body)
        page = _page_of(body)
        if not self._relays(page):
            await self._make_room(page, request.pc_id)
        self.page = page
        self.on_offer()
        return await self._handler.handle_web_request(request, self._take)

    async def relay(self, page: str | None, connection: RelayConnection) -> None:
        """A page whose media comes over a relay socket; raises as :meth:`offer`.

        What the same page tries by WebRTC goes on, and takes over when it is through.
        """
        beside = self._tries(page)
        if not beside:
            await self._make_room(page, None)
        self.page = page
        await self._flow.adopt(connection, beside=beside)

    async def _take(self, connection: SessionConnection) -> None:
        """While a relay carries, which may have come during the answer, a better way is only tried."""
        await (self._flow.consider if self._relays(self.page) else self._flow.adopt)(connection)

    def _relays(self, page: str | None) -> bool:
        """Whether this page's media comes over a relay now."""
        current = self._flow.connection
        return isinstance(current, RelayConnection) and current.is_connected() and page == self.page

    def _tries(self, page: str | None) -> bool:
        """Whether this page has a WebRTC connection, or is about to."""
        current = self._flow.connection
        own = page is not None and page == self.page and self.simulated is None
        return own and current is not None and not isinstance(current, RelayConnection)

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


def _page_of(body: Message) -> str | None:
    asked = body.get("request_data", body.get("requestData"))
    page = asked.get("page") if isinstance(asked, dict) else None
    return page if isinstance(page, str) else None
