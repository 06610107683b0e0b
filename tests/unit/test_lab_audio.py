"""Chunks joined to a recording, and what may be asked of a stream of sound."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip, Gap
from smallrtc_lab.lab.audio import _joined, audio_request


def chunk(start: int, n: int, value: float, gaps: tuple[Gap, ...] = ()) -> AudioClip:
    """``n`` samples at 8 kHz from a position on, in a session that is ten seconds old."""
    return AudioClip(np.full((n, 1), value, np.float32), 8000, 10 + start / 8000, gaps, shareable=True)


def test_chunks_join_sample_by_sample() -> None:
    """Exactly the samples asked for, from the first chunk's time on, private and saved like their chunks."""
    clip = _joined([chunk(n * 160, 160, n / 10) for n in range(5)], 700)
    assert clip.samples.shape == (700, 1)
    assert np.allclose(clip.samples[:, 0], np.repeat(np.arange(5) / 10, 160)[:700])
    assert (clip.start_s, clip.sample_rate, clip.gaps, clip.shareable) == (10.0, 8000, (), True)


def test_what_was_dropped_between_chunks_is_zero_and_marked_once() -> None:
    """The time axis stays true: what comes after a gap is where it belongs."""
    gap = Gap(10.02, 0.04)
    clip = _joined([chunk(0, 160, 0.5), chunk(480, 160, 0.7, (gap,)), chunk(640, 160, 0.9, (gap,))], 720)
    assert np.allclose(clip.samples[:160], 0.5)
    assert not clip.samples[160:480].any()
    assert np.allclose(clip.samples[480:640], 0.7)
    assert np.allclose(clip.samples[640:], 0.9)
    assert clip.gaps == (gap,)


def test_a_gap_beyond_the_end_is_harmless() -> None:
    """A chunk that begins after the asked length adds nothing."""
    clip = _joined([chunk(0, 160, 0.5), chunk(48000, 160, 0.7)], 320)
    assert np.allclose(clip.samples[:160, 0], 0.5)
    assert not clip.samples[160:].any()


def test_a_request_is_checked() -> None:
    """None is 20 ms, one block after the other; rates, channels, lengths and hops beyond reason are refused."""
    assert audio_request(None, None, 16000, 2) == {
        "block": 320,
        "hop": 320,
        "sample_rate": 16000,
        "channels": 2,
    }
    assert audio_request(2048, 512, 48000, 1)["hop"] == 512
    assert audio_request(480, 4800, 48000, 1)["hop"] == 4800
    assert type(audio_request(np.int64(480), None, np.int32(8000), 1)["block"]) is int  # type: ignore[arg-type]
    for block, hop, rate, channels in (
        (None, None, 3999, 1),
        (None, None, 200_000, 1),
        (None, None, 48000, 0),
        (15, None, 48000, 1),
        (480_001, None, 48000, 1),
        (48000, 479, 48000, 1),
        (1024, 15, 48000, 1),
        (1024, 480_001, 48000, 1),
    ):
        with pytest.raises(ValueError, match="not"):
            audio_request(block, hop, rate, channels)
    for wrong in ((960.5, None), (None, "64")):
        with pytest.raises(TypeError, match="is a whole number, not"):
            audio_request(*wrong, 48000, 1)  # type: ignore[arg-type]


def test_a_recording_is_joined_by_samples_although_its_times_glide() -> None:
    """A correction of the times between two chunks moves no sample, and a gap that both tell is told once."""
    ones = np.ones((160, 1), np.float32)
    chunks = [
        AudioClip(
            ones * number,
            8000,
            10.0 + number * 0.02 - number * 0.002,
            (Gap(10.015 - number * 0.002, 0.01),),
            _shift_s=-number * 0.002,
        )
        for number in (0, 1)
    ]
    clip = _joined(chunks, 320)
    assert clip.samples[:, 0].tolist() == [0.0] * 160 + [1.0] * 160
    assert clip.gaps == (Gap(10.015, 0.01),)
