"""A browser's part at a relay socket, with the members of the bare aiortc peer that contract tests drive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.resample import from_av
from smallrtc_lab.relay.codecs import PictureDecoder, SoundDecoder
from smallrtc_lab.relay.keyframes import KeyframeGate
from smallrtc_lab.relay.packets import RELAY_VERSION, Codec, Control, Media, Packet, Report, Stream
from smallrtc_lab.relay.window import SendWindow
from smallrtc_lab.rtc.encoders import OpusEncoder, VideoEncoder

from .relaypage import RelayPage

__all__ = ["RelayBrowser"]

_STREAMS = {"audio": Stream.AUDIO, "video": Stream.CAMERA, "screen": Stream.SCREEN}
_NAMES = {Stream.AUDIO: "audio", Stream.CAMERA: "camera", Stream.SCREEN: "screen"}


class _Returned(MediaStreamTrack):
    """What comes back, as a browser's track."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.frames: asyncio.Queue[Any] = asyncio.Queue(500)

    async def recv(self) -> Any:
        frame = await self.frames.get()
        if frame is None:
            raise MediaStreamError
        return frame

    def put(self, frame: Any) -> None:
        if self.frames.full():
            self.frames.get_nowait()
        self.frames.put_nowait(frame)


class _Channel:
    """Its data channel: texts go into the conversation."""

    readyState = "open"

    def __init__(self, page: RelayBrowser) -> None:
        self._page = page

    def send(self, text: str) -> None:
        self._page.say_text(text)


class RelayBrowser(RelayPage):
    """``audio``, ``video`` and ``screen`` are tracks to send, or "recvonly"; ``tracks`` are what comes back."""

    def __init__(
        self, send: Callable[[bytes], None], *, audio: Any = None, video: Any = None, screen: Any = None
    ) -> None:
        super().__init__(send)
        self._sections = {"audio": audio, "video": video, "screen": screen}
        self._returned = {
            kind: _Returned(kind) for kind in ("audio", "video") if self._sections[kind] is not None
        }
        self.tracks = list(self._returned.values())
        self.channel = _Channel(self)
        self._windows = {Stream.CAMERA: SendWindow(), Stream.SCREEN: SendWindow()}
        self._gates = {Stream.CAMERA: KeyframeGate(), Stream.SCREEN: KeyframeGate()}
        self._pictures, self._sound = PictureDecoder(), SoundDecoder()

    async def open(self) -> None:
        """Say hello; returns when it is welcomed, and sends."""
        sends = [_NAMES[_STREAMS[name]] for name, one in self._sections.items() if _sent(one)]
        takes = list(self._returned)
        self.hello(version=RELAY_VERSION, sends=sends, takes=takes)
        async with asyncio.timeout(60):
            await self.welcomed.wait()
        loop = asyncio.get_running_loop()
        tracks = [(name, one) for name, one in self._sections.items() if _sent(one)]
        self._tasks = [loop.create_task(self._ping())]
        self._tasks += [loop.create_task(self._stream(_STREAMS[name], track)) for name, track in tracks]

    async def close(self) -> None:
        """Leave as a page does."""
        await self.stop()
        self.send(Control({"type": "bye"}))
        for track in self._returned.values():
            track.put(None)

    def heard(self, packet: Packet) -> None:
        """See :meth:`RelayPage.take`, for packets of pictures too."""
        if isinstance(packet, Report) and packet.stream in self._windows:
            self._windows[packet.stream].acknowledge(packet.sequence, time.monotonic())
            if packet.keyframe:
                self._gates[packet.stream].want()

    def _show(self, media: Media) -> None:
        self.send(Report(media.stream, media.sequence))
        audio = media.stream is Stream.AUDIO
        frame = (self._sound if audio else self._pictures).decode(media)
        track = self._returned.get("audio" if audio else "video")
        if frame is not None and track is not None:
            frame.pts, frame.time_base = media.pts, Fraction(1, 48_000 if audio else 90_000)
            track.put(frame)

    async def _stream(self, stream: Stream, track: MediaStreamTrack) -> None:
        encoder: Any = OpusEncoder() if stream is Stream.AUDIO else VideoEncoder("VP8", 1_500_000)
        number = 0
        try:
            while True:
                frame = await track.recv()
                now_s = time.monotonic()
                encoded, codec = self._encoded(stream, encoder, frame, now_s)
                if encoded is None:
                    continue
                size = len(encoded.content)
                number = number + 1 if stream is Stream.AUDIO else self._windows[stream].sent(now_s, size)
                rate = 48_000 if stream is Stream.AUDIO else 90_000
                pts = round(frame.pts * frame.time_base * rate)
                self.send(Media(stream, codec, encoded.keyframe, number, pts, now_s * 1000, encoded.content))
        except MediaStreamError:
            return

    def _encoded(self, stream: Stream, encoder: Any, frame: Any, now_s: float) -> tuple[Any, Codec]:
        if isinstance(frame, av.AudioFrame):
            return encoder.encode(np.ascontiguousarray(from_av(frame)), frame.pts), Codec.OPUS
        if not self._windows[stream].has_room(now_s):
            return None, Codec.VP8
        return encoder.encode(frame, keyframe=self._gates[stream].take(now_s)), Codec.VP8


def _sent(section: Any) -> bool:
    return isinstance(section, MediaStreamTrack)
