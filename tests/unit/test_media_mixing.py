"""Sums of voices by blocks: who is in them, what is silent, and what is dropped."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.mixing import BLOCK, Mix, VoiceQueue

GATHER = 2 * BLOCK
MOST = 10 * BLOCK


def constant(value: int, blocks: float = 1) -> np.ndarray:
    return np.full((round(blocks * BLOCK), 2), value, np.int16)


@pytest.fixture
def queue() -> VoiceQueue:
    return VoiceQueue(GATHER, MOST)


def levels(queue: VoiceQueue, blocks: int) -> list[int | None]:
    return [None if (part := queue.take()) is None else int(part[0, 0]) for _ in range(blocks)]


def test_a_stretch_begins_when_a_little_was_gathered(queue):
    """One block of sound waits for a second one, so that the third may come late."""
    queue.put(constant(1))
    assert levels(queue, 1) == [None]
    queue.put(constant(2))
    assert levels(queue, 2) == [1, 2]
    queue.put(constant(3))
    assert levels(queue, 1) == [3]


def test_what_is_too_short_to_gather_is_heard_after_that_time(queue):
    """A click of 5 ms is heard, padded with silence, and ends its stretch."""
    queue.put(constant(7, 0.25))
    assert levels(queue, 4) == [None, None, 7, None]
    assert (queue.ran_dry, queue.level) == (1, 0)


def test_silence_where_sound_is_late(queue):
    """Sound that does not come is silence; what comes after is gathered again."""
    queue.put(constant(1, 2))
    assert levels(queue, 4) == [1, 1, None, None]
    assert queue.ran_dry == 1
    queue.put(constant(2, 2))
    assert levels(queue, 2) == [2, 2]


def test_too_much_is_dropped_oldest_first(queue):
    """A source that is too fast has its newest sound heard, and what was dropped is counted."""
    for value in range(11):
        queue.put(constant(value))
    assert queue.level == GATHER
    assert queue.dropped == 9 * BLOCK
    assert levels(queue, 2) == [9, 10]


def test_delay_that_stays_is_taken_out(queue):
    """What stood in the queue for a second is dropped, so that a stall leaves no delay behind."""
    queue.put(constant(0, 6))
    for value in range(60):
        queue.take()
        queue.put(constant(value))
    assert queue.level == GATHER + BLOCK
    assert queue.dropped == 3 * BLOCK


def test_each_hears_all_but_itself_exactly():
    """The sum without a voice has nothing of it left, and is computed from one sum for all."""
    mix, random = Mix(), np.random.default_rng(0)
    mix.voices = [VoiceQueue(BLOCK, MOST) for _ in range(4)]
    sounds = [random.integers(-32_768, 32_767, (BLOCK, 2), dtype=np.int16) for _ in mix.voices]
    for voice, sound in zip(mix.voices, sounds, strict=True):
        voice.put(sound)
    everybody = sum(sound.astype(np.int32) for sound in sounds)
    assert np.array_equal(mix.block(1).without(None), everybody)
    for number, voice in enumerate(mix.voices):
        others = [sound.astype(np.int32) for at, sound in enumerate(sounds) if at != number]
        assert np.array_equal(mix.block(1).without(voice), sum(others))
    assert mix.blocks_mixed == 1
    assert not mix.block(2).without(None).any()


def test_a_listener_may_be_behind_and_none_makes_others_wait():
    """A block that was mixed stays for half a second; a jump ahead leaves out the sound of the time between."""
    mix = Mix()
    mix.voices = [VoiceQueue(BLOCK, MOST)]
    mix.voices[0].put(constant(1))
    assert mix.block(1).total[0, 0] == 1
    for value in range(2, 7):
        mix.voices[0].put(constant(value))
    assert mix.block(6).total[0, 0] == 6
    assert mix.block(1).total[0, 0] == 1
    assert not mix.block(3).total.any()


def test_what_waited_before_anybody_listened_is_old():
    """The first block has the newest sound."""
    mix = Mix()
    mix.voices = [VoiceQueue(BLOCK, MOST)]
    for value in range(8):
        mix.voices[0].put(constant(value))
    assert mix.block(100).total[0, 0] == 7
