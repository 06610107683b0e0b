"""The handle of what Python sends."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from smallrtc_lab.errors import SmallRTCError, StreamTimeout
from smallrtc_lab.lab.sending_playback import Playback


class Recorder:
    """A drive that keeps its commands, and answers as it is told."""

    def __init__(self) -> None:
        self.commands: list[Any] = []
        self.answer: dict[str, Any] | None = None

    def command(self, command: str, **args: Any) -> dict[str, Any] | None:
        self.commands.append((command, args))
        return self.answer

    def ended(self) -> None:
        self.commands.append(("ended", {}))


def told(
    state: str, position_s: float = 0.0, duration_s: float | None = 2.0, error: str | None = None
) -> Any:
    return {"state": state, "position_s": position_s, "duration_s": duration_s, "error": error}


@pytest.fixture
def drive() -> Recorder:
    return Recorder()


@pytest.fixture
def playback(drive: Recorder) -> Playback:
    return Playback("lab.play", drive, lambda: None, sounds=True)


def test_the_position_moves_while_it_plays_and_never_past_the_end(playback: Playback) -> None:
    """While it pauses it stands."""
    playback.told(told("playing", 0.5, 100.0))
    first_s = playback.position_s
    assert 0.5 <= first_s <= playback.position_s < 60
    playback.told(told("paused", 0.7))
    assert playback.position_s == 0.7
    playback.told(told("playing", 1.99999, 2.0))
    threading.Event().wait(0.01)
    assert playback.position_s == playback.duration_s == 2.0


def test_what_repeats_begins_again(playback: Playback) -> None:
    """Its position is within its duration."""
    playback.told(told("paused", 4.5, 2.0) | {"repeats": True})
    assert playback.position_s == 0.5


def test_commands_go_to_its_drive_until_it_has_ended(playback: Playback, drive: Recorder) -> None:
    """The answer counts at once; afterwards nothing is asked any more."""
    drive.answer = told("paused", 1.0)
    playback.pause()
    assert playback.state == "paused"
    drive.answer = told("loading", 0.3)
    playback.seek(0.3)
    drive.answer = None
    playback.resume()
    drive.answer = told("stopped", 0.3)
    playback.stop()
    assert playback.done
    playback.stop()
    playback.told(told("playing"))
    assert playback.state == "stopped"
    names = [name for name, _ in drive.commands]
    assert names == ["pause", "seek", "resume", "stop", "ended"]
    assert drive.commands[1][1] == {"position_s": 0.3}


@pytest.mark.parametrize("position_s", [-1.0, float("nan"), float("inf")])
def test_a_place_that_cannot_be_is_refused(playback: Playback, position_s: float) -> None:
    """Before anybody is asked."""
    with pytest.raises(ValueError, match="0 or more"):
        playback.seek(position_s)


def test_waiting_ends_with_it_or_says_that_it_goes_on(playback: Playback) -> None:
    """A failure is raised with its sentence."""
    playback.told(told("playing"))
    with pytest.raises(StreamTimeout, match="it is playing"):
        playback.wait(0.05)
    threading.Timer(0.05, playback.told, [told("ended", 2.0)]).start()
    playback.wait()
    failed = Playback("lab.play_file", Recorder(), lambda: None, sounds=True)
    failed.told(told("failed", error="the disk is gone"))
    with pytest.raises(SmallRTCError, match="the disk is gone"):
        failed.wait()


@pytest.mark.parametrize(
    ("listening", "words"), [(None, "heard where somebody"), (False, "press Listen"), (True, "of 2.0 s")]
)
def test_what_it_says_of_itself(drive: Recorder, listening: bool | None, words: str) -> None:
    """Where it is, and who hears it, as text and as HTML."""
    playback = Playback("lab.play", drive, lambda: listening, sounds=True)
    playback.told(told("playing", 0.5))
    assert words in repr(playback)
    assert words in playback._repr_html_()
    playback.told(told("ended", 2.0))
    assert repr(playback) == "<lab.play, ended of 2.0 s>"
