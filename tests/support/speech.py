"""Speech with known times, made by espeak-ng, and noise to bury it in; nothing of it is kept in files."""

from __future__ import annotations

import functools
import io
import subprocess
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["NOISES", "RATE_HZ", "Scene", "noisy", "say", "scene"]

Sound = npt.NDArray[np.float32]

RATE_HZ = 22_050  # what espeak-ng gives: the detector resamples
SPEECH_RMS = 0.07  # -23 dBFS, a voice close to its microphone
PAUSE_S = 1.5
VOICES = ("en-us", "en-us+f3", "en-gb-x-rp", "en-gb-scotland+f2", "de", "fr+m4")
SENTENCES = {
    "en": (
        "Good morning, can everybody hear me?",
        "Please show the spectrum of this sound.",
        "Seven times eight is fifty six.",
        "I would like to ask one more question.",
    ),
    "de": (
        "Guten Morgen, sind alle da?",
        "Bitte zeigen Sie das Spektrum.",
        "Sieben mal acht ist sechsundfünfzig.",
        "Ich habe noch eine Frage.",
    ),
    "fr": (
        "Bonjour, vous m'entendez bien?",
        "Montrez le spectre de ce son.",
        "Sept fois huit font cinquante six.",
        "J'ai encore une question.",
    ),
}


@dataclass(frozen=True)
class Scene:
    """Sentences and pauses in turn: ``sound`` (n,) float32 at ``RATE_HZ``; ``spoken_s`` are (start, end) of each."""

    sound: Sound
    spoken_s: list[tuple[float, float]]


@functools.cache
def say(text: str, voice: str) -> Sound:
    """One sentence without the silence around it, (n,) float32 at ``RATE_HZ``, ``SPEECH_RMS`` loud."""
    command = ["espeak-ng", "--stdout", "-v", voice, text]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    with wave.open(io.BytesIO(done.stdout)) as reader:
        assert reader.getframerate() == RATE_HZ
        pcm = np.frombuffer(reader.readframes(1 << 30), np.int16)
    sound = pcm.astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1] + 1]
    return (sound * SPEECH_RMS / np.sqrt(np.mean(sound**2))).astype(np.float32)


def scene(voice: str) -> Scene:
    """What one voice says, with a pause before, between and after."""
    pause = np.zeros(round(PAUSE_S * RATE_HZ), np.float32)
    parts, spoken_s, samples = [pause], [], len(pause)
    for sentence in SENTENCES[voice[:2]]:
        spoken = say(sentence, voice)
        spoken_s.append((samples / RATE_HZ, (samples + len(spoken)) / RATE_HZ))
        parts += [spoken, pause]
        samples += len(spoken) + len(pause)
    return Scene(np.concatenate(parts), spoken_s)


def noisy(clean: Sound, kind: str, snr_db: float, seed: int = 1) -> Sound:
    """``clean`` with noise ``snr_db`` below the speech, which is ``SPEECH_RMS`` loud."""
    noise = NOISES[kind](len(clean), np.random.default_rng(seed))
    level = SPEECH_RMS / 10 ** (snr_db / 20)
    return (clean + noise * level / np.sqrt(np.mean(noise**2))).astype(np.float32)


def _white(count: int, random: np.random.Generator) -> Sound:
    return random.standard_normal(count).astype(np.float32)


def _pink(count: int, random: np.random.Generator) -> Sound:
    """Equal power in every octave, from 20 Hz."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 20)), count).astype(np.float32)


def _babble(count: int, random: np.random.Generator) -> Sound:
    """Twelve voices at once, each somewhere else in its text."""
    total = np.zeros(count, np.float32)
    for number in range(12):
        voice = VOICES[number % len(VOICES)]
        text = " ".join(SENTENCES[voice[:2]][:: 1 if number % 2 else -1])
        total += np.roll(np.resize(say(text, voice), count), int(random.integers(count)))
    return total


NOISES = {"white": _white, "pink": _pink, "babble": _babble}
