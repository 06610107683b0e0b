"""Test pictures and sounds by name."""

from __future__ import annotations

import pytest

from smallrtc_lab.media.synthetic import (
    AUDIO_SOURCES,
    VIDEO_SOURCES,
    audio_source,
    option_names,
    video_source,
)


@pytest.mark.parametrize("name", VIDEO_SOURCES)
def test_video_by_name(name: str) -> None:
    """Each name gives pictures of the size asked for."""
    source = video_source(name, 64, 48, 15, 2)
    assert source.picture(3).shape == (48, 64, 3)
    assert (source.width, source.height, source.frame_rate, source.seed) == (64, 48, 15, 2)


@pytest.mark.parametrize("name", AUDIO_SOURCES)
def test_audio_by_name(name: str) -> None:
    """Each name gives sound of the rate and channels asked for."""
    source = audio_source(name, 8000, 2, 4)
    assert source.samples(0, 160).shape == (160, 2)
    assert (source.sample_rate, source.channels, source.seed) == (8000, 2, 4)


def test_options() -> None:
    """Options reach the source."""
    source = audio_source("tone", 8000, 1, 0, hz=1000, amplitude=0.1)
    assert source.samples(2, 1)[0, 0] == pytest.approx(0.1)
    assert option_names("tone") == ["hz", "amplitude"]
    assert option_names("silence") == []


def test_wrong_names_lead_to_the_right_ones() -> None:
    """An unknown source or option raises with the nearest right name and the list of all."""
    with pytest.raises(ValueError, match='did you mean "bars"'):
        video_source("bar", 64, 48)
    with pytest.raises(ValueError, match=r'"pattern".*"timecode"'):
        video_source("zzz", 64, 48)
    with pytest.raises(ValueError, match='did you mean "speech"'):
        audio_source("speach", 8000)
    with pytest.raises(TypeError, match='option of "tone" called "amplitud"; did you mean "amplitude"'):
        audio_source("tone", 8000, amplitud=1)
    with pytest.raises(TypeError, match="there are: none"):
        audio_source("silence", 8000, hz=1)
