"""Sound of a broadcast: every 20 ms are encoded once for each codec that somebody reads."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from smallrtc_lab.media.resample import Int16, Resampler, to_int16

from .accept import WrittenSound
from .encoders import OpusEncoder, RawSound
from .outgoing import AUDIO_RATE_HZ, SAMPLES
from .packetqueue import PacketQueue

__all__ = ["SoundLane"]

logger = logging.getLogger(__name__)

QUEUE_PIECES = 50  # one second of 20 ms
AHEAD_S = 1.0  # sound that is put faster than it is heard: what would be later than that is dropped
PAUSE_S = (
    0.5  # no sound of that time: what comes next belongs to now; less may be a stall, and is caught up with
)
LONGEST_GAP_S = 5.0  # in a source's own times; more is another story
NO_GAP_S = 0.001  # times are floats


class _Rendition:
    """One codec: its encoder and its readers."""

    def __init__(self, codec: str | None) -> None:
        self.encoder = RawSound() if codec is None else OpusEncoder()
        self.queues: list[PacketQueue] = []
        self.encoded = 0

    @property
    def read(self) -> bool:
        return any(queue.reading for queue in self.queues)

    def play(self, samples: Int16, pts: int) -> None:
        piece = self.encoder.encode(samples, pts)
        if piece is not None:
            self.encoded += 1
            for queue in tuple(self.queues):
                queue.put(piece)


class SoundLane:
    """Takes sound from any thread, encodes on a thread of its own, hands packets to any loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "smallrtc broadcast audio")
        self._renditions: dict[str | None, _Rendition] = {}
        self._waiting: deque[tuple[Int16, int]] = deque()
        self._working = False
        self._resampler: Resampler | None = None
        self._rest = np.zeros((0, 2), np.int16)
        self._pts: int | None = None  # of the next piece
        self._source_s: float | None = None  # where the next sound is by the source's own times
        self._failure: Exception | None = None
        self._gone = {"encoded": 0, "dropped": 0}
        self._put = self._too_fast = 0
        self.closed = False

    def put(self, sound: WrittenSound, time_s: float | None = None) -> None:
        """Send sound from now on; raises what the encoder raised for an earlier piece.

        ``time_s`` is its beginning by any clock of the source's: a gap in it is one in what is sent.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        with self._lock:
            self._place(sound, time_s)
            samples = np.concatenate((self._rest, self._converted(sound)))
            whole = len(samples) // SAMPLES * SAMPLES
            self._rest = samples[whole:].copy()
            if self.closed or not whole:
                return
            for first in range(0, whole, SAMPLES):
                self._queue(samples[first : first + SAMPLES])
            if not self._working:
                self._working = True
                self._thread.submit(self._work)

    def subscribe(self, codec: str | None) -> PacketQueue:
        """A queue for one connection, of ``"opus"`` packets or of samples."""
        queue = PacketQueue(QUEUE_PIECES, lambda: None)
        with self._lock:
            rendition = self._renditions.get(codec)
            if rendition is None:
                rendition = self._renditions[codec] = _Rendition(codec)
            rendition.queues = [*rendition.queues, queue]
        return queue

    def unsubscribe(self, queue: PacketQueue) -> None:
        """The connection reads no more."""
        queue.close()
        with self._lock:
            for codec, rendition in list(self._renditions.items()):
                if queue in rendition.queues:
                    rendition.queues = [other for other in rendition.queues if other is not queue]
                    self._gone["dropped"] += queue.dropped
                    if not rendition.queues:
                        self._gone["encoded"] += rendition.encoded
                        del self._renditions[codec]

    def stats(self) -> dict[str, int]:
        """Counts of 20 ms since the beginning; encoders and tracks are those of now."""
        with self._lock:
            now = list(self._renditions.values())
            queues = [queue for rendition in now for queue in rendition.queues]
            return {
                "put": self._put,
                "too_fast": self._too_fast,
                "encoded": self._gone["encoded"] + sum(one.encoded for one in now),
                "encoders": sum(one.read for one in now),
                "tracks": len(queues),
                "dropped": self._gone["dropped"] + sum(queue.dropped for queue in queues),
            }

    def close(self) -> None:
        """Encode no more; every reader is told."""
        with self._lock:
            self.closed = True
            queues = [queue for rendition in self._renditions.values() for queue in rendition.queues]
        for queue in queues:
            self.unsubscribe(queue)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _converted(self, sound: WrittenSound) -> Int16:
        samples, rate = sound
        stage = self._resampler
        if stage is None or (stage.in_rate, stage.in_channels) != (rate, samples.shape[1]):
            self._resampler = stage = Resampler(rate, AUDIO_RATE_HZ, samples.shape[1], 2)
        return to_int16(stage.push(samples))

    def _place(self, sound: WrittenSound, time_s: float | None) -> None:
        expected_s, self._source_s = self._source_s, None
        if time_s is not None:
            self._source_s = time_s + len(sound.samples) / sound.sample_rate
        now = round(time.monotonic() * AUDIO_RATE_HZ)
        gap_s = -1.0 if time_s is None or expected_s is None else time_s - expected_s
        if self._pts is not None and -NO_GAP_S < gap_s < LONGEST_GAP_S:
            gap = round(gap_s * AUDIO_RATE_HZ) if gap_s > NO_GAP_S else 0
            # Not into the future: a clock that jumps is no reason for silence.
            self._pts += min(gap, max(0, now + round(AHEAD_S * AUDIO_RATE_HZ) // 2 - self._pts))
        elif self._pts is None or now - self._pts > PAUSE_S * AUDIO_RATE_HZ:
            self._pts = now

    def _queue(self, samples: Int16) -> None:
        self._put += 1
        assert self._pts is not None
        now = round(time.monotonic() * AUDIO_RATE_HZ)
        if self._pts - now > AHEAD_S * AUDIO_RATE_HZ:
            self._too_fast += 1
            return
        if any(one.read for one in self._renditions.values()):
            if len(self._waiting) >= QUEUE_PIECES:
                self._waiting.popleft()
                self._too_fast += 1
            self._waiting.append((samples, self._pts))
        self._pts += SAMPLES

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._working = False
                    return
                samples, pts = self._waiting.popleft()
                renditions = [one for one in self._renditions.values() if one.read]
            try:
                for rendition in renditions:
                    rendition.play(samples, pts)
            except Exception as error:  # border: the next put() raises it where it is seen
                logger.exception("sound could not be encoded")
                self._failure = error
