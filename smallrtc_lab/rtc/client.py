"""What a transport needs of a client's connection, whatever carries its media.

:class:`SmallWebRTCConnection` has all of it, and so has whatever stands for a connection elsewhere: across the bridge
in a kernel, or behind a relay. Every member means what it means there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import av
from aiortc import MediaStreamTrack

from smallrtc_lab.media.clock import SenderReport

__all__ = ["ClientConnection", "ClientTrack", "FrameSource", "MessageRoom", "OutputSource", "TimedTrack"]

H = TypeVar("H", bound=Callable[..., Any])

# What the transport sends: aiortc's track, whose recv() is awaited by whoever sends, paces itself, and raises
# MediaStreamError once it was stopped. Sound is 48 kHz s16, pictures are yuv420p with pts in 1/90000 s.
OutputSource: TypeAlias = MediaStreamTrack


class FrameSource(Protocol):
    """Anything that gives frames: a client's track, or one of aiortc's."""

    async def recv(self) -> Any:
        """The next frame; raises aiortc's ``MediaStreamError`` at the end."""


@runtime_checkable
class ClientTrack(Protocol):
    """One source of a client: its microphone, camera or shared screen."""

    async def recv(self) -> av.VideoFrame | av.AudioFrame:
        """The next frame, with ``pts`` and ``time_base``; raises aiortc's ``MediaStreamError`` at the end.

        Pictures: the newest. Sound: every frame of s16 or s16p samples, whatever its rate and channels.
        """

    def is_enabled(self) -> bool:
        """Whether the client's source is switched on; one that is not gives no frames."""


@runtime_checkable
class ClientConnection(Protocol):
    """One client, on one asyncio loop, on which everything here is called.

    Its events, each with the connection as first argument: ``connected``, ``disconnected`` (it may come back),
    ``closed`` (once, last), ``app-message`` (message), ``track-started`` and ``track-ended`` (track). A connection
    that has an ``end_reason`` says by ``EndReason.HERE`` that ``disconnect()`` ended it, and not the client.
    """

    @property
    def pc_id(self) -> str:
        """The client's name."""

    async def connect(self) -> None:
        """This side is ready: ``connected`` and the messages that came before are delivered now."""

    async def disconnect(self) -> None:
        """Tell the client, close everything, deliver ``closed``; a second call waits for the same end."""

    def is_connected(self) -> bool:
        """Whether media flows and ``connect()`` was called."""

    def audio_input_track(self) -> ClientTrack | None:
        """The client's sound; another object after a restart."""

    def video_input_track(self) -> ClientTrack | None:
        """The client's camera."""

    def screen_video_input_track(self) -> ClientTrack | None:
        """The client's shared screen."""

    def replace_audio_track(self, track: OutputSource | None) -> None:
        """Send this sound, now and after every restart; None: nothing."""

    def replace_video_track(self, track: OutputSource | None) -> None:
        """Send this picture, now and after every restart; None: nothing."""

    def send_app_message(self, message: Any) -> bool | None:
        """Send or queue any JSON value; False when it had to be dropped."""

    def event_handler(self, event_name: str, /) -> Callable[[H], H]:
        """Decorator that registers a function or coroutine function."""


@runtime_checkable
class MessageRoom(Protocol):
    """What a connection may have besides, so that a fast writer waits and loses nothing."""

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""


@runtime_checkable
class TimedTrack(Protocol):
    """What a track may have besides, so that the times of its frames are those of capture."""

    async def recv_timed(self) -> tuple[av.VideoFrame | av.AudioFrame, float]:
        """The next frame, and when it was there, in seconds of :func:`time.monotonic`."""

    def take_report(self) -> SenderReport | None:
        """The newest RTCP sender report that was not taken yet."""
