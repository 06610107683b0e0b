"""A browser of our own: synthetic sources sent through real WebRTC, for a notebook that runs without a camera.

It is an aiortc peer in the engine that speaks the page's protocol: same sections, same data channel, same heartbeat. It
sends every message back that comes to it, so that messages can be tried as well. It works on a machine with no network
but loopback, and without any Jupyter server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from smallrtc_lab.media.convert import Reformatter, from_picture
from smallrtc_lab.media.resample import from_av, to_float, to_int16
from smallrtc_lab.media.synthetic import AudioSource, VideoSource, audio_source, video_source
from smallrtc_lab.rtc._aiortc import add_loopback_candidate

__all__ = ["SimulatedBrowser"]

Message = dict[str, Any]
_AUDIO_RATE = 48000
_AUDIO_BLOCK = 960
_AUDIO_PATIENCE_S = 0.8
_AUDIBLE = 10 ** (-50 / 20)
_HEARTBEAT_S = 1.0


class _Paced:
    """Wakes at fixed times; after a stall longer than ``patience_s`` it skips what is past instead of hurrying."""

    def __init__(self, interval_s: float, patience_s: float = 0.0) -> None:
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._start_s: float | None = None
        self._index = -1
        self.sent = 0
        self.skipped = 0

    async def next_index(self) -> int:
        """Wait for the next time; returns its index since the start."""
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        due = int((now_s - self._start_s) / self._interval_s)
        self._index += 1
        if (due - self._index) * self._interval_s > self._patience_s:
            self.skipped += due - self._index
            self._index = due
        delay_s = self._start_s + self._index * self._interval_s - now_s
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        self.sent += 1
        return self._index


class _SyntheticVideoTrack(MediaStreamTrack):
    kind = "video"

    def __init__(self, source: VideoSource, frame_rate: float) -> None:
        super().__init__()
        self._source = source
        self.pace = _Paced(1.0 / frame_rate)
        self._ticks = 90000 / frame_rate
        self._reformatter = Reformatter()

    async def recv(self) -> av.VideoFrame:
        index = await self.pace.next_index()
        frame = from_picture(self._source.picture(index), "rgb", reformatter=self._reformatter)
        frame.pts = round(index * self._ticks)
        frame.time_base = Fraction(1, 90000)
        return frame


class _SyntheticAudioTrack(MediaStreamTrack):
    kind = "audio"

    def __init__(self, source: AudioSource) -> None:
        super().__init__()
        self._source = source
        # As a browser does: sound that is a little late is sent all the same, for a missing piece is heard.
        self.pace = _Paced(_AUDIO_BLOCK / _AUDIO_RATE, _AUDIO_PATIENCE_S)

    async def recv(self) -> av.AudioFrame:
        index = await self.pace.next_index()
        samples = to_int16(self._source.samples(index * _AUDIO_BLOCK, _AUDIO_BLOCK))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), "s16", "stereo")
        frame.sample_rate = _AUDIO_RATE
        frame.pts = index * _AUDIO_BLOCK
        frame.time_base = Fraction(1, _AUDIO_RATE)
        return frame


class SimulatedBrowser:
    """Sends ``video`` and ``audio`` (a source's name and options each, or None) to a session's offer method."""

    def __init__(self, video: Message | None, audio: Message | None) -> None:
        self._tracks = (_audio_track(audio), _video_track(video))
        self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._channel: RTCDataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.returned = {"audio": 0, "video": 0}  # frames that came back
        self.heard_s = 0.0  # sound in them, without the silence
        self._peer.on("track", lambda track: self._spawn(self._consume(track), f"simulated-{track.kind}"))

    async def connect(self, offer: Callable[[Message], Awaitable[Message]]) -> None:
        """Make the offer and take the answer; media flows soon after."""
        for kind, track in zip(("audio", "video"), self._tracks, strict=True):
            direction = "sendrecv" if track is not None else "recvonly"
            self._peer.addTransceiver(track if track is not None else kind, direction=direction)
        self._channel = self._peer.createDataChannel("chat", ordered=True)
        self._channel.on("open", self._opened)
        self._channel.on("message", self._echo)
        add_loopback_candidate(self._peer)  # after all transports exist, before they gather
        await self._peer.setLocalDescription(await self._peer.createOffer())
        local = self._peer.localDescription
        answer = await offer({"sdp": local.sdp, "type": local.type, "pc_id": None, "restart_pc": False})
        await self._peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    def stats(self) -> Message:
        """By kind: frames ``sent``, those ``skipped`` because this machine stood still, and those ``returned``.

        ``heard_s`` is how many seconds of sound above −50 dBFS came back.
        """
        counted: Message = {}
        for kind, track in zip(("audio", "video"), self._tracks, strict=True):
            sent, skipped = (0, 0) if track is None else (track.pace.sent, track.pace.skipped)
            counted[kind] = {"sent": sent, "skipped": skipped, "returned": self.returned[kind]}
        counted["audio"]["heard_s"] = round(self.heard_s, 2)
        return counted

    async def close(self) -> None:
        """Hang up; no task, thread or socket stays."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for track in self._tracks:
            if track is not None:
                track.stop()
        await self._peer.close()

    def _opened(self) -> None:
        self._spawn(self._beat(), "simulated-heartbeat")

    def _echo(self, text: str | bytes) -> None:
        """Application messages go back as they came; those of the protocol do not."""
        message = json.loads(text)
        signal = isinstance(message, dict) and message.get("type") == "signalling"
        if not signal and self._channel is not None and self._channel.readyState == "open":
            self._channel.send(text)

    async def _consume(self, track: MediaStreamTrack) -> None:
        """Read what comes back, for an unread aiortc track grows without bound (aiortc#554)."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.returned[track.kind] += 1
                if isinstance(frame, av.AudioFrame) and np.std(to_float(from_av(frame))) > _AUDIBLE:
                    self.heard_s += frame.samples / frame.sample_rate

    def _spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while (channel := self._channel) is not None and channel.readyState == "open":
            channel.send(f"ping: {int(time.time() * 1000)}")
            await asyncio.sleep(_HEARTBEAT_S)


def _video_track(options: Message | None) -> _SyntheticVideoTrack | None:
    if options is None:
        return None
    rate = float(options.get("frame_rate", 30))
    width, height = int(options.get("width", 640)), int(options.get("height", 480))
    source = video_source(options["name"], width, height, rate, int(options.get("seed", 0)))
    return _SyntheticVideoTrack(source, rate)


def _audio_track(options: Message | None) -> _SyntheticAudioTrack | None:
    if options is None:
        return None
    rest = {k: v for k, v in options.items() if k not in ("name", "seed")}
    # Two channels: aiortc's Opus encoder would turn one into two with 3 dB less in each.
    source = audio_source(options["name"], _AUDIO_RATE, 2, int(options.get("seed", 0)), **rest)
    return _SyntheticAudioTrack(source)
