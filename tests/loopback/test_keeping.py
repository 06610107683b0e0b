"""The last seconds, kept as they came over a real connection, against what was decoded live."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.engine.inbound import AudioInbound, VideoInbound
from smallrtc_lab.engine.keeping import keeper
from smallrtc_lab.engine.keeping.keeper import Keeping
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.convert import to_picture


def moving(wire: Any) -> Any:
    """A camera whose pictures all differ."""

    class Moving(wire.Camera):  # type: ignore[misc]
        async def recv(self) -> Any:
            self.image = np.roll(wire.picture(), 4 * self.shown, axis=1)
            return await super().recv()

    return Moving()


async def test_the_kept_pictures_are_those_that_were_seen_live(wire: Any, monkeypatch: Any) -> None:
    """Equal pixels and equal times, with keyframes as often as asked for; sound and pictures end together."""
    monkeypatch.setattr(keeper, "KEYFRAME_EVERY_S", 0.5)
    clock = SessionClock(time.monotonic())
    camera, audio = VideoInbound("camera", clock), AudioInbound(clock)
    kept = Keeping(clock, {"camera": camera}, audio, 30.0, lambda: np.zeros(0, [("time_s", float)]))
    live: dict[float, np.ndarray] = {}
    camera.on_frame = lambda timed: live.setdefault(timed.time_s, to_picture(timed.frame, "rgb"))
    async with wire.linked(audio=wire.Tone(), video=moving(wire)) as (_, connection):
        camera.follow(connection.video_input_track())
        audio.follow(connection.audio_input_track())

        def keyframes() -> int:
            return sum(timed.packet.keyframe for timed in kept._pictures["camera"].ring.packets)

        await wire.until(lambda: keyframes() > 2 and len(live) > 60 and audio.received > 50)
        await camera.disconnect()
        await audio.disconnect()
    take = kept.take(30.0, shareable=True)
    first = kept._pictures["camera"].ring.packets[0].time_s
    clip = take.video
    assert clip is not None
    assert take.audio is not None
    print(f"{len(live)} live, {len(clip)} kept, {keyframes()} keyframes, {take.size_bytes / 1e6:.2f} MB")
    kept_at = dict(zip(clip.times_s.tolist(), clip.images, strict=True))
    seen = [time_s for time_s in live if max(first, take.start_s) <= time_s <= take.end_s]
    assert len(seen) > 40
    for time_s in seen:
        assert np.array_equal(kept_at[time_s], live[time_s])
    assert take.end_s == pytest.approx(take._sound.end_s)  # type: ignore[union-attr]
    part = take.between(take.end_s - 1.0, take.end_s)
    assert part.video is not None
    assert np.array_equal(part.video.images, clip.images[len(clip) - len(part.video) :])
    await kept.close()


async def test_a_connection_that_is_made_again_goes_on(wire: Any) -> None:
    """The pictures of both connections are in one take, each from its own keyframe on, and time does not turn back."""
    clock = SessionClock(time.monotonic())
    camera = VideoInbound("camera", clock)
    kept = Keeping(
        clock, {"camera": camera}, AudioInbound(clock), 30.0, lambda: np.zeros(0, [("time_s", float)])
    )
    ring = kept._pictures["camera"].ring
    for sections in ({"video": wire.Camera()}, {"video": wire.Camera(wire.picture(160, 120))}):
        before = len(ring)
        async with wire.linked(**sections) as (_, connection):
            camera.follow(connection.video_input_track())
            await wire.until(lambda before=before: len(ring) > before + 10)
            await camera.disconnect()
    clip = kept.take(30.0, shareable=False).video
    assert clip is not None
    assert len({timed.epoch for timed in ring.packets}) == 2
    assert clip.images.shape[1:] == (240, 320, 3)
    assert (np.diff(clip.times_s) > 0).all()
    quarter = clip.images[-1][60:80, 60:80].mean(axis=(0, 1))
    assert quarter == pytest.approx([200, 30, 30], abs=25)
    await kept.close()
