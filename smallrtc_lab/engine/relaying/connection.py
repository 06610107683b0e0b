"""One page over a relay socket, as a connection: the members that :class:`~..flow.Flow` uses of a WebRTC one.

To flow, callbacks and transport it is just another connection. Whoever owns the socket hands over what comes by
:meth:`RelayConnection.receive` and says when it is gone; packets go out by ``send``.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiortc import MediaStreamTrack

from smallrtc_lab.conversation import Conversation, MessageText
from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.relay.packets import (
    RELAY_VERSION,
    Codec,
    Control,
    Media,
    Packet,
    Report,
    Stream,
    pack,
)
from smallrtc_lab.rtc.client_life import ClientLife
from smallrtc_lab.rtc.heartbeat import Heartbeat
from smallrtc_lab.rtc.messages import AppMessage, Incoming, TrackStatus
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import ConnectionState, EndReason

from .input import RelayInputTrack
from .messages import RelayMessages
from .output import RelayPictures, RelaySound

__all__ = ["RelayConnection"]

logger = logging.getLogger(__name__)


class RelayConnection(ClientLife):
    """A page's media and messages over one socket.

    ``hello`` is the page's first word: ``sends`` (the streams it may send: ``audio camera screen``), ``takes`` (the
    kinds it shows), ``plays`` (the codecs it decodes), and ``received``, the last message it has of the
    ``conversation``. It counts as connected from its creation on.
    """

    def __init__(
        self, hello: dict[str, Any], send: Callable[[bytes], None], conversation: Conversation | None = None
    ) -> None:
        super().__init__()
        self.on_closed: Callable[[], None] | None = None
        self._pc_id = f"RelayConnection-{uuid.uuid4().hex}"
        self._raw_send = send
        self._state = ConnectionState.CONNECTED
        self._seen = True
        self.conversation = conversation or Conversation()
        self._messages = RelayMessages(self._send, self._on_message, self.conversation)
        received = hello.get("received")
        self._messages.acknowledged(received if isinstance(received, int) else 0)
        self._bytes_in = self._bytes_out = 0
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="relay")
        self._takes = _words(hello.get("takes"), ("audio", "video"))
        self._inputs = {
            section: RelayInputTrack(section, self._send, self._executor)
            for section in Section
            if Stream(int(section)).name.lower() in _words(hello.get("sends"), ("audio", "camera", "screen"))
        }
        plays = _words(hello.get("plays"), ("vp8", "opus", "jpeg", "pcm"))
        self._pictures = RelayPictures(
            self._send, self._executor, codec=Codec.VP8 if "vp8" in plays else Codec.JPEG
        )
        self._sound = RelaySound(
            self._send, self._executor, codec=Codec.OPUS if "opus" in plays else Codec.PCM
        )
        self._heartbeat = Heartbeat(self._on_pulse)
        self._heartbeat.beat()

    def welcome(self) -> None:
        """It is the session's connection now: the page may send."""
        about = {"pc_id": self._pc_id, "received": self._messages.last_received}
        self._send(Control({"type": "welcome", "version": RELAY_VERSION, **about}))
        for track in self._inputs.values():
            self._events.post("track-started", track)

    # What the socket brings

    def receive(self, packet: Packet, size: int) -> None:
        """One packet of ``size`` bytes; raises :class:`ProtocolError` for one that makes no sense here."""
        self._bytes_in += size
        match packet:
            case Media():
                self._media(packet)
            case Report():
                self._reported(packet)
            case MessageText():
                self._messages.received(packet)
            case Control():
                self._control(packet.body)

    def lost(self) -> None:
        """The socket is gone, and the page may come back with another one: its silence tells whether it does."""
        if self._close_task is None and self._closing is None:
            self._enter(ConnectionState.DISCONNECTED)

    def left(self) -> None:
        """The page has gone, or is not listened to any more."""
        self._close_soon(EndReason.LEFT)

    # What a flow uses

    @property
    def pc_id(self) -> str:
        """Its name."""
        return self._pc_id

    async def connect(self) -> None:
        """This side is ready: ``connected`` and the messages that came before are delivered now."""
        if not self._connect_called:
            self._connect_called = True
            if self._state is ConnectionState.CONNECTED:
                self._announce_connected()

    def audio_input_track(self) -> RelayInputTrack | None:
        """The page's microphone."""
        return self._inputs.get(Section.AUDIO)

    def video_input_track(self) -> RelayInputTrack | None:
        """The page's camera."""
        return self._inputs.get(Section.CAMERA)

    def screen_video_input_track(self) -> RelayInputTrack | None:
        """The page's shared screen."""
        return self._inputs.get(Section.SCREEN)

    def takes(self, kind: str) -> bool:
        """Whether the page shows ``"audio"`` or ``"video"`` of ours."""
        return kind in self._takes

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """Send other sound, or none. Of a page that plays none nothing is read."""
        self._sound.track.replace(track if self.takes("audio") else None)

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """Send another picture, or none. Of a page that shows none nothing is read."""
        self._pictures.track.replace(track if self.takes("video") else None)

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """How many bits a second pictures may take at most; the path decides below that."""
        self._pictures.use_bitrate(wanted_bps, limit_bps)

    def ask(self, scale: float, max_frame_rate: float | None) -> None:
        """Send smaller and fewer pictures from now on."""
        self._pictures.ask(scale, max_frame_rate)

    def show(self, seen: bool) -> None:
        """Whether somebody looks at the page: no pictures are sent while nobody does. Called again and again."""
        if seen != self._seen:
            self._seen = seen
            self._pictures.show(seen)

    def watch_sent(self, on_sent: Callable[[Section, EncodedPacket], None] | None) -> None:
        """Call ``on_sent(section, packet)`` for everything that is sent from now on, encoded; None: no longer."""
        for section, output in ((Section.AUDIO, self._sound), (Section.CAMERA, self._pictures)):
            output.on_sent = None if on_sent is None else functools.partial(on_sent, section)

    def request_own_keyframe(self) -> None:
        """Send a picture next that can be decoded without the ones before."""
        self._pictures.want_keyframe()

    def ask_to_renegotiate(self) -> None:
        """A relay has nothing to negotiate."""

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value, in order and once; False when too many are unacknowledged."""
        return self._messages.send(message)

    @property
    def takes_messages(self) -> bool:
        """Whether a message goes out at once."""
        return self._state is ConnectionState.CONNECTED and self._messages.taken

    async def messages_taken(self, timeout_s: float) -> bool:
        """Wait until messages go out at once; False when the time was up first."""
        return await self._messages.wait_taken(timeout_s)

    def speak(self) -> None:
        """What the page does not have yet of the conversation goes over this socket, and whatever follows."""
        self._messages.speak()

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""
        return await self._messages.wait_room(timeout_s)

    @property
    def messages_stuck(self) -> bool:
        """Whether the page is there and has acknowledged nothing for 5 s of what was said."""
        return self._state is ConnectionState.CONNECTED and self._messages.stuck

    async def stats(self) -> dict[str, Any]:
        """As those of a WebRTC connection, where there is such a thing; ``route`` is ``"relay"``."""
        rtt_s = self._pictures.window.rtt_s or self._sound.window.rtt_s
        return {
            "state": self._state.value,
            "route": "relay",
            "rtt_ms": None if rtt_s is None else rtt_s * 1000,
            "bytes_received": self._bytes_in,
            "bytes_sent": self._bytes_out,
            "messages_dropped": self._messages.dropped,
            "messages_stuck": self.messages_stuck,
            **{section.key: self._section(section) for section in Section},
        }

    async def disconnect(self) -> None:
        """Tell the page, close everything, deliver ``closed``; a second call waits for the same end."""
        if self._closing is None and self._state is ConnectionState.CONNECTED:
            self._messages.signal("peerLeft")
        await self._close(EndReason.HERE)

    # Inside

    def _section(self, section: Section) -> dict[str, Any] | None:
        track = self._inputs.get(section)
        output = {Section.AUDIO: self._sound, Section.CAMERA: self._pictures}.get(section)
        figures: dict[str, Any] = {}
        if output is not None:
            figures |= {"frames_sent": output.sent, "frames_unsent": output.unsent}
        if track is not None:
            figures |= {
                "frames_received": track.received,
                "frames_dropped": track.dropped,
                "encoded_dropped": track.encoded_dropped,
                "enabled": track.enabled,
            }
        return figures or None

    def _media(self, media: Media) -> None:
        track = self._inputs.get(Section(int(media.stream)))
        if track is None:
            raise ProtocolError(f"the page did not say that it sends {media.stream.name}")
        track.accept(media)

    def _reported(self, report: Report) -> None:
        if report.stream is Stream.MESSAGES:
            self._messages.acknowledged(report.sequence)
        elif report.stream is Stream.AUDIO:
            self._sound.reported(report)
        elif report.stream is Stream.CAMERA:
            self._pictures.reported(report)

    def _control(self, body: dict[str, Any]) -> None:
        if body["type"] == "ping":
            self._heartbeat.beat()
            self._send(Control({"type": "pong", "time_ms": body.get("time_ms")}))
        elif body["type"] == "bye":
            self.left()

    def _on_message(self, message: Incoming) -> None:
        match message:
            case TrackStatus(section, enabled):
                track = self._inputs.get(section)
                if track is not None:
                    track.set_enabled(enabled)
                self._events.post("track-status", section, enabled)
            case AppMessage(value):
                self._on_app_message(value)

    def _send(self, packet: Packet) -> None:
        content = pack(packet)
        self._bytes_out += len(content)
        self._raw_send(content)

    async def _end(self, reason: EndReason) -> None:
        self._state = ConnectionState.CLOSED
        self._heartbeat.stop()
        self._messages.close()
        parts: list[RelayInputTrack | RelayPictures | RelaySound] = [self._pictures, self._sound]
        parts += self._inputs.values()
        for part in parts:
            part.stop()
        for part in parts:
            await part.ended()
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self.on_closed is not None:
            self.on_closed()


def _words(value: object, known: tuple[str, ...]) -> frozenset[str]:
    """Those of a list that a stranger sent which are known."""
    return frozenset(word for word in known if isinstance(value, list) and word in value)
