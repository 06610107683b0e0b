"""What a session needs of a connection and its sources, whether WebRTC or a relay carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import av
from aiortc import MediaStreamTrack

from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import ConnectionState, EndReason

__all__ = ["SessionConnection", "SourceTrack"]


class SourceTrack(Protocol):
    """One source of a browser; every member as in :class:`~smallrtc_lab.rtc.incoming.InputTrack`."""

    section: Section
    on_encoded: Callable[[EncodedPacket], None] | None

    @property
    def dropped(self) -> int:
        """Decoded frames that nobody took in time."""

    async def recv_timed(self) -> tuple[av.VideoFrame | av.AudioFrame, float]:
        """The next frame and when it was decoded, in seconds of ``time.monotonic``."""

    def take_report(self) -> SenderReport | None:
        """What the sender said of its clock, once."""

    async def request_keyframe(self) -> bool:
        """Ask for a picture that needs no earlier one."""


class SessionConnection(Protocol):
    """One browser; every member as in :class:`~smallrtc_lab.rtc.connection.SmallWebRTCConnection`."""

    end_reason: EndReason | None

    @property
    def pc_id(self) -> str:
        """Its name."""

    @property
    def state(self) -> ConnectionState:
        """Where it stands."""

    @property
    def takes_messages(self) -> bool:
        """Whether a message goes out at once."""

    @property
    def messages_stuck(self) -> bool:
        """Whether the browser is there and takes nothing."""

    def is_connected(self) -> bool:
        """Whether media flows."""

    def add_event_handler(self, name: str, handler: Callable[..., Any]) -> None:
        """Call ``handler`` for that event."""

    def audio_input_track(self) -> SourceTrack | None:
        """The microphone."""

    def video_input_track(self) -> SourceTrack | None:
        """The camera."""

    def screen_video_input_track(self) -> SourceTrack | None:
        """The shared screen."""

    def takes(self, kind: str) -> bool:
        """Whether this side may send that kind."""

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """Send other sound."""

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """Send another picture."""

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """How many bits a second pictures may take."""

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value."""

    async def messages_taken(self, timeout_s: float) -> bool:
        """Wait until messages go out at once."""

    def speak(self) -> None:
        """What the browser does not have yet of a conversation goes over this one."""

    def ask_to_renegotiate(self) -> None:
        """Ask for a new offer."""

    async def connect(self) -> None:
        """This side is ready."""

    async def disconnect(self) -> None:
        """End it."""

    async def let_go(self) -> None:
        """End it without a word: the client is here by another way."""

    async def stats(self) -> dict[str, Any]:
        """Its figures."""
