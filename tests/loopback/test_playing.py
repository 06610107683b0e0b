"""What Python sends by itself, seen and heard by a real peer: shown pictures, played samples, files, streams."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import pytest_asyncio
from support.clips import COLOURS, TONES_HZ, colour_at, write_clip
from support.kernelend import KernelEnd

from smallrtc_lab.engine.calls import EngineServices
from smallrtc_lab.engine.playing.calls import PlayingCalls
from smallrtc_lab.engine.session import Session
from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.media.convert import to_picture
from smallrtc_lab.media.resample import from_av

RED, GREEN, BLUE, YELLOW = COLOURS


def nearest(colour: np.ndarray) -> int:
    """Which of the clip's colours this is; -1 for none of them."""
    distances = [np.abs(colour - known).max() for known in COLOURS]
    return int(np.argmin(distances)) if min(distances) < 40 else -1


class Viewer:
    """Reads both tracks of a peer: what it sees when, and all that it hears."""

    def __init__(self) -> None:
        self.pictures: list[tuple[float, int, int]] = []  # arrival, pts, which colour
        self.size = (0, 0)
        self.sound: list[tuple[float, np.ndarray]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def follow(self, tracks: list[Any]) -> None:
        self.tasks = [asyncio.create_task(self._read(track)) for track in tracks]

    async def _read(self, track: Any) -> None:
        while True:
            frame = await track.recv()
            if isinstance(frame, av.VideoFrame):
                self.size = (frame.width, frame.height)
                colour = to_picture(frame, "rgb").mean((0, 1))
                self.pictures.append((time.monotonic(), frame.pts, nearest(colour)))
            else:
                self.sound.append((time.monotonic(), from_av(frame)[:, 0]))

    @property
    def colour(self) -> int:
        return self.pictures[-1][2] if self.pictures else -1

    def hz(self, pieces: int = 10) -> float:
        """The loudest tone of the last fifth of a second; 0 for silence."""
        return loudest([samples for _, samples in self.sound[-pieces:]])

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()


def loudest(pieces: list[np.ndarray]) -> float:
    mono = np.concatenate(pieces).astype(float) if pieces else np.zeros(960)
    if np.abs(mono).max() < 300:
        return 0.0
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 48_000))
    return float(spectrum.argmax())


class Theatre:
    """A session, the kernel's end of its bridge, and a viewer at a real peer."""

    def __init__(self, kernel: KernelEnd, executor: ThreadPoolExecutor, wire: Any) -> None:
        self.kernel = kernel
        self.wire = wire
        self.session = Session("s", {}, kernel.bridge, executor, lambda key, message: None)
        find = {"s": self.session}.get
        services = EngineServices(lambda name: self.session, find, kernel.bridge, executor, lambda *_: None)
        self.calls = PlayingCalls(services)
        self.viewer = Viewer()
        self.browsers: list[Any] = []
        self.events: list[Any] = []

    async def come(self) -> Viewer:
        """Another browser; the one before has left."""
        await self.leave()
        browser = self.wire.Browser(audio="recvonly", video="recvonly")
        self.browsers.append(browser)
        body = {"sdp": await browser.offer(), "type": "offer", "pc_id": None}
        answer = await self.session.reception.offer(body)
        await browser.accept(answer)
        await browser.opened()
        browser.ping()
        self.viewer = Viewer()
        self.viewer.follow(browser.tracks)
        return self.viewer

    async def leave(self) -> None:
        self.viewer.close()
        while self.browsers:
            await self.browsers.pop().close()
            await self.session.flow.disconnect()

    async def show(
        self, colour: Any, number: int = 1, size: tuple[int, int] = (160, 120), **more: Any
    ) -> Any:
        image = np.empty((size[1], size[0], 3), np.uint8)
        image[:] = colour
        slot = self.kernel.lend(image)
        return await self.calls.call_show(
            "s", number, slot, list(image.shape), "rgb", time.monotonic(), **more
        )

    async def play(self, hz: float, number: int, seconds: float = 1.0, rate: int = 16_000) -> Any:
        times_s = np.arange(round(seconds * rate)) / rate
        samples = (0.25 * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)
        half = len(samples) // 2
        for last, part in ((False, samples[:half]), (True, samples[half:])):
            answer = await self.calls.call_play_samples("s", number, rate, 1, last, payload=part.tobytes())
        return answer

    def player(self, number: int) -> Any:
        return self.session.processing.stage.players.get(number)

    def told(self, number: int) -> list[str]:
        """The states that the kernel was told of a playback, in order."""
        while not self.kernel.received.empty():
            header, _ = self.kernel.received.get_nowait()
            if header.get("name") == "playback":
                self.events.append(header)
        return [event["state"] for event in self.events if event["number"] == number]


@pytest_asyncio.fixture
async def theatre(wire: Any) -> AsyncIterator[Theatre]:
    """Nobody has come yet; nothing is left afterwards."""
    kernel = KernelEnd()
    with ThreadPoolExecutor(2) as executor:
        theatre = Theatre(kernel, executor, wire)
        yield theatre
        await theatre.leave()
        await theatre.session.close()
        await kernel.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("smallrtc file")]
    assert not [t.get_name() for t in asyncio.all_tasks() if "play" in t.get_name()]


