"""One client as a program sees it: frames in, frames out, messages and events; an echo is two loops.

    transport = SmallWebRTCTransport(connection, TransportParams(video_in_enabled=True, video_out_enabled=True))

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport, client):
        async for frame in transport.input().video_frames("camera"):
            await transport.output().write_video_frame(frame)

============================  ==========================  ============================================================
event                         further arguments           when
============================  ==========================  ============================================================
``on_client_connected``       ``client``                  media flows for the first time
``on_client_disconnected``    ``client``                  the client has left, or was lost; not when this side closes
``on_app_message``            ``message``, ``sender``     any JSON value; ``sender`` is the client's ``pc_id``
``on_user_started_speaking``  ``event``: VoiceEvent       with ``vad``: somebody began to speak
``on_user_stopped_speaking``  ``event``: VoiceEvent       with ``vad``: nobody speaks any more
============================  ==========================  ============================================================

The first argument of every handler is the transport. Calls for one event come one after the other, in order; a
handler that takes long holds up later ones of its own event only.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import time
from typing import TYPE_CHECKING, Any

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.events import EventEmitter, EventHandler
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.params import TransportParams

from .client import ClientConnection
from .mailbox import Mailbox
from .state import EndReason
from .transport_input import TransportInput
from .transport_output import TransportOutput

if TYPE_CHECKING:
    from smallrtc_lab.media.voice import VoiceEvent

__all__ = ["TRANSPORT_EVENTS", "SmallWebRTCTransport"]

logger = logging.getLogger(__name__)

TRANSPORT_EVENTS = (
    "on_client_connected",
    "on_client_disconnected",
    "on_app_message",
    "on_user_started_speaking",
    "on_user_stopped_speaking",
)
DEFAULT_RATE_HZ = 30.0


class SmallWebRTCTransport(EventEmitter):
    """Works on any object with the members of :class:`.client.ClientConnection`, on the loop that one belongs to.

    The connection's ``connect()`` is called when input or output is first used. ``clock`` counts the seconds of all
    times; without one they begin with the transport.
    """

    def __init__(
        self,
        webrtc_connection: ClientConnection,
        params: TransportParams | None = None,
        input_name: str | None = None,
        output_name: str | None = None,
        *,
        clock: SessionClock | None = None,
    ) -> None:
        super().__init__(TRANSPORT_EVENTS)
        self.params = TransportParams() if params is None else params
        self.clock = clock or SessionClock(time.monotonic())
        self._connection = webrtc_connection
        self._input = TransportInput(
            webrtc_connection, self.params, self.clock, self._on_speech, name=input_name
        )
        self._output = TransportOutput(webrtc_connection, self.params, name=output_name)
        self._mailboxes = {name: Mailbox(self, self) for name in TRANSPORT_EVENTS}
        self._connecting: asyncio.Task[None] | None = None
        self._met = False  # whether on_client_connected was told
        self._closing: asyncio.Future[None] | None = None
        self._ended = False
        self._follow(webrtc_connection)

    @property
    def connection(self) -> ClientConnection:
        """The client's connection."""
        return self._connection

    def input(self) -> TransportInput:
        """What comes from the client."""
        self._begin()
        return self._input

    def output(self) -> TransportOutput:
        """What goes to the client."""
        self._begin()
        return self._output

    async def send_image(self, frame: Any) -> bool:
        """As :meth:`TransportOutput.write_video_frame`."""
        return await self.output().write_video_frame(frame)

    async def send_audio(self, frame: Any) -> bool:
        """As :meth:`TransportOutput.write_audio_frame`."""
        return await self.output().write_audio_frame(frame)

    async def send_message(self, message: Any) -> bool:
        """As :meth:`TransportOutput.send_message`."""
        return await self.output().send_message(message)

    async def capture_participant_video(
        self,
        participant_id: str | None = None,
        framerate: float | None = DEFAULT_RATE_HZ,
        video_source: str = "camera",
        *,
        on_request_only: bool = False,
    ) -> None:
        """Hand out at most ``framerate`` pictures a second of ``"camera"`` or ``"screenVideo"``; None: every one.

        There is one client, so ``participant_id`` chooses nothing. Reading a picture is the request for it, so
        ``on_request_only`` sets no rate.
        """
        if participant_id in ("camera", "screenVideo"):  # an older order of the arguments
            video_source = participant_id
        if framerate is not None and not 0 < framerate <= 240:
            raise ValueError(f"framerate is from 0 to 240 pictures a second, or None, not {framerate!r}")
        self.input().capture_video(video_source, None if on_request_only else framerate)

    async def capture_participant_audio(self, audio_source: str = "microphone") -> None:
        """Begin to listen, where ``audio_in_stream_on_start`` is False."""
        if audio_source != "microphone":
            raise ValueError(f'audio_source is "microphone", not {audio_source!r}')
        self.input().capture_audio()

    def get_client_id(self, client: ClientConnection) -> str:
        """The ``pc_id`` of a client that an event handler was given."""
        return client.pc_id

    async def close(self) -> None:
        """Disconnect the client and end everything; handlers that still run have two seconds. Idempotent."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        try:
            self._end("closed on this side")
            await self._connection.disconnect()
            await self._input.ended()
            if self._connecting is not None:
                await asyncio.wait({self._connecting})
            for mailbox in self._mailboxes.values():
                await mailbox.drain()
        finally:
            self._closing.set_result(None)

    async def __aenter__(self) -> SmallWebRTCTransport:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def _follow(self, connection: ClientConnection) -> None:
        connection.event_handler("connected")(self._on_connected)
        connection.event_handler("closed")(self._on_closed)
        connection.event_handler("app-message")(self._on_message)
        for name in ("track-started", "track-ended"):
            connection.event_handler(name)(self._on_track)

    def _begin(self) -> None:
        if self._connecting is not None or self._ended:
            return
        self._output.open()
        self._input.open()
        self._connecting = asyncio.get_running_loop().create_task(self._connect(), name="transport connect")

    async def _connect(self) -> None:
        await self._connection.connect()
        if self._connection.is_connected():  # somebody else had called connect() before
            self._on_connected(self._connection)

    def _on_connected(self, connection: ClientConnection) -> None:
        self._input.look_again()
        if not self._met and not self._ended:
            self._met = True
            self._mailboxes["on_client_connected"].post("on_client_connected", connection)

    def _on_track(self, connection: ClientConnection, track: Any) -> None:
        self._input.look_again()

    def _on_message(self, connection: ClientConnection, message: Any) -> None:
        self._input.accept_message(message)
        taken = self._mailboxes["on_app_message"].post(
            "on_app_message", message, connection.pc_id, droppable=True
        )
        if not taken:
            logger.warning("a message of the client was dropped: on_app_message does not keep up")

    def _on_closed(self, connection: ClientConnection) -> None:
        here = self._closing is not None or getattr(connection, "end_reason", None) is EndReason.HERE
        self._end("closed on this side" if here else "the client has left")
        if self._met and not here:
            self._mailboxes["on_client_disconnected"].post("on_client_disconnected", connection)

    def _on_speech(self, event: VoiceEvent) -> None:
        name = "on_user_started_speaking" if event.kind == "started" else "on_user_stopped_speaking"
        self._mailboxes[name].post(name, event, droppable=True)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._output.close()
            self._input.end(reason)

    async def _call(self, name: str, handler: EventHandler, args: tuple[Any, ...]) -> None:
        @functools.wraps(handler)
        async def run(*given: Any) -> None:
            try:
                result = handler(*given)
                if inspect.isawaitable(result):
                    await result
            except ClosedError:  # the usual end of a handler that writes when its client leaves
                if not self._ended:
                    raise

        await super()._call(name, run, args)
