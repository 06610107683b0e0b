"""What a page sends over a relay socket: packets of one stream, decoded, bounded and stamped as those of WebRTC are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from fractions import Fraction
from typing import NamedTuple

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.streams import BoundedQueue
from smallrtc_lab.relay.codecs import PictureDecoder, SoundDecoder
from smallrtc_lab.relay.keyframes import KeyframeAsk
from smallrtc_lab.relay.packets import CLOCK_HZ, SDP_NAMES, Media, Report, Stream
from smallrtc_lab.rtc.decoded import AUDIO_FRAMES, DecodedTrack
from smallrtc_lab.rtc.sections import Section

__all__ = ["RelayInputTrack"]

logger = logging.getLogger(__name__)

_PICTURES = 8  # packets that wait for the decoder; the page keeps three on their way
_REPORT_EVERY = 5  # packets of sound


class _Arrived(NamedTuple):
    media: Media
    at_s: float  # of time.monotonic()


class RelayInputTrack(DecodedTrack):
    """One source of a page.

    ``send(report)`` takes what the page must know. Everything on the engine's loop, but for decoding.
    """

    def __init__(self, section: Section, send: Callable[[Report], None], executor: Executor) -> None:
        super().__init__(section, "audio" if section is Section.AUDIO else "video", f"relay-{section.key}")
        self.undecodable = 0
        self._send = send
        self._executor = executor
        self._stream = Stream(int(section))
        self._time_base = Fraction(1, CLOCK_HZ[self._stream])
        self._packets: BoundedQueue[_Arrived] = BoundedQueue(
            AUDIO_FRAMES if self.kind == "audio" else _PICTURES
        )
        self._decoder = SoundDecoder() if self.kind == "audio" else PictureDecoder()
        self._ask = KeyframeAsk()
        self._first_pts: int | None = None
        self._bytes = 0
        self._done = Report(self._stream, 0)
        self._clock: SenderReport | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"relay-{section.key}")

    # Of a page

    def accept(self, media: Media) -> None:
        """A packet came."""
        self._bytes += len(media.content)
        dropped = self._packets.dropped
        self._packets.put(_Arrived(media, time.monotonic()))
        if self._packets.dropped != dropped:
            self._ask.lost()

    # As an InputTrack

    def take_report(self) -> SenderReport | None:
        """Which moment of the page's clock the newest packet was captured at; each is told once."""
        report, self._clock = self._clock, None
        return report

    @property
    def encoded_dropped(self) -> int:
        """Packets that were dropped because decoding could not keep up."""
        return self._packets.dropped

    async def request_keyframe(self) -> bool:
        """Ask the page for a picture that needs no earlier one."""
        if self.kind == "audio" or self.readyState == "ended":
            return False
        self._send(self._done._replace(keyframe=True))
        return True

    def stop(self) -> None:
        """Take no more; whoever waits in ``recv`` gets ``MediaStreamError``."""
        self._frames.close()
        self._packets.close()
        self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing runs any more; after :meth:`stop`."""
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            arrived = await self._packets.get()
            if self._first_pts is None:
                self._first_pts = arrived.media.pts
            if self._ask.usable(arrived.media.keyframe):
                await self._decode(arrived)
            self._report(arrived)

    async def _decode(self, arrived: _Arrived) -> None:
        media, pts = arrived.media, arrived.media.pts - (self._first_pts or 0)
        content, codec = media.content, SDP_NAMES[media.codec]
        self._tell_encoded(EncodedPacket(content, codec, CLOCK_HZ[self._stream], pts, media.keyframe))
        loop = asyncio.get_running_loop()
        try:
            frame = await loop.run_in_executor(self._executor, self._decoder.decode, media)
        except ProtocolError as error:
            self.undecodable += 1
            self._ask.lost()
            logger.warning("%s", error)
            return
        if frame is None:
            return
        frame.pts, frame.time_base = pts, self._time_base
        self._clock = SenderReport(pts, media.time_ms / 1000, arrived.at_s)
        self._decoded(frame)

    def _report(self, arrived: _Arrived) -> None:
        now_s = time.monotonic()
        age_ms = (now_s - arrived.at_s) * 1000
        keyframe = self.kind == "video" and self._ask.ask(now_s)
        self._done = Report(
            self._stream, arrived.media.sequence, len(self._packets), self._bytes % 2**32, age_ms, keyframe
        )
        if self.kind == "video" or arrived.media.sequence % _REPORT_EVERY == 0:
            self._send(self._done)
