"""One connection's way into a session, played by the simulated browser through real WebRTC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from support.waiting import until

from smallrtc_lab.engine.flow import Flow
from smallrtc_lab.engine.session import Session
from smallrtc_lab.engine.simulate import SimulatedBrowser
from smallrtc_lab.rtc.requests import SmallWebRTCRequest, SmallWebRTCRequestHandler

VIDEO = {"name": "bars", "width": 160, "height": 120, "frame_rate": 30}
AUDIO = {"name": "tone", "hz": 440}


class Meeting:
    """A flow, its browser, and what the flow told."""

    def __init__(self, session: Session, *, ready: bool = True) -> None:
        expected = [session.video["camera"], session.audio]
        self.flow = Flow(
            session.video, session.audio, session.processing, self, expected=expected, ready=ready
        )
        self.handler = SmallWebRTCRequestHandler([], connection_options={"loopback": True})
        self.browser: SimulatedBrowser | None = None
        self.states: list[str | None] = []
        self.messages: list[Any] = []
        self.events: list[str] = []
        self.problems: dict[str, str] = {}

    def update(self) -> None:
        if self.flow.state not in self.states[-1:]:
            self.states.append(self.flow.state)

    def message(self, message: Any, sender: str) -> None:
        self.messages.append(message)

    def connection_event(self, what: str, connection: Any, **more: Any) -> None:
        self.events.append(what)

    def problem(self, code: str, message: str, next_step: str) -> None:
        self.problems[code] = message

    def clear_problem(self, code: str) -> None:
        self.problems.pop(code, None)

    async def connect(self, video: Any = VIDEO, audio: Any = AUDIO) -> None:
        """A browser offers, and is answered."""
        self.browser = SimulatedBrowser(video, audio)
        await self.browser.connect(
            lambda body: self.handler.handle_web_request(SmallWebRTCRequest.from_dict(body), self.flow.adopt)
        )

    async def close(self) -> None:
        await self.flow.close()
        if self.browser is not None:
            await self.browser.close()
        await self.handler.close()


@pytest_asyncio.fixture
async def meeting(session: Session) -> AsyncIterator[Meeting]:
    """Nobody has come yet."""
    meeting = Meeting(session)
    yield meeting
    await meeting.close()


async def test_it_is_live_once_all_that_is_expected_has_come(meeting: Meeting) -> None:
    """Connecting, live with its route, and nothing again after the end, which is told with its reason."""
    assert (meeting.flow.state, meeting.flow.route) == (None, None)
    await meeting.connect()
    await until(lambda: meeting.flow.state == "live")
    assert meeting.flow.route == "direct"
    assert meeting.problems == {}
    assert (await meeting.flow.stats())["route"] == "direct"
    await meeting.flow.disconnect()
    await until(lambda: meeting.flow.connection is None)
    assert (meeting.flow.state, meeting.flow.route) == (None, None)
    assert meeting.states == ["connecting", "live", None]
    assert meeting.events.count("connected") == 1
    assert meeting.events.count("track-started") == 2
    assert meeting.events[-1] == "closed"


async def test_fifty_messages_wait_for_a_browser(meeting: Meeting) -> None:
    """More are dropped, counted and said; those that waited arrive once and in order, before later ones."""
    for number in range(53):
        await meeting.flow.send_message(number)
    assert meeting.flow.mail.dropped == 3
    assert meeting.problems["messages-dropped"].startswith("3 messages were dropped")
    await meeting.connect()  # the simulated browser sends all back
    await until(lambda: len(meeting.messages) == 50)
    await meeting.flow.send_message("last")
    await until(lambda: len(meeting.messages) == 51)
    assert meeting.messages == [*range(50), "last"]


async def test_only_what_is_offered_is_waited_for(meeting: Meeting) -> None:
    """A browser without a camera is live with its first sound."""
    await meeting.connect(video=None)
    await until(lambda: meeting.flow.state == "live")
    assert "no-media" not in meeting.problems


async def test_a_connection_waits_until_the_kernel_is_ready(session: Session) -> None:
    """Where the kernel follows each connection itself, none is told before it says so."""
    meeting = Meeting(session, ready=False)
    await meeting.connect()
    assert meeting.browser is not None
    browser = meeting.browser
    await until(lambda: browser.stats()["audio"]["sent"] > 5)  # WebRTC itself has connected
    assert "connected" not in meeting.events
    await meeting.flow.connect()
    await until(lambda: "connected" in meeting.events)
    await meeting.close()
