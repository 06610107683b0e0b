"""A page that speaks a relay socket's language, without a browser: it sends a known picture and tone, and decodes what
comes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from smallrtc_lab.conversation import MessageInbox, MessageOutbox
from smallrtc_lab.media.convert import from_picture, to_picture
from smallrtc_lab.media.resample import from_av, to_int16
from smallrtc_lab.media.synthetic import audio_source, video_source
from smallrtc_lab.relay.codecs import JpegEncoder, PictureDecoder, SoundDecoder, pcm_bytes
from smallrtc_lab.relay.keyframes import KeyframeGate
from smallrtc_lab.relay.packets import (
    RELAY_VERSION,
    Codec,
    Control,
    Media,
    MessageText,
    Packet,
    Report,
    Stream,
    pack,
    parse,
)
from smallrtc_lab.relay.window import SendWindow
from smallrtc_lab.rtc.encoders import OpusEncoder, VideoEncoder

__all__ = ["RelayPage"]

WIDTH, HEIGHT, FRAME_RATE = 320, 240, 15


class RelayPage:
    """``send(content)`` hands a packet to the engine; :meth:`take` is called with each that comes."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        *,
        name: str = "p1",
        conversation: str | None = None,
        codecs: bool = True,
        goes_on: RelayPage | None = None,
    ) -> None:
        self.welcomed = asyncio.Event()
        self.pictures: list[np.ndarray] = []  # RGB, of the last second or so
        self.sounds: list[np.ndarray] = []
        self.messages: list[Any] = []
        self.came = asyncio.Event()  # another message did
        self.pictures_came = self.sounds_came = 0
        self.window = SendWindow()
        self.keyframes = KeyframeGate()
        self.silent = False  # acknowledges nothing and sends no pings
        self.closed: tuple[int, str] | None = None
        self.carriers: list[Callable[[MessageText], None]] = [self.send]  # those that speak
        self._raw_send = send
        self._codecs = codecs
        self.outbox, self.inbox = MessageOutbox(), MessageInbox()
        self.name, self.conversation = name, conversation or name
        if goes_on is not None:  # another socket of the same page
            self.messages, self.outbox, self.inbox = goes_on.messages, goes_on.outbox, goes_on.inbox
        self._picture_decoder, self._sound_decoder = PictureDecoder(), SoundDecoder()
        self._tasks: list[asyncio.Task[None]] = []

    def hello(self, **changes: Any) -> None:
        """The first word."""
        plays = ["vp8", "opus"] if self._codecs else ["jpeg", "pcm"]
        body = {
            "type": "hello",
            "version": RELAY_VERSION,
            "page": self.name,
            "sends": ["audio", "camera"],
            "takes": ["audio", "video"],
            "plays": plays,
            "conversation": self.conversation,
            "received": self.inbox.received,
        }
        self.send(Control(body | changes))

    def start(self) -> None:
        """Begin to send; after the welcome."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work()) for work in (self._film, self._record, self._ping)]

    async def stop(self) -> None:
        """Send no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def heard(self, packet: Packet) -> None:
        """Any packet came; for who wants to know."""

    def say(self, message: Any) -> None:
        """A message to Python."""
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        """The same as its JSON."""
        kept = self.outbox.put(text)
        assert kept is not None
        for carry in self.carriers:
            carry(kept)

    def speak(self) -> None:
        """Messages go here from now on, and first what is not acknowledged."""
        for kept in self.outbox.unacknowledged:
            self.send(kept)

    def send(self, packet: Packet) -> None:
        """Any packet."""
        self._raw_send(pack(packet))

    def take(self, content: bytes) -> None:
        """A packet of the engine's."""
        packet = parse(content)
        if self.silent:
            return
        self.heard(packet)
        match packet:
            case Control(body) if body["type"] == "welcome":
                self.outbox.acknowledge(body["received"])
                self.speak()
                self.welcomed.set()
            case Media():
                self._show(packet)
            case MessageText():
                if packet.sequence == 0 or self.inbox.accept(packet.sequence):
                    self.messages.append(json.loads(packet.text))
                    self.came.set()
                self.send(Report(Stream.MESSAGES, self.inbox.received))
            case Report() if packet.stream is Stream.MESSAGES:
                self.outbox.acknowledge(packet.sequence)
            case Report() if packet.stream is Stream.CAMERA:
                self.window.acknowledge(packet.sequence, time.monotonic())
                if packet.keyframe:
                    self.keyframes.want()

    def _show(self, media: Media) -> None:
        self.send(Report(media.stream, media.sequence))
        if media.stream is Stream.CAMERA:
            picture = self._picture_decoder.decode(media)
            assert picture is not None
            self.pictures_came += 1
            self.pictures = [*self.pictures[-9:], to_picture(picture, "rgb")]
        else:
            sound = self._sound_decoder.decode(media)
            assert sound is not None
            self.sounds_came += 1
            self.sounds = [*self.sounds[-49:], from_av(sound)]

    async def _film(self) -> None:
        source = video_source("bars", WIDTH, HEIGHT, FRAME_RATE)
        encoder, jpeg = VideoEncoder("VP8", 500_000), JpegEncoder()
        begun_s, number = time.monotonic(), 0
        while True:
            now_s = time.monotonic()
            if self.window.has_room(now_s):
                frame = from_picture(source.picture(number), "rgb")
                frame.pts = number * 90_000 // FRAME_RATE
                if self._codecs:
                    encoded = encoder.encode(frame, keyframe=self.keyframes.take(now_s))
                    assert encoded is not None
                    content, keyframe, codec = encoded.content, encoded.keyframe, Codec.VP8
                else:
                    content, keyframe, codec = jpeg.encode(frame), True, Codec.JPEG
                assert isinstance(content, bytes)
                sequence = self.window.sent(now_s, len(content))
                pts = number * 90_000 // FRAME_RATE
                self.send(Media(Stream.CAMERA, codec, keyframe, sequence, pts, now_s * 1000, content))
            number += 1
            await asyncio.sleep(max(0.0, begun_s + number / FRAME_RATE - time.monotonic()))

    async def _record(self) -> None:
        source, encoder = audio_source("tone", 48_000, 2, hz=700), OpusEncoder()
        begun_s, number = time.monotonic(), 0
        while True:
            samples = to_int16(source.samples(number * 960, 960))
            encoded = encoder.encode(samples, number * 960)
            assert encoded is not None
            assert isinstance(encoded.content, bytes)
            content = encoded.content if self._codecs else pcm_bytes(samples)
            codec = Codec.OPUS if self._codecs else Codec.PCM
            number += 1
            time_ms = (begun_s + number * 0.02) * 1000
            self.send(Media(Stream.AUDIO, codec, True, number, (number - 1) * 960, time_ms - 20, content))
            await asyncio.sleep(max(0.0, begun_s + number * 0.02 - time.monotonic()))

    async def _ping(self) -> None:
        while True:
            if not self.silent:
                self.send(Control({"type": "ping", "time_ms": time.monotonic() * 1000}))
            await asyncio.sleep(1.0)
