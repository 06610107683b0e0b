"""What a replay hands back: pictures and sound as they would have been seen and heard."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip, Gap
from smallrtc_lab.lab.replay_result import Failure, Replay, joined_pictures, joined_sound


def block(start: int, length: int = 4, shift_s: float = 0.0, gaps: tuple[Gap, ...] = ()) -> AudioClip:
    """A block at ten samples a second from that sample on."""
    samples = np.zeros((length, 1), np.float32)
    return AudioClip(samples, 10, start / 10 + shift_s, gaps, _shift_s=shift_s)


def part(value: float, length: int = 4, channels: int = 1) -> np.ndarray:
    """What a function returned for it."""
    return np.full((length, channels), value, np.float32)


def test_results_stand_in_the_place_of_the_last_samples() -> None:
    """Blocks that overlap give one sample each once; the first ones' past is not in the clip."""
    clip = joined_sound([(block(0), part(1, 2)), (block(2), part(2, 2)), (block(4), part(3, 2))])
    assert clip is not None
    assert clip.mono.tolist() == [1, 1, 2, 2, 3, 3]
    assert clip.start_s == pytest.approx(0.2)


def test_what_lies_between_blocks_is_silent_and_marked() -> None:
    """A long gap that live blocks leave out keeps its length here; times follow the first block's clock."""
    gap = Gap(0.4 + 0.01, 0.6)
    clip = joined_sound([(block(0), part(1)), (block(10, shift_s=0.01, gaps=(gap,)), part(2))])
    assert clip is not None
    assert clip.mono.tolist() == [1] * 4 + [0] * 6 + [2] * 4
    assert clip.gaps == (Gap(0.4, 0.6),)


def test_one_and_two_channels_become_two() -> None:
    """A function that returns both is heard whole."""
    clip = joined_sound([(block(0), part(1)), (block(4), part(2, channels=2))])
    assert clip is not None
    assert clip.samples[[0, -1]].tolist() == [[1, 1], [2, 2]]


def test_pictures_become_one_array() -> None:
    """With their frames' times; gray ones stay gray, and nothing is nothing."""
    times_s = (0.0, 0.5, 1.0)
    colour = joined_pictures([(at_s, np.full((4, 6, 3), 7, np.uint8)) for at_s in times_s], "bgr", "screen")
    assert colour is not None
    assert (colour.images.shape, colour.format, colour.times_s.tolist()) == ((3, 4, 6, 3), "bgr", [0, 0.5, 1])
    assert colour.source == "screen"
    gray = joined_pictures([(at_s, np.full((4, 6), 7, np.uint8)) for at_s in times_s], "bgr", "camera")
    assert gray is not None
    assert (gray.images.shape, gray.format) == ((3, 4, 6), "gray")
    assert (joined_pictures([], "rgb", "camera"), joined_sound([])) == (None, None)


def test_it_says_who_was_called() -> None:
    """Names, how often, and whether anything failed."""
    replay = Replay({"motion": [1, 2]}, errors={"motion": [Failure(0.0, ValueError("no"))]})
    assert repr(replay) == "Replay(motion 2 times; 1 errors)"
    assert repr(Replay()) == "Replay(no function is registered)"
