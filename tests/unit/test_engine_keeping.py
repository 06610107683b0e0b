"""What a session keeps of its last seconds."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from support import takes

from smallrtc_lab.engine.inbound import AudioInbound, VideoInbound
from smallrtc_lab.engine.keeping.keeper import Keeping, KeptNotes, KeptPictures, sound_ring_s
from smallrtc_lab.engine.session import Session
from smallrtc_lab.errors import EngineError, NotLiveError
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.taken import TakenMessage


class Camera(VideoInbound):
    """A source that counts how often it was asked for a keyframe."""

    asked = 0

    async def request_keyframe(self) -> bool:
        self.asked += 1
        return True


def rows() -> np.ndarray:
    """No statistics."""
    return np.zeros(0, [("time_s", float)])


async def fed(camera: VideoInbound, packets: list[Any]) -> None:
    """Packets come, and whoever was asked for a keyframe answers."""
    for timed in packets:
        for tap in camera.taps:
            tap(timed)
        await asyncio.sleep(0)


async def test_a_keyframe_is_asked_for_where_none_comes_by_itself() -> None:
    """Every five seconds without one; a source that sends them is left alone, one that sends none is asked again."""
    left_alone, silent, broken = (Camera("camera", SessionClock(0.0)) for _ in range(3))
    for camera in (left_alone, silent, broken):
        KeptPictures(camera, 30.0)
    await fed(left_alone, takes.packets(150, keyframe_every=40))
    await fed(silent, takes.packets(101, keyframe_every=1000))
    await fed(broken, takes.packets(40, keyframe_every=1000)[1:])
    assert left_alone.asked == 0
    assert 4 <= silent.asked <= 6  # from 5 s on each second
    assert 3 <= broken.asked <= 4  # at once, then each second


async def test_nothing_stays_after_close() -> None:
    """Taps are taken off, and what was kept is forgotten."""
    camera = Camera("camera", SessionClock(0.0))
    kept = Keeping(SessionClock(0.0), {"camera": camera}, AudioInbound(SessionClock(0.0)), 30.0, rows)
    await fed(camera, takes.packets(20))
    assert kept.memory()["camera_ring_bytes"] > 0
    assert kept.pictures("camera", 1.0)
    await kept.close()
    assert (camera.taps, camera.watchers) == ([], [])
    assert "camera_ring_bytes" not in kept.memory()


async def test_before_anything_came_it_is_not_live() -> None:
    """Neither pictures nor a take."""
    camera = Camera("camera", SessionClock(0.0))
    kept = Keeping(SessionClock(0.0), {"camera": camera}, AudioInbound(SessionClock(0.0)), 30.0, rows)
    with pytest.raises(NotLiveError):
        kept.pictures("camera", 1.0)
    with pytest.raises(NotLiveError):
        kept.take(1.0, shareable=True)


async def test_a_take_without_sound_ends_with_its_newest_picture() -> None:
    """And begins so many seconds before, or with the oldest there is."""
    camera = Camera("camera", SessionClock(0.0))
    kept = Keeping(SessionClock(0.0), {"camera": camera}, AudioInbound(SessionClock(0.0)), 30.0, rows)
    await fed(camera, takes.packets(100))
    take = kept.take(2.05, shareable=True)
    assert (take.end_s, take.duration_s) == (pytest.approx(9.9), pytest.approx(2.05))
    assert take.audio is None
    assert take.video is not None
    assert len(take.video) == 21
    assert kept.take(60, shareable=True).duration_s == pytest.approx(9.9)


async def test_nothing_is_kept_where_nothing_shall_be() -> None:
    """With keep_s=0 no tap, no message and no sound stays, and whoever asks is told why."""
    camera = Camera("camera", SessionClock(0.0))
    kept = Keeping(SessionClock(0.0), {"camera": camera}, AudioInbound(SessionClock(0.0)), 0.0, rows)
    kept.message("secret", "browser")
    kept.event("state", state="live")
    assert camera.taps == []
    assert kept.memory()["notes_bytes"] == 0
    with pytest.raises(EngineError, match="keep_s=30"):
        kept.require_kept()
    with pytest.raises(NotLiveError):
        kept.take(1.0, shareable=True)
    assert (sound_ring_s(0.0), sound_ring_s(60.0)) == (12.0, 60.0)


def test_notes_are_bounded_in_time_number_and_bytes() -> None:
    """The oldest give way, and what JSON cannot hold was never there."""
    old: KeptNotes[TakenMessage] = KeptNotes(5.0)
    for number in range(100):
        old.add(TakenMessage(float(number), "browser", number))
    assert [note.message for note in old.since(0.0)] == list(range(94, 100))
    assert [note.message for note in old.since(98.0)] == [98, 99]
    large: KeptNotes[TakenMessage] = KeptNotes(30.0)
    for number in range(20):
        large.add(TakenMessage(number / 10, "browser", "x" * 1_000_000))
    assert len(large.since(0.0)) == 3
    many: KeptNotes[TakenMessage] = KeptNotes(30.0)
    for number in range(10_100):
        many.add(TakenMessage(number / 1e4, "python", 1))
    many.add(TakenMessage(2.0, "python", object()))
    assert len(many.since(0.0)) == 10_000


async def test_a_session_keeps_what_happens_in_it(session: Session) -> None:
    """Messages, problems, moved sliders and values are told with their times."""
    session.message({"hello": 1}, "pc")
    session.page_control("effect", "k", 3)
    session.problem("code", "words", "step")
    session.keeping.event("values", name="a value may be called so")
    notes = [(note.name, note.details) for note in session.keeping._events.since(0.0)]
    assert notes[0] == ("control", {"callback": "effect", "control": "k", "value": 3})
    assert (notes[1][0], notes[1][1]["code"]) == ("problem", "code")
    assert notes[2] == ("values", {"name": "a value may be called so"})
    assert session.keeping._messages.since(0.0)[0][1:] == ("browser", {"hello": 1})
