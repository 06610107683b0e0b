"""What the kernel is told of a client."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from smallrtc_lab.engine.told import Told, so_far
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import EndReason


def way(name: str, *sections: Section, takes: tuple[str, ...] = ("video",), connected: bool = True) -> Any:
    """A connection with these sources."""
    tracks = {section: SimpleNamespace(section=section) for section in sections}
    return SimpleNamespace(
        pc_id=name,
        end_reason=EndReason.LOST,
        audio_input_track=lambda: tracks.get(Section.AUDIO),
        video_input_track=lambda: tracks.get(Section.CAMERA),
        screen_video_input_track=lambda: tracks.get(Section.SCREEN),
        takes=lambda kind: kind in takes,
        is_connected=lambda: connected,
    )


class Kernel:
    """What it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        self.told = Told(self)

    def connection_event(self, what: str, connection: Any, **more: Any) -> None:
        self.heard.append((what, connection.pc_id, more))


def test_a_client_arrives_once_and_leaves_once_whatever_its_ways() -> None:
    """Another way is a move, with what it takes; of its sources only new ones are told."""
    kernel = Kernel()
    relay = way("relay", Section.CAMERA, takes=("video",))
    direct = way("direct", Section.CAMERA, Section.SCREEN, takes=("audio", "video"))
    kernel.told.begin()
    kernel.told.track(relay, relay.video_input_track())
    kernel.told.here(relay)
    kernel.told.here(direct)
    kernel.told.gone(direct)
    assert kernel.heard == [
        ("track-started", "relay", {"section": 1}),
        ("connected", "relay", {"takes": ["video"]}),
        ("track-started", "direct", {"section": 2}),
        ("moved", "direct", {"takes": ["audio", "video"]}),
        ("closed", "direct", {"reason": "lost"}),
    ]


def test_a_client_that_was_away_is_connected_again() -> None:
    """Silence is told once, its end as well, and another client begins anew."""
    kernel, relay = Kernel(), way("relay", Section.AUDIO)
    kernel.told.begin()
    for tell in (kernel.told.here, kernel.told.silent, kernel.told.silent, kernel.told.here):
        tell(relay)
    kernel.told.begin()
    kernel.told.here(relay)
    assert [what for what, *_ in kernel.heard] == ["connected", "disconnected", "connected", "connected"]


def test_who_comes_later_hears_what_it_has_missed() -> None:
    """The sources first; nothing while nobody is there."""
    heard = so_far(way("relay", Section.AUDIO, Section.CAMERA))
    assert [event["what"] for event in heard] == ["track-started", "track-started", "connected"]
    assert so_far(None) == so_far(way("relay", connected=False)) == []
