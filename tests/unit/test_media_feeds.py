"""Replayed material: the items of a function are those it would have got live."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support import takes

from smallrtc_lab.frames import AudioClip, Gap, VideoClip
from smallrtc_lab.media.blocks import BlockCutter
from smallrtc_lab.media.feeds import PictureFeed, SoundFeed, steps
from smallrtc_lab.media.material import Material, of_arrays, of_file, of_take
from smallrtc_lab.media.replayed import same_size


def nobody(item: Any) -> str:
    """Publishes nothing."""
    return ""


def blocks(material: Material, **request: int) -> list[AudioClip]:
    """All blocks of one function."""
    whole = {"block": 960, "hop": request.get("block", 960), "sample_rate": 48000, "channels": 1} | request
    feed = SoundFeed(whole, material, nobody)
    found = [clip for step in steps(material) if step.source == "sound" for clip in feed.take(step.what)]  # type: ignore[arg-type]
    return [*found, *feed.rest()]


def frames(material: Material, **request: Any) -> list[Any]:
    """All frames of one function."""
    feed = PictureFeed(request, material, nobody)
    taken = (feed.take(step.what) for step in steps(material) if step.source == feed.source)  # type: ignore[arg-type]
    return [frame for frame in taken if frame is not None]


def test_everything_comes_in_the_order_of_time() -> None:
    """Pictures and pieces of sound, each when it would be there live."""
    order = [(step.time_s, step.source) for step in steps(of_take(takes.take()))]
    assert all(later >= earlier for (earlier, _), (later, _) in pairwise(order))
    assert sum(source == "camera" for _, source in order) == 30
    assert [source for _, source in order[:2]] == ["camera", "sound"]


@pytest.mark.parametrize(
    "request_", [{}, {"block": 2048, "hop": 512}, {"sample_rate": 16000}, {"channels": 2}]
)
def test_blocks_of_a_take_are_those_of_the_live_stream(request_: dict[str, int]) -> None:
    """The same samples, times and marked gaps as the cutter of a live subscription gives."""
    take = takes.take()
    whole = {"block": 960, "hop": request_.get("hop", 960), "sample_rate": 48000, "channels": 1} | request_
    cutter = BlockCutter(
        in_rate=48000, in_channels=2, out_rate=whole["sample_rate"], out_channels=whole["channels"],
        block=whole["block"], hop=whole["hop"],
    )  # fmt: skip
    sound = take._sound
    assert sound is not None
    live = []
    for at in range(0, 144000, 960):
        if not 48000 <= at < 52800:
            live += list(cutter.push(sound.samples[at : at + 960], sound.position + at))
    got = blocks(of_take(take), **whole)
    assert len(live) <= len(got) <= len(live) + 1
    for clip, block in zip(got, live, strict=False):
        assert np.array_equal(clip.samples, block.samples)
        assert clip.start_s == block.start_s + sound.shift_at(round(block.start_s * 48000))
        assert [gap.start_s for gap in clip.gaps] == [start_s + clip._shift_s for start_s, _ in block.gaps]
    assert any(clip.gaps for clip in got)


def test_no_block_is_lost_in_a_resampler() -> None:
    """What fits into the material comes, though the filter holds the last of it back."""
    tone = np.sin(np.arange(48000) / 10).astype(np.float32)
    got = blocks(of_arrays(None, 30, tone, 48000), block=160, sample_rate=16000)
    assert len(got) == 100
    assert not got[-1].gaps
    assert np.abs(got[-1].samples).max() > 0.5


def test_arrays_come_as_they_are() -> None:
    """Without a resampler samples are equal to the array's; pictures of the same format and size, too."""
    rng = np.random.default_rng(1)
    samples = rng.uniform(-1, 1, 9600)
    images = rng.integers(0, 256, (6, 48, 64, 3), np.uint8)
    material = of_arrays(images, 12.0, samples, 16000)
    assert (material.start_s, material.duration_s) == (0.0, pytest.approx(0.6))
    got = np.concatenate([clip.mono for clip in blocks(material, sample_rate=16000)])
    assert np.array_equal(got, samples.astype(np.float32))
    found = frames(material)
    assert all(np.array_equal(frame.image, image) for frame, image in zip(found, images, strict=True))
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(6) / 12)
    assert [frame.sequence for frame in found] == list(range(6))
    assert np.array_equal(frames(material, format="bgr")[0].image, images[0, :, :, ::-1])
    gray = of_arrays(images[..., 0], 12.0, None, 48000)
    assert np.array_equal(frames(gray)[3].image[..., 1], images[3, :, :, 0])


