"""SpeechWatch: a sentence in the client's sound is two events."""

from __future__ import annotations

import numpy as np
import pytest
from support.speech import RATE_HZ, say

from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.resample import to_int16
from smallrtc_lab.media.voice import VoiceEvent
from smallrtc_lab.params import VADParams
from smallrtc_lab.rtc.reading import SoundPacket
from smallrtc_lab.rtc.speech import SpeechWatch

SHIFT_S = 100.0


def packets(sound: np.ndarray) -> list[SoundPacket]:
    length, axis = RATE_HZ // 50, SampleAxis(RATE_HZ, SHIFT_S)
    return [
        SoundPacket(to_int16(sound[n : n + length])[:, None], RATE_HZ, n, axis)
        for n in range(0, len(sound), length)
    ]


def test_a_sentence_begins_and_ends_in_session_time() -> None:
    """Started and stopped are told once each, near the sentence's own beginning and end on the session's clock."""
    sentence = say("Good morning, can everybody hear me?", "en-us")
    pause = np.zeros(RATE_HZ, np.float32)
    told: list[VoiceEvent] = []
    watch = SpeechWatch(VADParams(stop_secs=0.4), told.append)
    for packet in packets(np.concatenate((pause, sentence, pause))):
        watch.offer(packet)
    print(told)
    assert [event.kind for event in told] == ["started", "stopped"]
    assert told[0].time_s == pytest.approx(SHIFT_S + 1.0, abs=0.3)
    assert told[1].time_s == pytest.approx(SHIFT_S + 1.0 + len(sentence) / RATE_HZ, abs=0.4)
    assert not watch.speaking


def test_who_leaves_in_mid_sentence_has_ceased() -> None:
    """end() tells the end of what was being said."""
    told: list[VoiceEvent] = []
    watch = SpeechWatch(VADParams(), told.append)
    for packet in packets(say("Please show the spectrum of this sound.", "en-us")[: RATE_HZ * 3 // 2]):
        watch.offer(packet)
    assert watch.speaking
    watch.end()
    assert [event.kind for event in told][-1] == "stopped"
    assert not watch.speaking