async def test_a_picture_stays_shown_and_who_comes_late_sees_it_at_once(theatre: Theatre, wire: Any) -> None:
    """It is sent again and again with growing pts, to the next browser too, until another or none is shown."""
    answer = await theatre.show(RED)
    assert answer["size"] == (160, 120)
    viewer = await theatre.come()
    await wire.until(lambda: len(viewer.pictures) > 5 and viewer.colour == 0)
    await theatre.show(GREEN)
    await wire.until(lambda: viewer.colour == 1)
    viewer = await theatre.come()
    await wire.until(lambda: len(viewer.pictures) > 2 and viewer.colour == 1)
    await theatre.show(BLUE, number=2, size=(320, 240))
    await wire.until(lambda: viewer.colour == 2 and viewer.size == (320, 240))
    assert theatre.player(1) is None
    pts = [pts for _, pts, _ in viewer.pictures]
    assert all(a < b for a, b in pairwise(pts))
    assert {colour for _, _, colour in viewer.pictures} <= {1, 2, -1}
    await theatre.calls.call_hide("s")
    assert theatre.session.processing.stage.pictures.shown is None
    assert theatre.session.processing.stage.stats()["repeated"] > 3


async def test_several_sounds_are_heard_at_once_and_limited(theatre: Theatre, wire: Any) -> None:
    """Two tones are both there, at their own frequencies and half their sum's room; then one; then silence."""
    viewer = await theatre.come()
    await theatre.play(440, 1, seconds=2.0)
    await wire.until(lambda: viewer.hz() == pytest.approx(440, abs=8))
    await theatre.play(1000, 2, seconds=0.7, rate=44_100)
    heard: list[np.ndarray] = []

    def both() -> bool:
        heard[:] = [samples for _, samples in viewer.sound[-10:]]
        mono = np.concatenate(heard).astype(float)
        spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 48_000)) * 4 / len(mono)
        return bool(spectrum[432:448].max() > 4000 and spectrum[992:1008].max() > 4000)

    await wire.until(both)
    assert np.abs(np.concatenate(heard)).max() < 18_000
    await wire.until(lambda: theatre.player(2) is None and theatre.player(1) is None)
    for number in (1, 2):
        await wire.until(lambda n=number: theatre.told(n) == ["playing", "ended"])
    await asyncio.sleep(0.5)
    assert viewer.hz(5) in (0.0, pytest.approx(440, abs=10))  # nothing new came


async def test_played_sound_pauses_and_is_sought(theatre: Theatre, wire: Any) -> None:
    """While it pauses its position stands and nothing is heard; a seek goes where it says; the end comes anyway."""
    viewer = await theatre.come()
    answer = await theatre.play(600, 1, seconds=30.0)
    assert answer["duration_s"] == pytest.approx(30.0)
    await wire.until(lambda: viewer.hz() == pytest.approx(600, abs=8))
    answer = await theatre.calls.call_playback("s", 1, "pause")
    assert answer["state"] == "paused"
    count = len(viewer.sound)
    await asyncio.sleep(0.6)
    assert len(viewer.sound) - count < 20
    assert theatre.player(1).position_s == pytest.approx(answer["position_s"], abs=0.001)
    count = len(viewer.sound)
    await theatre.calls.call_playback("s", 1, "resume")
    await wire.until(lambda: len(viewer.sound) > count + 20 and viewer.hz() == pytest.approx(600, abs=8))
    answer = await theatre.calls.call_playback("s", 1, "seek", 29.5)
    assert answer["position_s"] == pytest.approx(29.5, abs=0.1)
    await wire.until(lambda: theatre.player(1) is None)
    await wire.until(lambda: theatre.told(1)[-1] == "ended")
    assert await theatre.calls.call_playback("s", 1, "pause") is None


async def test_a_file_is_played_in_step_and_at_its_own_pace(
    theatre: Theatre, wire: Any, tmp_path: Path
) -> None:
    """Colours follow one another as they do in the file, each with its tone; the rate and the pts are the file's."""
    path = write_clip(tmp_path / "clip.mp4", seconds=6.0, frame_rate=20)
    viewer = await theatre.come()
    answer = await theatre.calls.call_play_file("s", 1, str(path), False)
    assert answer["duration_s"] == pytest.approx(6.0, abs=0.1)
    await wire.until(lambda: theatre.player(1) is None)
    await wire.until(lambda: theatre.told(1) == ["playing", "ended"])
    colours = [colour for _, _, colour in viewer.pictures if colour >= 0]
    changes = [b for a, b in zip([-1, *colours], colours, strict=False) if a != b]
    assert len(changes) >= 10
    assert all((b - a) % 4 == 1 for a, b in pairwise(changes))
    pts = [pts for _, pts, _ in viewer.pictures]
    steps = np.diff(pts)
    assert (steps > 0).all()
    print("pts steps", np.percentile(steps, [5, 50, 95]), "pictures", len(pts))
    assert np.median(steps) == pytest.approx(4500, rel=0.05)
    offsets_s = []
    for (at_s, _, a), (then_s, _, b) in pairwise(viewer.pictures):
        if a >= 0 and b == (a + 1) % 4:
            offsets_s.append(_tone_change_s(viewer.sound, TONES_HZ[b], (at_s + then_s) / 2) - then_s)
    print("sound after picture, ms:", np.round(np.array(offsets_s) * 1000))
    assert len(offsets_s) >= 8
    # On a quiet machine within 0.05 s; what a later half differs by from an earlier one would be drift.
    assert np.abs(np.median(offsets_s)) < 0.25
    half = len(offsets_s) // 2
    assert abs(np.median(offsets_s[:half]) - np.median(offsets_s[half:])) < 0.15