def test_pictures_are_cut_and_paced_as_live() -> None:
    """``size``, ``max_rate_hz`` and the size of the first picture hold; each array is private and writable."""
    material = of_take(takes.take())
    small = frames(material, size=[32, 24], max_rate_hz=5)
    assert [frame.image.shape for frame in small] == [(24, 32, 3)] * 15
    first, again = frames(material), frames(material)
    assert all(
        np.array_equal(a.image, b.image) and a.time_s == b.time_s for a, b in zip(first, again, strict=True)
    )
    assert first[0].image.flags.owndata
    assert first[0].image.flags.writeable
    two = VideoClip(np.zeros((2, 8, 8, 3), np.uint8), np.array([5.0, 5.5]), "bgr", "screen")
    assert [frame.time_s for frame in frames(of_arrays(two, 30, None, 0), source="screen")] == [5.0, 5.5]


def test_a_clip_keeps_its_time_and_gaps() -> None:
    """An AudioClip is where it was, with its gap."""
    clip = AudioClip(np.ones((4800, 1), np.float32), 48000, 3.25, (Gap(3.27, 0.01),))
    got = blocks(of_arrays(None, 30, clip, 0))
    assert got[0].start_s == pytest.approx(3.25)
    assert next(gap for one in got for gap in one.gaps).start_s == pytest.approx(3.27)
    assert of_arrays(None, 30, clip, 0).start_s == pytest.approx(3.25)


def video_file(path: Path) -> Path:
    """A second of pictures at 10 a second, and of a tone at 44.1 kHz."""
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"  # type: ignore[union-attr]
        tones: Any = out.add_stream("aac", rate=44100, layout="mono")
        for number in range(10):
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(takes.picture(number), "rgb24")))  # type: ignore[union-attr]
        out.mux(pictures.encode(None))  # type: ignore[union-attr]
        wave = (0.5 * np.sin(2 * np.pi * 441 * np.arange(44100) / 44100)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None, :], "fltp", "mono")
        frame.sample_rate, frame.pts = 44100, 0
        for packet in [*tones.encode(frame), *tones.encode(None)]:
            out.mux(packet)
    return path


def test_a_file_is_material(tmp_path: Path) -> None:
    """Its pictures at their times from its beginning, its sound at its own rate and channels."""
    material = of_file(video_file(tmp_path / "clip.mp4"))
    found = frames(material)
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(10) / 10, abs=0.03)
    assert found[0].image.shape == (48, 64, 3)
    assert material.sound is not None
    assert material.sound.sample_rate == 44100
    assert material.sound.samples.shape[1] == 1
    assert np.std(material.sound.samples) == pytest.approx(0.35, abs=0.05)
    assert material.duration_s == pytest.approx(1.0, abs=0.1)


def test_what_is_no_material_is_said(tmp_path: Path) -> None:
    """Each in a sentence of its own."""
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(ValueError, match="cannot be read as video or sound"):
        of_file(tmp_path / "a.mp4")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b\.mp4"):
        of_file(tmp_path / "b.mp4")
    with pytest.raises(ValueError, match=r"pictures are \(n, H, W, 3\)"):
        of_arrays(np.zeros((2, 8, 8, 4), np.uint8), 30, None, 48000)
    with pytest.raises(TypeError, match="255"):
        of_arrays(np.zeros((2, 8, 8, 3)), 30, None, 48000)
    with pytest.raises(ValueError, match="transpose"):
        of_arrays(None, 30, np.zeros((2, 4800), np.float32), 48000)
    with pytest.raises(ValueError, match="frame_rate is positive"):
        of_arrays(np.zeros((2, 8, 8), np.uint8), 0, None, 48000)
    with pytest.raises(ValueError, match="4000 to 192000"):
        of_arrays(None, 30, np.zeros(4800, np.float32), 100)


def test_pictures_that_functions_returned_are_made_alike() -> None:
    """Of the first one's size; a gray one among others gets colours, and all gray ones stay gray."""
    gray, colour = np.full((8, 8), 7, np.uint8), np.full((8, 8, 3), 9, np.uint8)
    mixed = same_size([colour, gray, np.full((16, 16, 3), 99, np.uint8)], gray=False)
    assert mixed.shape == (3, 8, 8, 3)
    assert mixed[1].tolist() == np.full((8, 8, 3), 7).tolist()
    assert np.abs(mixed[2].astype(int) - 99).max() <= 2
    assert same_size([gray, gray], gray=True).shape == (2, 8, 8)
