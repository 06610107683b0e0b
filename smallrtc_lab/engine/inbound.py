"""What comes from the browser, one object a source, for the whole life of a session.

A connection comes and goes; its tracks are pumped into these streams, which keep the newest picture and the
last seconds of sound, and offer each piece to their subscribers. Everything runs on the engine's loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.clock import SenderReport, SessionClock, StreamClock
from smallrtc_lab.media.encoded import EncodedPacket, Tap, TimedPacket
from smallrtc_lab.media.level import level_db
from smallrtc_lab.media.resample import from_av
from smallrtc_lab.media.ring import AudioRing
from smallrtc_lab.rtc.tracks import InputTrack

from .connections import SourceTrack
from .sound_subscription import AudioSubscription
from .stages import Spread
from .subscriptions import TimedFrame, VideoSubscription

__all__ = ["AUDIO_CHANNELS", "AUDIO_RATE", "AudioInbound", "VideoInbound"]

logger = logging.getLogger(__name__)

AUDIO_RATE = 48000  # Opus decodes to 48 kHz stereo, whatever the microphone had
AUDIO_CHANNELS = 2
_CODEC_DELAY_S = 312 / AUDIO_RATE  # Opus encoders look so far ahead: what they hear comes out so much later
_EARLY_S = 0.5  # before its arrival a sample cannot have been recorded: the pts has jumped
_LATE_S = 1.0  # so late at once: the source has paused, or this process or the network stood still
_JUDGED_S = 0.4  # so long they are watched to tell the two apart: after a stall they come in a burst
_HURRY = 1.15  # seconds of sound a second
_HICCUP_S = 0.04  # a longer wait between two packets of a burst is another stall, and counts as this much
_DRIFT_S = 0.1  # so late all the time: it has paused for a little
_DRIFT_WINDOW_S = 3.0
_AUDIO_TIME_BASE = Fraction(1, AUDIO_RATE)
_VIDEO_TIME_BASE = Fraction(1, 90000)


class _Inbound:
    """A source and whoever listens to it."""

    _time_base = _VIDEO_TIME_BASE

    def __init__(self, source: str, clock: SessionClock) -> None:
        self.source = source
        self.received = 0
        self._clock = clock
        self._first = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._track: SourceTrack | None = None
        self._stream_clock = StreamClock(clock.sender)
        self.taps: list[Tap] = []  # each gets every encoded packet, before it is decoded
        self.listeners: list[Callable[[], None]] = []  # called when something new can be read here
        self._epoch = 0

    @property
    def connected(self) -> bool:
        """Whether the current connection has a track for it."""
        return self._track is not None

    @property
    def flowing(self) -> bool:
        """Whether anything has come since the current connection was made."""
        return self._first.is_set()

    async def wait_flowing(self) -> None:
        """Wait for the first piece of the current connection."""
        await self._first.wait()

    @property
    def dropped(self) -> int:
        """Pieces that were decoded but not read in time, of the current track."""
        return 0 if self._track is None else self._track.dropped

    @property
    def gaps_skipped(self) -> int:
        """How often lost packets were given up, of the current track: what follows is built on what is missing."""
        return self._track.gaps_skipped if isinstance(self._track, InputTrack) else 0

    def meet_sender(self) -> None:
        """A new connection is made: what is known of the clock of the last one's sender holds no longer."""
        self._clock.meet_sender()

    def follow(self, track: SourceTrack) -> None:
        """Read this track from now on; the one before is no longer read."""
        if track is self._track:
            return
        if self._pump is not None:
            self._pump.cancel()
        if self._track is not None:
            self._track.on_encoded = None
        self._track = track
        self._epoch += 1
        track.on_encoded = self._tapped
        self._first.clear()
        self._connected()
        self._pump = asyncio.get_running_loop().create_task(self._run(track), name=f"inbound-{self.source}")

    async def disconnect(self) -> None:
        """The connection has gone; what was received stays readable."""
        self._first.clear()
        self._track = None
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None

    async def request_keyframe(self) -> bool:
        """Ask the browser for a picture that needs no earlier one; whether a request went out."""
        return self._track is not None and await self._track.request_keyframe()

    def _tapped(self, packet: EncodedPacket) -> None:
        if not self.taps:
            return
        arrival_s = self._clock.now_s()
        time_s = self._stream_clock.estimate(packet.pts, Fraction(1, packet.clock_hz), arrival_s)
        timed = TimedPacket(packet, time_s, self._stream_clock.kind, arrival_s, self._epoch)
        for tap in self.taps:
            tap(timed)

    def _connected(self) -> None:
        self._stream_clock = StreamClock(self._clock.sender)

    def _report(self, report: SenderReport, time_base: Fraction) -> None:
        arrival_s = self._clock.to_session(report.arrival_s)
        self._stream_clock.report(report.pts, time_base, report.ntp_s, arrival_s)

    def _accept(self, frame: object, decoded_s: float) -> None:
        raise NotImplementedError

    async def _run(self, track: SourceTrack) -> None:
        try:
            while True:
                frame, decoded_s = await track.recv_timed()
                report = track.take_report()
                if report is not None:
                    self._report(report, frame.time_base or self._time_base)
                self._accept(frame, decoded_s)
                self.received += 1
                self._first.set()
                for listener in self.listeners:
                    listener()
        except MediaStreamError:
            logger.debug("%s ended", self.source)


