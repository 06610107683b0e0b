"""Sound at other rates and numbers of channels."""

from __future__ import annotations

import time
from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from smallrtc_lab.media.resample import Resampler, from_av, resample, to_float, to_int16

RATES = (8000, 16000, 22050, 24000, 44100, 48000)


def tone(
    rate: int, hz: float, seconds: float, channels: int = 1, amplitude: float = 0.5
) -> NDArray[np.float32]:
    """A sine from phase zero, the same in every channel."""
    times_s = np.arange(round(rate * seconds)) / rate
    wave = (amplitude * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


def rms(samples: NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def in_chunks(stage: Resampler, samples: NDArray[np.float32], sizes: list[int]) -> NDArray[np.float32]:
    """Push in chunks of these sizes, again and again, and flush."""
    pieces, at, turn = [], 0, 0
    while at < len(samples):
        pieces.append(stage.push(samples[at : at + sizes[turn % len(sizes)]]))
        at += sizes[turn % len(sizes)]
        turn += 1
    return np.concatenate([*pieces, stage.flush()])


@pytest.mark.parametrize("in_rate", RATES)
@pytest.mark.parametrize("out_rate", RATES)
def test_a_tone_keeps_its_amplitude_and_its_time(in_rate: int, out_rate: int) -> None:
    """Between any two usual rates a tone keeps its amplitude within 0.5 % and its phase."""
    out = in_chunks(Resampler(in_rate, out_rate, 1, 1), tone(in_rate, 700, 0.5), [in_rate // 50])
    wanted = tone(out_rate, 700, 0.5)
    assert out.shape == wanted.shape
    inside = slice(out_rate // 20, -out_rate // 20)
    assert rms(out[inside]) == pytest.approx(rms(wanted[inside]), rel=0.005)
    assert np.abs(out[inside] - wanted[inside]).max() < 0.005


@pytest.mark.parametrize("rate", RATES[1:])
def test_the_upper_speech_band_stays(rate: int) -> None:
    """At 8 kHz a tone of 3.4 kHz is whole, whatever it was made from."""
    out = resample(tone(rate, 3400, 0.5), rate, 8000, 1)[400:-400]
    assert rms(out) == pytest.approx(0.5 / np.sqrt(2), rel=0.005)


def test_nothing_folds_back() -> None:
    """From 48 to 8 kHz a tone of 5 kHz is at least 50 dB down."""
    for hz in (4500, 5000, 7000, 12_345, 20_000):
        out = resample(tone(48000, hz, 0.5), 48000, 8000, 1)[400:-400]
        down_db = 20 * np.log10(rms(out) / (0.5 / np.sqrt(2)) + 1e-12)
        print(f"48 to 8 kHz: {hz} Hz is at {down_db:.0f} dB")
        assert down_db < -50


@pytest.mark.parametrize("seed", range(12))
def test_chunks_do_not_matter_and_no_sample_is_lost(seed: int) -> None:
    """However the sound is cut, the output is the same to the last bit, and as long as the rates say."""
    rng = np.random.default_rng(seed)
    in_rate, out_rate = (int(rate) for rate in rng.choice(RATES, 2))
    in_channels, out_channels = ((1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (6, 1))[seed % 6]
    noise = rng.uniform(-1, 1, (int(rng.integers(1, 20_000)), in_channels)).astype(np.float32)
    whole = resample(noise, in_rate, out_rate, out_channels)
    stage = Resampler(in_rate, out_rate, in_channels, out_channels)
    sizes = [int(n) for n in rng.integers(1, 2000, 5)]
    assert np.array_equal(in_chunks(stage, noise, sizes), whole)
    assert whole.shape == ((2 * len(noise) * out_rate + in_rate) // (2 * in_rate), out_channels)
    assert np.array_equal(in_chunks(stage, noise, [1000]), whole), "after flush a new stream begins"


@pytest.mark.parametrize("count", [0, 1, 2, 7, 33, 100])
@pytest.mark.parametrize(("in_rate", "out_rate"), [(48000, 8000), (8000, 48000), (44100, 48000)])
def test_the_shortest_sounds_have_their_length(count: int, in_rate: int, out_rate: int) -> None:
    """Even a few samples come out as many as they should."""
    out = resample(np.full((count, 1), 0.25, np.float32), in_rate, out_rate, 2)
    assert out.shape == ((2 * count * out_rate + in_rate) // (2 * in_rate), 2)
    assert np.abs(out).max(initial=0) < 0.5


def test_no_drift_and_a_small_steady_delay() -> None:
    """Over minutes the samples that came out stay a steady few milliseconds behind those that went in."""
    for in_rate, out_rate, most_s in [(44100, 48000, 0.002), (48000, 8000, 0.006), (48000, 44100, 0.002)]:
        stage = Resampler(in_rate, out_rate, 1, 1)
        chunk = np.zeros((in_rate // 10, 1), np.float32)
        delays_s = []
        for _ in range(1200):
            stage.push(chunk)
            delays_s.append(stage.delay_s)
        print(f"{in_rate} to {out_rate} Hz: delay {max(delays_s) * 1000:.2f} ms")
        assert min(delays_s[1:]) >= 0
        assert max(delays_s) < most_s
        assert max(delays_s) - min(delays_s) < 2 / min(in_rate, out_rate)
    assert Resampler(48000, 48000, 2, 1).delay_s == 0


def test_channels() -> None:
    """Stereo to mono is the mean, mono to stereo copies, equal numbers stay apart; at any rate."""
    left, right = tone(48000, 500, 0.2), tone(48000, 900, 0.2, amplitude=0.3)
    stereo = np.hstack([left, right])
    assert np.allclose(resample(stereo, 48000, 48000, 1), (left + right) / 2, atol=1e-7)
    both = resample(left, 48000, 48000, 2)
    assert np.array_equal(both[:, 0], both[:, 1])
    assert np.array_equal(both[:, :1], left)
    slower = resample(stereo, 48000, 16000, 2)
    assert np.allclose(slower[:, :1], resample(left, 48000, 16000, 1), atol=1e-6)
    assert np.allclose(slower[:, 1:], resample(right, 48000, 16000, 1), atol=1e-6)
    mean = resample(stereo, 48000, 16000, 1)
    assert np.allclose(mean[:, 0], slower.mean(axis=1), atol=1e-6)


def test_what_comes_out_is_private() -> None:
    """Even where nothing is to be done the output is a copy, contiguous and writable."""
    samples = tone(48000, 440, 0.01, 2)
    for out in (Resampler(48000, 48000, 2, 2).push(samples), resample(samples, 48000, 48000, 2)):
        assert not np.shares_memory(out, samples)
        assert out.flags.c_contiguous
        assert out.flags.writeable
        assert out.dtype == np.float32


def test_wrong_use_is_refused() -> None:
    """Impossible channels, rates and shapes raise ValueError."""
    with pytest.raises(ValueError, match="2 channels into 6"):
        Resampler(48000, 48000, 2, 6)
    with pytest.raises(ValueError, match="at least 1"):
        Resampler(0, 48000, 1, 1)
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        Resampler(48000, 16000, 2, 1).push(np.zeros((10, 1), np.float32))
    with pytest.raises(ValueError, match="shape"):
        to_float(np.zeros((2, 2, 2), np.float32))
    with pytest.raises(TypeError, match="int64"):
        to_float(np.zeros(4, np.int64))


@pytest.mark.parametrize(("format", "planar"), [("s16", False), ("s16p", True)])
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2)])
def test_from_av(format: str, planar: bool, layout: str, channels: int) -> None:
    """Packed and planar frames give the same (n, channels) int16, a copy."""
    wanted = np.arange(6 * channels, dtype=np.int16).reshape(6, channels)
    packed = np.ascontiguousarray(wanted.T) if planar else wanted.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format=format, layout=layout)
    frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
    samples = from_av(frame)
    assert np.array_equal(samples, wanted)
    assert samples.dtype == np.int16
    samples[:] = 0
    assert np.array_equal(from_av(frame), wanted)


def test_from_av_refuses_other_formats() -> None:
    """A float frame is refused instead of being misread."""
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 8), np.float32), format="flt", layout="mono")
    with pytest.raises(ValueError, match="flt"):
        from_av(frame)


def test_integers_and_floats() -> None:
    """int16 survives the way through float32; floats are rounded and clipped, and NaN is silence."""
    every = np.arange(-32768, 32768, dtype=np.int16)
    assert np.array_equal(to_int16(to_float(every))[:, 0], every)
    assert to_float(every).shape == (65536, 1)
    assert to_float(every).min() == -1.0
    odd = np.array([2.0, -2.0, np.nan, np.inf, 0.4 / 32768, 0.6 / 32768, 1.0])
    assert to_int16(odd).tolist() == [32767, -32768, 0, 32767, 0, 1, 32767]
    assert to_float(np.array([0.5, -0.5])).dtype == np.float32


def test_cost_of_20_ms() -> None:
    """Resampling 20 ms takes well below a millisecond."""
    stage = Resampler(48000, 16000, 2, 1)
    chunk = np.zeros((960, 2), np.float32)
    started_s = time.perf_counter()
    for _ in range(500):
        stage.push(chunk)
    each_us = (time.perf_counter() - started_s) / 500 * 1e6
    print(f"20 ms of 48 kHz stereo to 16 kHz mono: {each_us:.0f} µs")
    assert each_us < 10_000


def sweep(rate: int, from_hz: float, to_hz: float, seconds: float = 4.0) -> NDArray[np.float64]:
    """A sine of half scale whose frequency goes evenly from one to the other, (n,)."""
    times_s = np.arange(round(rate * seconds)) / rate
    turns = from_hz * times_s + (to_hz - from_hz) * times_s**2 / (2 * seconds)
    return 0.5 * np.sin(2 * np.pi * turns)


@pytest.mark.parametrize(
    ("in_rate", "out_rate"),
    [(48000, 8000), (48000, 16000), (48000, 44100), (8000, 48000), (16000, 48000), (44100, 48000)],
)
@pytest.mark.parametrize("chunks", [[960], [1, 7, 1023]])
def test_a_sweep_in_is_the_sweep_out(in_rate: int, out_rate: int, chunks: list[int]) -> None:
    """Up to nine tenths of the band a sweep keeps its level and its phase, across every boundary of blocks."""
    top_hz = 0.9 * min(in_rate, out_rate) / 2
    samples = sweep(in_rate, 20, top_hz).astype(np.float32)[:, None]
    out = in_chunks(Resampler(in_rate, out_rate, 1, 1), samples, chunks)[:, 0].astype(np.float64)
    wanted = sweep(out_rate, 20, top_hz)
    inside = slice(out_rate // 20, -out_rate // 20)
    rest_db = 20 * np.log10(np.std((out - wanted)[inside]) / np.std(wanted))
    pieces = out_rate // 50  # 20 ms
    parts = [
        whole[inside][: len(wanted[inside]) // pieces * pieces].reshape(-1, pieces) for whole in (out, wanted)
    ]
    gains_db = 20 * np.log10((parts[0] * parts[1]).sum(axis=1) / (parts[1] ** 2).sum(axis=1))
    print(f"{in_rate} to {out_rate} Hz: ripple {np.ptp(gains_db):.4f} dB, all else {rest_db:.0f} dB")
    assert np.ptp(gains_db) < 0.02
    assert rest_db < -80


@pytest.mark.parametrize(("out_rate", "margin"), [(8000, 1.2), (16000, 1.15), (44100, 1.06)])
def test_a_sweep_beyond_the_band_leaves_nothing(out_rate: int, margin: float) -> None:
    """What a lower rate cannot hold is gone: at least 75 dB down from a little above the band on."""
    samples = sweep(48000, margin * out_rate / 2, 23_900).astype(np.float32)[:, None]
    out = in_chunks(Resampler(48000, out_rate, 1, 1), samples, [960])[out_rate // 20 : -out_rate // 20]
    alias_db = 20 * np.log10(rms(out) / (0.5 / np.sqrt(2)))
    print(f"48000 to {out_rate} Hz: alias {alias_db:.0f} dB")
    assert alias_db < -75
