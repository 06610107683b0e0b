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

from smallrtc_lab.media.resample import from_av, to_float
from smallrtc_lab.rtc._aiortc import add_loopback_candidate

from .simulated_tracks import SimulatedTracks, shown_code, simulated_tracks

__all__ = ["SimulatedBrowser"]

Message = dict[str, Any]
_AUDIBLE = 10 ** (-50 / 20)
_HEARTBEAT_S = 1.0


class SimulatedBrowser:
    """Sends ``video`` and ``audio`` (a source's name and options each, or None) to a session's offer method.

    Raises as :func:`~.simulated_tracks.simulated_tracks` does.
    """

    def __init__(
        self, video: Message | None, audio: Message | None, *, tracks: SimulatedTracks | None = None
    ) -> None:
        self._tracks = simulated_tracks(video, audio) if tracks is None else tracks
        self.camera = self._tracks[1]
        self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._channel: RTCDataChannel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.returned = {"audio": 0, "video": 0}  # frames that came back
        self.heard_s = 0.0  # sound in them, without the silence
        self._on_returned: Callable[[int, float], None] | None = None  # gets time codes that came back
        self._peer.on("track", lambda track: self._spawn(self._consume(track), f"simulated-{track.kind}"))

    @classmethod
    async def opened(cls, video: Message | None, audio: Message | None) -> SimulatedBrowser:
        """As the constructor, where a file may take its time to be opened."""
        return cls(video, audio, tracks=await asyncio.to_thread(simulated_tracks, video, audio))

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

    def stamp(self, on_returned: Callable[[int, float], None] | None) -> None:
        """Draw time codes from now on; what comes back is told with its time of ``time.monotonic``. None: no longer."""
        self._on_returned = on_returned
        if self.camera is not None:
            self.camera.stamping = on_returned is not None

    def ask(self, scale: float, max_frame_rate: float | None) -> None:
        """Send smaller pictures from now on, and no more than so many a second."""
        if self.camera is not None:
            self.camera.ask(scale, max_frame_rate)

    def taken_s(self, code: int | None) -> float | None:
        """When the picture that shows this time code was taken, by ``time.monotonic``; None for none of ours."""
        return None if code is None or self.camera is None else self.camera.taken_s.get(code)

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
                elif isinstance(frame, av.VideoFrame) and self._on_returned is not None:
                    seen_s = time.monotonic()
                    if (code := shown_code(frame)) is not None:
                        self._on_returned(code, seen_s)

    def _spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while (channel := self._channel) is not None and channel.readyState == "open":
            channel.send(f"ping: {int(time.time() * 1000)}")
            await asyncio.sleep(_HEARTBEAT_S)