class VideoInbound(_Inbound):
    """A camera or a screen."""

    def __init__(self, source: str, clock: SessionClock) -> None:
        super().__init__(source, clock)
        self.latest: TimedFrame | None = None
        self.network = Spread()  # from capture to decoded
        self.subscriptions: dict[int, VideoSubscription] = {}
        self.on_frame: Callable[[TimedFrame], None] | None = None
        self.watchers: list[Callable[[int, TimedFrame], None]] = []  # each gets the epoch and every picture

    def _accept(self, frame: object, decoded_s: float) -> None:
        assert isinstance(frame, av.VideoFrame)
        arrival_s = self._clock.to_session(decoded_s)
        time_s = self._stream_clock.map(frame.pts or 0, frame.time_base or _VIDEO_TIME_BASE, arrival_s)
        kind = self._stream_clock.kind
        timed = TimedFrame(frame, self.received, time_s, decoded_s, kind, arrival_s - time_s)
        if kind == "capture":
            self.network.add(timed.age_s)
        self.latest = timed
        if self.on_frame is not None:
            self.on_frame(timed)
        for watcher in self.watchers:
            watcher(self._epoch, timed)
        for subscription in self.subscriptions.values():
            subscription.offer(timed)


class _Packet(NamedTuple):
    """``samples`` (n, 2) int16 from ``pts`` on, which came at session time ``arrival_s``."""

    samples: npt.NDArray[np.int16]
    pts: int
    arrival_s: float


