"""The last seconds of sound."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from smallrtc_lab.media.ring import AudioRing


def ramp(position: int, n: int, channels: int = 1) -> NDArray[np.int16]:
    """Samples that tell their own position."""
    values = (np.arange(position, position + n) % 30_000 + 1).astype(np.int16)
    return np.repeat(values[:, None], channels, axis=1)


def small_ring(capacity: int = 100, channels: int = 1) -> AudioRing:
    """A ring of a few samples."""
    return AudioRing(sample_rate=capacity, channels=channels, seconds=1.0)


def test_memory_is_reserved_and_stated() -> None:
    """The default ring is thirty seconds of 48 kHz stereo and says what it takes."""
    assert AudioRing().memory_bytes == 48000 * 30 * 2 * 2
    ring = AudioRing()
    assert (ring.start, ring.end) == (0, 0)
    samples, position, gaps = ring.last(2.0)
    assert samples.shape == (0, 2)
    assert (position, gaps) == (0, ())


def test_append_and_read() -> None:
    """What was appended is read back by position, as a private copy."""
    ring = small_ring(channels=2)
    ring.append(ramp(0, 30, 2))
    ring.append(ramp(30, 30, 2), 30)
    samples, gaps = ring.read(10, 40)
    assert np.array_equal(samples, ramp(10, 40, 2))
    assert gaps == ()
    samples[:] = 0
    assert np.array_equal(ring.read(10, 40)[0], ramp(10, 40, 2))


def test_the_oldest_goes() -> None:
    """Beyond its seconds the ring forgets from the old end, around the end of its storage."""
    ring = small_ring(100)
    for position in range(0, 1000, 7):
        ring.append(ramp(position, 7))
    assert ring.end == 1001
    assert ring.start == 901
    assert np.array_equal(ring.read(901, 100)[0], ramp(901, 100))
    samples, gaps = ring.read(890, 20)
    assert gaps == ((890, 11),)
    assert not samples[:11].any()
    assert np.array_equal(samples[11:], ramp(901, 9))


def test_a_first_position_begins_the_ring() -> None:
    """Sound that starts minutes into the session leaves no gap before it."""
    ring = small_ring(100)
    ring.append(ramp(5000, 10), 5000)
    assert (ring.start, ring.end) == (5000, 5010)
    samples, position, gaps = ring.last(1.0)
    assert (len(samples), position, gaps) == (10, 5000, ())


def test_a_gap_is_zero_and_remembered() -> None:
    """A position beyond the end leaves zeros that are told, until they are too old."""
    ring = small_ring(100)
    ring.append(ramp(0, 100))
    ring.append(ramp(130, 20), 130)
    samples, gaps = ring.read(90, 60)
    assert gaps == ((100, 30),)
    assert np.array_equal(samples[:10], ramp(90, 10))
    assert not samples[10:40].any()
    assert np.array_equal(samples[40:], ramp(130, 20))
    assert ring.read(110, 5)[1] == ((110, 5),)
    assert ring.last(0.3).gaps == ((120, 10),)
    ring.append(ramp(150, 90))
    assert ring.last(1.0).gaps == ()


def test_a_gap_longer_than_the_ring() -> None:
    """After a long silence nothing old shines through."""
    ring = small_ring(100)
    ring.append(ramp(0, 100))
    ring.append(ramp(10_000, 10), 10_000)
    samples, position, gaps = ring.last(1.0)
    assert position == 9910
    assert not samples[:90].any()
    assert np.array_equal(samples[90:], ramp(10_000, 10))
    assert gaps == ((9910, 90),)


def test_late_samples_fill_their_gap() -> None:
    """Samples that come late overwrite their place, end its gap, and are counted."""
    ring = small_ring(100)
    ring.append(ramp(0, 20))
    ring.append(ramp(50, 20), 50)
    ring.append(ramp(30, 10), 30)
    assert ring.end == 70
    assert ring.read(0, 70)[1] == ((20, 10), (40, 10))
    assert np.array_equal(ring.read(30, 10)[0], ramp(30, 10))
    assert ring.late_samples == 10


def test_overlap_and_too_late() -> None:
    """Of a chunk that overlaps the end the rest is new; what is older than the ring is dropped."""
    ring = small_ring(100)
    ring.append(ramp(0, 100))
    ring.append(ramp(90, 20), 90)
    assert ring.end == 110
    assert ring.late_samples == 10
    ring.append(np.full((20, 1), -7, np.int16), 0)
    assert ring.late_samples == 30
    assert ring.read(10, 10)[0].tolist() == [[-7]] * 10
    ring.append(np.full((5, 1), -9, np.int16), 2)
    assert np.array_equal(ring.read(20, 90)[0], ramp(20, 90))
    assert ring.end == 110


def test_a_chunk_longer_than_the_ring() -> None:
    """Of a chunk that is longer than the ring its last part stays."""
    ring = small_ring(100)
    ring.append(ramp(0, 1234))
    assert (ring.start, ring.end) == (1134, 1234)
    assert np.array_equal(ring.read(1134, 100)[0], ramp(1134, 100))


def test_reading_outside() -> None:
    """The future and the time before the first sample read as zeros that are missing."""
    ring = small_ring(100)
    ring.append(ramp(500, 10), 500)
    assert ring.read(490, 30)[1] == ((490, 10), (510, 10))
    assert ring.read(0, 5)[1] == ((0, 5),)
    assert ring.read(600, 5)[1] == ((600, 5),)
    assert ring.read(505, 0)[1] == ()
    assert np.array_equal(ring.read(490, 30)[0][10:20], ramp(500, 10))


@pytest.mark.parametrize("seed", range(20))
def test_it_equals_an_endless_array(seed: int) -> None:
    """Whatever comes in whatever order, the ring equals an array of everything, seen through its window."""
    rng = np.random.default_rng(seed)
    capacity = int(rng.integers(1, 200))
    ring = small_ring(capacity)
    truth = np.zeros(20_000, np.int16)
    known = np.zeros(20_000, bool)
    first = end = int(rng.integers(0, 300))
    began = False
    for _ in range(200):
        n = int(rng.integers(0, 2 * capacity if rng.random() < 0.1 else 20))
        shift = int(rng.integers(-60, 60)) if rng.random() < 0.4 else 0
        position = max(0, end + shift)
        chunk = rng.integers(1, 30_000, (n, 1), dtype=np.int16)
        if n and not began:
            began, first, end = True, position, position
        if not began:
            continue
        ring.append(chunk, position)
        oldest = max(first, max(position + n, end) - capacity, 0)
        keep = slice(max(position, oldest), max(position + n, oldest))
        truth[keep] = chunk[keep.start - position : keep.stop - position, 0]
        known[keep] = True
        end = max(end, position + n, position)
        assert ring.end == end
        assert ring.start == max(first, end - capacity)
        at, count = int(rng.integers(max(0, ring.start - 30), end + 1)), int(rng.integers(0, 150))
        samples, gaps = ring.read(at, count)
        where = np.arange(at, at + count)
        present = known[at : at + count] & (where >= ring.start) & (where < end)
        assert np.array_equal(samples[:, 0], np.where(present, truth[at : at + count], 0))
        told = np.zeros(count, bool)
        for position, length in gaps:
            told[position - at : position - at + length] = True
        assert np.array_equal(told, ~present)


def test_readers_of_other_threads_never_see_a_torn_chunk() -> None:
    """While one thread writes, another always reads samples that belong to their positions."""
    ring = small_ring(4000, channels=2)
    torn: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            samples, position, gaps = ring.last(1.0)
            if gaps or not np.array_equal(samples, ramp(position, len(samples), 2)):
                torn.append(position)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for position in range(0, 960 * 500, 960):
            ring.append(ramp(position, 960, 2))
    finally:
        done.set()
        reader.join(10)
    assert not torn
    assert not reader.is_alive()


def test_wrong_use_is_refused() -> None:
    """Other dtypes, channels and sizes raise ValueError."""
    ring = small_ring(channels=2)
    with pytest.raises(ValueError, match="int16"):
        ring.append(np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        ring.append(np.zeros((4, 1), np.int16))
    with pytest.raises(ValueError, match="cannot read -1"):
        ring.read(0, -1)
    with pytest.raises(ValueError, match="room"):
        AudioRing(seconds=0)