def _tone_change_s(sound: list[tuple[float, np.ndarray]], hz: float, around_s: float) -> float:
    """When that tone is heard first, within half a second of a moment."""
    near = [(at_s, samples) for at_s, samples in sound if abs(at_s - around_s) < 0.45]
    for index in range(len(near) - 2):
        if abs(loudest([samples for _, samples in near[index : index + 2]]) - hz) < 40:
            return near[index][0]
    return float("nan")


async def test_a_file_pauses_is_sought_and_repeated(theatre: Theatre, wire: Any, tmp_path: Path) -> None:
    """A pause keeps the picture, a seek while it pauses shows the one there; a loop goes on past its end."""
    path = write_clip(tmp_path / "clip.webm", video="libvpx", audio="libopus")
    viewer = await theatre.come()
    await theatre.calls.call_play_file("s", 1, str(path), True)
    await wire.until(lambda: viewer.colour == 1)
    answer = await theatre.calls.call_playback("s", 1, "pause")
    stands_s = answer["position_s"]
    await theatre.calls.call_playback("s", 1, "seek", 1.7)
    await wire.until(lambda: viewer.colour == 3)
    assert theatre.player(1).state == "paused"
    assert theatre.player(1).position_s == pytest.approx(1.7)
    assert stands_s < 1.7
    count = len(viewer.pictures)
    await wire.until(lambda: len(viewer.pictures) > count + 2)
    assert viewer.colour == 3
    await theatre.calls.call_playback("s", 1, "resume")
    for colour in (0, 1, 2, 3, 0):
        await wire.until(lambda c=colour: viewer.colour == c)
    assert theatre.player(1).position_s < 2.1
    pts = [pts for _, pts, _ in viewer.pictures]
    assert all(a < b for a, b in pairwise(pts))
    stats = theatre.session.processing.stats()["shown"]["playbacks"]["1"]
    assert stats["pictures"] > 50
    await theatre.calls.call_playback("s", 1, "stop")
    assert theatre.told(1)[-1] in ("playing", "stopped")
    assert colour_at(0.1) == RED


async def test_what_is_no_file_is_said_and_nothing_is_left(theatre: Theatre, tmp_path: Path) -> None:
    """A broken file raises with its name, and a picture that is shown stays shown."""
    await theatre.show(RED)
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    with pytest.raises(MediaFileError, match=r"notes\.mp4"):
        await theatre.calls.call_play_file("s", 2, str(text), False)
    assert theatre.player(1) is not None
    assert theatre.player(2) is None


async def test_a_stream_of_sound_is_heard(theatre: Theatre, wire: Any) -> None:
    """Blocks of any rate, handed over one by one, are one tone."""
    viewer = await theatre.come()
    rate, position = 16_000, 0
    for _ in range(15):
        times_s = (position + np.arange(1600)) / rate
        block = (0.4 * np.sin(2 * np.pi * 500 * times_s)).astype(np.float32)
        await theatre.calls.call_stream_sound("s", 5, rate, 1, payload=block.tobytes())
        position += 1600
        await asyncio.sleep(0.09)
        if position == 16_000:
            assert viewer.hz() == pytest.approx(500, abs=10)
    await theatre.calls.call_playback("s", 5, "end")
    await wire.until(lambda: theatre.told(5) == ["playing", "ended"])


async def test_the_quality_of_what_is_shown_is_that_of_the_encoder(theatre: Theatre, wire: Any) -> None:
    """Beyond aiortc's cap, within the server's limit, and the lab's own again when it has ended."""
    stage = theatre.session.processing.stage
    stage.wanted_bps = 400_000
    viewer = await theatre.come()
    await theatre.show(RED, bitrate_bps=4_000_000)
    await wire.until(lambda: viewer.colour == 0)
    connection = theatre.session.flow.connection
    assert connection is not None
    senders = [sender for sender in connection.pc.getSenders() if sender.kind == "video"]
    encoder = senders[0]._RTCRtpSender__encoder
    encoder.estimated_bps = None  # what the viewer's estimate has made of it
    assert encoder.target_bitrate == 4_000_000
    stage.limits = {"max_bitrate_bps": 2_000_000}
    await theatre.show(GREEN, number=2, bitrate_bps=4_000_000)
    encoder.estimated_bps = None
    assert encoder.target_bitrate == 2_000_000
    await theatre.calls.call_hide("s")
    encoder.estimated_bps = None
    assert encoder.target_bitrate == 400_000