class AudioInbound(_Inbound):
    """The microphone: a ring of its last seconds, addressed by samples since the session began.

    The ring is the sender's count of samples: it knows no drift and no correction, so that nothing is ever
    doubled or left out. What a sample's time is, is a matter of ``axis`` alone, which follows the clocks.
    """

    _time_base = _AUDIO_TIME_BASE

    def __init__(self, clock: SessionClock, *, ring_s: float = 30.0) -> None:
        super().__init__("microphone", clock)
        self.ring = AudioRing(AUDIO_RATE, AUDIO_CHANNELS, ring_s)
        self.axis = SampleAxis(AUDIO_RATE, -_CODEC_DELAY_S)
        self.subscriptions: dict[int, AudioSubscription] = {}
        self.on_samples: Callable[[npt.NDArray[np.int16], int], None] | None = None
        self._base: int | None = None
        self._newest_pts = 0  # of what has its place
        self._catching_up = False
        self._held: list[_Packet] = []  # so late that it is not clear yet where they belong
        self._least_late_s = float("inf")  # in the window of now
        self._window_end_s = 0.0
        self._begin = 0  # position of the connection's first sample
        self._samples = 0  # how many have come since

    @property
    def loss(self) -> float:
        """Share of the samples since the connection was made that never came, 0 to 1."""
        expected = self.ring.end - self._begin
        return 1.0 - self._samples / expected if expected > 0 else 0.0

    def level_db(self) -> float:
        """RMS level of the last tenth of a second in dBFS."""
        samples, _, _ = self.ring.last(0.1)
        return level_db(samples)

    def _connected(self) -> None:
        super()._connected()
        self._base = None
        self._newest_pts = -1
        self._catching_up = False
        self._held.clear()

    def _accept(self, frame: object, decoded_s: float) -> None:
        assert isinstance(frame, av.AudioFrame)
        self._held.append(_Packet(from_av(frame), frame.pts or 0, self._clock.to_session(decoded_s)))
        goes_on = self._held[-1].pts > self._newest_pts
        if goes_on and self._late_s(self._held[-1]) > _LATE_S:
            if not self._catching_up and not self._judged():
                return
        else:
            self._catching_up = False
        for packet in self._held:
            self._place(packet)
        self._held.clear()

    def _judged(self) -> bool:
        """Whether it is clear by now what the held packets are: the end of a pause, or of a stall."""
        came_s = sum(min(b.arrival_s - a.arrival_s, _HICCUP_S) for a, b in pairwise(self._held))
        if came_s < _JUDGED_S:
            return False
        recorded_s = (self._held[-1].pts - self._held[0].pts) / AUDIO_RATE
        self._catching_up = recorded_s > _HURRY * came_s
        if not self._catching_up:
            self._rebase(self._held[0])
        return True

    def _late_s(self, packet: _Packet) -> float:
        """How much later than by its pts a packet came; 0 for the first of a connection."""
        if self._base is None:
            self._begin, self._samples = max(self._by_arrival(packet), self.ring.end), 0
            self._rebase(packet)
        assert self._base is not None
        return (self._by_arrival(packet) - self._base - packet.pts) / AUDIO_RATE

    def _place(self, packet: _Packet) -> None:
        """Put samples where they belong: by pts within a connection, by arrival where that leads astray."""
        late_s = self._late_s(packet)
        self._least_late_s = min(self._least_late_s, late_s)
        jumped_back = late_s > _LATE_S and packet.pts < self._newest_pts
        if late_s < -_EARLY_S or jumped_back or self._has_paused(packet):
            self._rebase(packet)
        elif packet.arrival_s > self._window_end_s:
            self._begin_window(packet.arrival_s)
        assert self._base is not None
        self._take(packet, self._base + packet.pts)

    def _take(self, packet: _Packet, position: int) -> None:
        self._newest_pts = packet.pts
        samples, duration_s = packet.samples, len(packet.samples) / AUDIO_RATE
        if self._late_s(packet) <= _LATE_S:  # what came in a burst tells nothing about time
            clock = self._stream_clock
            time_s = clock.map(packet.pts, _AUDIO_TIME_BASE, packet.arrival_s, duration_s=duration_s)
            self.axis.follow(position, len(samples), time_s - _CODEC_DELAY_S, clock.kind)
        self.ring.append(samples, position)
        self.axis.forget(self.ring.start)
        self._samples += len(samples)
        if self.on_samples is not None:
            self.on_samples(samples, position)
        for subscription in self.subscriptions.values():
            subscription.offer(samples, position)

    def _by_arrival(self, packet: _Packet) -> int:
        """Where samples belong that were recorded just before they came."""
        return round((packet.arrival_s - self.axis.shift_s - _CODEC_DELAY_S) * AUDIO_RATE) - len(
            packet.samples
        )

    def _has_paused(self, packet: _Packet) -> bool:
        """Whether all sound is late for seconds. With reports a little of that is known to be the way's."""
        most_s = _LATE_S if self._stream_clock.reported else _DRIFT_S
        return packet.arrival_s > self._window_end_s and self._least_late_s > most_s

    def _rebase(self, packet: _Packet) -> None:
        self._base = max(self._by_arrival(packet), self.ring.end) - packet.pts
        self._stream_clock = StreamClock(self._clock.sender)
        self._begin_window(packet.arrival_s)

    def _begin_window(self, arrival_s: float) -> None:
        self._least_late_s = float("inf")
        self._window_end_s = arrival_s + _DRIFT_WINDOW_S
