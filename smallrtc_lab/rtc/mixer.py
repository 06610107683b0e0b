"""Sound of many for many: everybody who joined hears all the others, and not itself.

    mixer = AudioMixer()
    voice = mixer.join("Ada")
    connection.replace_audio_track(voice.others())
    await voice.follow(connection.audio_input_track())     # or voice.put(sound), as it comes

Nothing runs while nobody listens: a block of 20 ms is added up when the first listener wants it, and the others get the
same sum without their own part. Listeners and voices may live on any loop and thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.limiter import Limiter
from smallrtc_lab.media.mixing import BLOCK, CHANNELS, Mix, VoiceQueue
from smallrtc_lab.media.resample import Int16, Resampler, to_int16

from .accept import read_sound
from .client import FrameSource
from .outgoing import AUDIO_RATE_HZ, AUDIO_TIME_BASE

__all__ = ["AudioMixer", "MixTrack", "Voice"]

BLOCK_S = BLOCK / AUDIO_RATE_HZ
CATCH_UP_S = 0.06  # later than this is a stall: those blocks are left out, not sent in a burst


class MixTrack(MediaStreamTrack):
    """The sum, without one voice: 20 ms frames of 48 kHz stereo s16, never above full scale.

    ``sent`` counts frames, ``skipped`` those whose time passed in a stall, ``limited`` those that were turned down.
    """

    kind = "audio"

    def __init__(self, mixer: AudioMixer, without: Voice | None) -> None:
        super().__init__()
        self.sent = self.skipped = 0
        self._mixer = mixer
        self._without = without
        self._limiter = Limiter()
        self._first: int | None = None
        self._next = 0

    @property
    def limited(self) -> int:
        """Frames that would have been louder than full scale."""
        return self._limiter.limited

    async def recv(self) -> av.AudioFrame:
        """The next frame, not before it is due; raises ``MediaStreamError`` when the track or the mixer has ended."""
        await self._wait_until_due()
        if self.readyState != "live" or self._mixer.closed:
            raise MediaStreamError("the track was stopped")
        assert self._first is not None
        samples = self._limiter.process(self._mixer.mixed(self._next, self._without))
        frame = av.AudioFrame(format="s16", layout="stereo", samples=BLOCK)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.time_base = AUDIO_RATE_HZ, AUDIO_TIME_BASE
        frame.pts = (self._next - self._first) * BLOCK
        self._next += 1
        self.sent += 1
        return frame

    async def _wait_until_due(self) -> None:
        now = self._mixer.blocks_passed()
        if self._first is None:
            self._first = self._next = int(now) + 1
        elif (now - self._next) * BLOCK_S > CATCH_UP_S:
            self.skipped += int(now) - self._next
            self._next = int(now)
        if self._next > now:
            await asyncio.sleep((self._next - now) * BLOCK_S)


class Voice:
    """One who is heard; ``name`` is whatever it was called by, ``since_s`` when it joined (:func:`time.time`)."""

    def __init__(self, mixer: AudioMixer, name: str | None, queue: VoiceQueue) -> None:
        self.name = name
        self.since_s = time.time()
        self._mixer = mixer
        self._queue = queue
        self._left = False
        self._resampler: Resampler | None = None

    def __repr__(self) -> str:
        return f"Voice({self.name!r}, for {time.time() - self.since_s:.0f} s)"

    @property
    def queue(self) -> VoiceQueue:
        """For the mixer: what was put and is not mixed yet."""
        return self._queue

    def put(self, sound: Any, *, sample_rate: int = AUDIO_RATE_HZ) -> None:
        """Say ``sound``, live: an :class:`AudioClip`, (n,) or (n, channels) int16 or float, or a frame of PyAV's.

        Never waits: what is more than the mixer's ``bound_s`` ahead is dropped, oldest first, and counted. From any
        thread, one at a time. Raises :class:`ClosedError` after :meth:`leave`, and as :func:`.accept.read_sound` does.
        """
        samples, rate = read_sound(sound, sample_rate)
        if self._left:
            raise ClosedError("this voice has left the mix; join again")
        stage = self._resampler
        if stage is None or (stage.in_rate, stage.in_channels) != (rate, samples.shape[1]):
            self._resampler = stage = Resampler(rate, AUDIO_RATE_HZ, samples.shape[1], CHANNELS)
        self._mixer.put(self, to_int16(stage.push(samples)))

    async def follow(self, track: FrameSource) -> None:
        """Say what ``track`` gives until it ends, or this voice leaves."""
        try:
            while not self._left:
                self.put(await track.recv())
        except (MediaStreamError, ClosedError):
            return

    def others(self) -> MixTrack:
        """A track of everybody else, for one connection; make one for each."""
        return MixTrack(self._mixer, self)

    def leave(self) -> None:
        """Be heard no more. Idempotent."""
        self._left = True
        self._mixer.remove(self)

    def stats(self) -> dict[str, float]:
        """Seconds mixed, dropped and waiting, and how often the sound ran dry."""
        queue = self._queue
        return {
            "mixed_s": queue.taken / AUDIO_RATE_HZ,
            "dropped_s": queue.dropped / AUDIO_RATE_HZ,
            "waiting_s": queue.level / AUDIO_RATE_HZ,
            "ran_dry": queue.ran_dry,
        }


class AudioMixer:
    """Adds up voices, thread-safe. Of each ``gather_s`` are collected before it is heard, and ``bound_s`` may wait."""

    def __init__(self, *, gather_s: float = 0.04, bound_s: float = 0.2) -> None:
        if not 0 <= gather_s <= bound_s:
            raise ValueError(f"0 <= gather_s <= bound_s, got {gather_s} and {bound_s}")
        self.closed = False
        self._sizes = (round(gather_s * AUDIO_RATE_HZ), round(bound_s * AUDIO_RATE_HZ))
        self._lock = threading.Lock()
        self._mix = Mix()
        self._voices: list[Voice] = []
        self._began_s = time.monotonic()

    @property
    def voices(self) -> list[Voice]:
        """Who is in, longest first."""
        with self._lock:
            return list(self._voices)

    def join(self, name: str | None = None) -> Voice:
        """One more who is heard, and hears the others."""
        if self.closed:
            raise ClosedError("this mixer is closed; make a new one")
        voice = Voice(self, name, VoiceQueue(*self._sizes))
        with self._lock:
            self._voices.append(voice)
            self._mix.voices.append(voice.queue)
        return voice

    def track(self) -> MixTrack:
        """A track of everybody, for who only listens; one a connection."""
        return MixTrack(self, None)

    def stats(self) -> dict[str, float]:
        """``voices``, ``blocks_mixed`` (of 20 ms, each once, whoever listens), ``dropped_s`` of who is in now."""
        with self._lock:
            return {
                "voices": len(self._voices),
                "blocks_mixed": self._mix.blocks_mixed,
                "dropped_s": sum(voice.queue.dropped for voice in self._voices) / AUDIO_RATE_HZ,
            }

    def close(self) -> None:
        """End every track; every voice leaves."""
        self.closed = True
        for voice in self.voices:
            voice.leave()

    def blocks_passed(self) -> float:
        """For tracks: how many blocks of time there were since the mixer began."""
        return (time.monotonic() - self._began_s) / BLOCK_S

    def mixed(self, number: int, without: Voice | None) -> Any:
        """For tracks: (960, 2) int32 of one block."""
        with self._lock:
            return self._mix.block(number).without(None if without is None else without.queue)

    def put(self, voice: Voice, samples: Int16) -> None:
        """For voices: (n, 2) int16 at 48 kHz."""
        with self._lock:
            voice.queue.put(samples)

    def remove(self, voice: Voice) -> None:
        """For voices: one has left."""
        with self._lock:
            if voice in self._voices:
                self._voices.remove(voice)
                self._mix.voices.remove(voice.queue)
