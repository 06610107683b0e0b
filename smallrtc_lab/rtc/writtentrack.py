"""Sound that a program writes, on its way to a client: sent when it is there, a little ahead of its time.

A receiver has a buffer of its own that follows the jitter it sees, so nothing is won by holding sound back until the
moment it is due: what comes in time goes out at once, and what piled up while the program stood still catches up.
"""

from __future__ import annotations

import asyncio
import time

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.resample import Int16

from .outgoing import AUDIO_RATE_HZ, AUDIO_TIME_BASE, SAMPLES
from .soundqueue import SoundQueue

__all__ = ["WrittenAudioTrack"]

LEAD_S = 0.1  # so far ahead of its time sound is sent; clear() cannot call it back
HOLD_S = 0.06  # so late is not silence yet: the next piece may be on its way
LEAST_WAIT_S = 0.01  # after a stall what came meanwhile is given time to get here before it is called late
CATCH_UP_S = 0.5  # what is later than that was a long stall, whose time is left out


class WrittenAudioTrack(MediaStreamTrack):
    """20 ms frames of 48 kHz stereo s16 from ``queue``; between them silence, or nothing at all.

    ``sent`` counts frames, ``silent`` those of them that nobody wrote, ``skipped`` those whose time was left out.
    """

    kind = "audio"

    def __init__(self, queue: SoundQueue, *, silence: bool) -> None:
        super().__init__()
        self.sent = self.silent = self.skipped = 0
        self._queue = queue
        self._silence = silence
        self._wake = asyncio.Event()
        self._due_s: float | None = None  # when the next frame is due; None before the first
        self._pts = 0
        self._nothing_came = False  # although it was waited for since the last frame

    def resume(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._wake.set()

    async def recv(self) -> av.AudioFrame:
        """The next frame; raises ``MediaStreamError`` when the track was stopped."""
        while self.readyState == "live":
            self._wake.clear()
            ahead_s = self._ahead_s()
            if ahead_s <= LEAD_S:
                samples = self._queue.take()
                if samples is not None:
                    return self._frame(samples)
            if ahead_s <= -HOLD_S and self._nothing_came:
                samples = self._late()
                if samples is not None:
                    return self._frame(samples)
                await self._pause()
            elif self._queue.ready:
                await self._woken(ahead_s - LEAD_S)
            else:
                self._nothing_came = not await self._woken(max(LEAST_WAIT_S, ahead_s + HOLD_S))
        raise MediaStreamError("the track was stopped")

    def _ahead_s(self) -> float:
        now_s = time.monotonic()
        if self._due_s is None:
            self._due_s = now_s
        late_s = now_s - self._due_s
        if late_s > CATCH_UP_S:
            frames = int(late_s * AUDIO_RATE_HZ) // SAMPLES
            self.skipped += frames
            self._pass(frames)
        return self._due_s - now_s

    def _late(self) -> Int16 | None:
        """What is sent because nothing more came: the rest, then silence; None where that is nothing."""
        samples = self._queue.finish()
        if samples is None and self._silence:
            self.silent += 1
            return np.zeros((SAMPLES, self._queue.channels), np.int16)
        return samples

    async def _pause(self) -> None:
        begin_s = time.monotonic()
        await self._wake.wait()
        # The pause takes its time in pts, too: the receiver's clock has gone on.
        self._pass(round((time.monotonic() - begin_s) * AUDIO_RATE_HZ / SAMPLES))

    async def _woken(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def _pass(self, frames: int) -> None:
        assert self._due_s is not None
        self._pts += frames * SAMPLES
        self._due_s += frames * SAMPLES / AUDIO_RATE_HZ

    def _frame(self, samples: Int16) -> av.AudioFrame:
        stereo = samples if samples.shape[1] == 2 else np.repeat(samples, 2, axis=1)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
        frame.planes[0].update(stereo.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, self._pts, AUDIO_TIME_BASE
        self._pass(1)
        self._nothing_came = False
        self.sent += 1
        return frame
