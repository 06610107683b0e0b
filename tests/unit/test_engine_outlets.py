"""What a program in the kernel sends by itself: sound gathered and played, pictures from shared memory."""

from __future__ import annotations

import numpy as np

from smallrtc_lab.engine.outlets import BOUND, GATHERED, SoundOutlet


def block(count: int, value: int = 1) -> bytes:
    return np.full((count, 2), value, np.int16).tobytes()


def test_a_stretch_begins_when_enough_is_there() -> None:
    """A little sound is gathered first, so that a kernel that comes late does not make it stutter."""
    outlet = SoundOutlet()
    assert outlet.read(960) is None
    outlet.put(block(GATHERED - 960))
    assert outlet.read(960) is None
    outlet.put(block(960))
    samples = outlet.read(960)
    assert samples is not None
    assert samples.shape == (960, 2)
    assert (samples == 1).all()


def test_sound_comes_out_in_order_whatever_its_blocks() -> None:
    """Blocks of any length are played one after the other, none twice and none left out."""
    outlet = SoundOutlet()
    numbers = np.arange(2 * GATHERED, dtype=np.int16)
    rest = numbers
    while len(rest):
        part, rest = rest[:441], rest[441:]
        outlet.put(np.repeat(part[:, None], 2, axis=1).tobytes())
    heard = []
    while (samples := outlet.read(960)) is not None:
        heard.append(samples[:, 0])
    assert np.concatenate(heard)[: len(numbers)].tolist() == numbers.tolist()


def test_the_end_of_a_stretch_is_padded_and_the_next_gathers_anew() -> None:
    """The last samples are followed by silence; then there is nothing until enough waits again."""
    outlet = SoundOutlet()
    outlet.put(block(GATHERED + 100))
    for _ in range(GATHERED // 960):
        assert outlet.read(960) is not None
    last = outlet.read(960)
    assert last is not None
    assert last[:100].all()
    assert not last[100:].any()
    assert outlet.read(960) is None
    outlet.put(block(960))
    assert outlet.read(960) is None


def test_more_than_a_second_is_dropped_oldest_first_and_counted() -> None:
    """A program that writes faster than sound is played loses what is oldest, and it is counted."""
    outlet = SoundOutlet()
    for value in range(1, 4):
        outlet.put(block(BOUND // 2, value))
    assert outlet.dropped == BOUND // 2
    samples = outlet.read(960)
    assert samples is not None
    assert (samples == 2).all()
