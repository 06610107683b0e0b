"""Recordings: what stands in the files that are made of encoded packets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.packets import flashes_and_beeps, pictures, sound, timed

from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.media.recorder import Recorder
from smallrtc_lab.media.recorder_formats import TrackName, file_format

CAMERA = TrackName("video", "camera")
MICROPHONE = TrackName("audio", "microphone")


def by_time(
    video: Iterable[Any], audio: Iterable[Any], **options: Any
) -> list[tuple[TrackName, TimedPacket]]:
    """Both as one stream, in the order of their coming."""
    both = [(CAMERA, timed(one, **options)) for one in video]
    both += [(MICROPHONE, timed(one, **options)) for one in audio]
    return sorted(both, key=lambda item: item[1].arrival_s)


def record(
    path: Path, packets: Iterable[tuple[TrackName, TimedPacket]], expected: Any = (CAMERA, MICROPHONE)
) -> Recorder:
    """A finished recording of these packets."""
    recorder = begin(path, expected)
    for name, packet in packets:
        recorder.put(name, packet)
        if recorder.waiting > 50:
            drained(recorder)
    assert recorder.stop(60)
    return recorder


def begin(path: Path, expected: Any = (CAMERA, MICROPHONE)) -> Recorder:
    path.touch()
    return Recorder(path, file_format(path), expected)


def counted(path: str | Path) -> dict[str, Any]:
    """Everything decoded: how many pictures and seconds of sound, whether times grow, sizes, where it ends."""
    found: dict[str, Any] = {"pictures": 0, "sound_s": 0.0, "sizes": [], "end_s": 0.0}
    last: dict[int, float] = {}
    with av.open(str(path)) as container:
        found["duration_s"] = None if container.duration is None else container.duration / 1e6
        found["titles"] = [s.metadata.get("title", s.metadata.get("name")) for s in container.streams]
        found["codecs"] = [s.codec_context.name for s in container.streams]
        decoded = ((packet.stream.index, frame) for packet in container.demux() for frame in packet.decode())
        for index, frame in decoded:
            assert frame.time > last.get(index, -1.0)
            last[index] = frame.time
            if isinstance(frame, av.VideoFrame):
                found["pictures"] += 1
                found["sizes"] += [(frame.width, frame.height)]
                found["end_s"] = max(found["end_s"], frame.time)
            else:
                found["sound_s"] += frame.samples / frame.sample_rate
                found["end_s"] = max(found["end_s"], frame.time + frame.samples / frame.sample_rate)
    return found


def drained(recorder: Recorder, *, timeout_s: float = 60.0) -> None:
    """Wait until everything that was put is in the file."""
    deadline_s = time.monotonic() + timeout_s
    while recorder.waiting and time.monotonic() < deadline_s:
        recorder._queue.hurry()  # a batch is not waited for
        time.sleep(0.002)
    assert not recorder.waiting


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".webm", "VP8"), (".mkv", "VP8"), (".mkv", "H264"), (".mp4", "H264")]
)
def test_packets_are_copied_into_what_can_hold_them(tmp_path: Path, suffix: str, codec: str) -> None:
    """Every picture and all sound are in the file, byte for byte, at their times, and the duration is right."""
    path = tmp_path / f"lecture{suffix}"
    video, audio = pictures(90, codec=codec), sound(150)
    recorder = record(path, by_time(video, audio))
    figures, found = recorder.figures(), counted(path)
    assert (figures.state, figures.error, figures.note, figures.dropped) == ("stopped", None, "", 0)
    assert figures.paths == (str(path),)
    assert figures.size_bytes == path.stat().st_size
    assert figures.duration_s == pytest.approx(3.0, abs=0.05)
    assert found["pictures"] == 90
    assert found["sound_s"] == pytest.approx(3.0, abs=0.05)
    assert found["duration_s"] == pytest.approx(3.0, abs=0.05)
    assert found["titles"] == ["camera", "microphone"]
    with av.open(str(path)) as container:
        held = [bytes(p) for p in container.demux(audio=0) if p.size]
    assert held[-100:] == [p.content for p in audio][-100:]


def test_vp8_in_an_mp4_is_transcoded_and_said(tmp_path: Path) -> None:
    """MP4 has no VP8: it becomes H.264, picture by picture, and the note says so."""
    path = tmp_path / "lecture.mp4"
    recorder = record(path, by_time(pictures(60), sound(100)))
    found = counted(path)
    assert "transcoded to H264" in recorder.figures().note
    assert (found["pictures"], found["codecs"]) == (60, ["h264", "opus"])
    flashes, beeps = flashes_and_beeps(str(path))
    np.testing.assert_allclose(flashes, [0.0, 1.0], atol=0.02)
    np.testing.assert_allclose(beeps, [0.0, 1.0], atol=0.03)


def test_h264_in_a_webm_is_transcoded(tmp_path: Path) -> None:
    """WebM has no H.264: it becomes VP8."""
    path = tmp_path / "lecture.webm"
    recorder = record(path, by_time(pictures(30, codec="H264"), sound(50)))
    found = counted(path)
    assert "transcoded to VP8" in recorder.figures().note
    assert (found["pictures"], found["codecs"]) == (30, ["vp8", "opus"])


def test_what_a_page_without_codecs_relays_is_transcoded(tmp_path: Path) -> None:
    """Photographs and samples become VP8 and Opus, in step."""
    path = tmp_path / "x.webm"
    record(path, by_time(pictures(90, codec="JPEG"), sound(150, codec="L16")))
    assert counted(path)["codecs"] == ["vp8", "opus"]
    flashes, beeps = flashes_and_beeps(str(path))
    assert len(flashes) == len(beeps) == 3
    assert np.abs(np.subtract(flashes, beeps)).max() < 0.08


@pytest.mark.parametrize("suffix", [".ogg", ".wav"])
def test_files_of_sound_hold_the_sound(tmp_path: Path, suffix: str) -> None:
    """Ogg has the packets as they came, WAV 48 kHz samples; both have the beeps where they were."""
    path = tmp_path / f"voice{suffix}"
    recorder = record(path, by_time([], sound(150)), [MICROPHONE])
    assert recorder.figures().note == ""
    assert counted(path)["sound_s"] == pytest.approx(3.0, abs=0.05)
    np.testing.assert_allclose(flashes_and_beeps(str(path))[1], [0.0, 1.0, 2.0], atol=0.03)


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4", ".ogg", ".wav"])
def test_what_was_written_can_be_played_at_any_moment(tmp_path: Path, suffix: str) -> None:
    """A copy of the file in mid-recording, as a killed process leaves it, plays to within 1.5 s of its end."""
    path, copy = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    kinds = file_format(path).kinds
    video = pictures(300, codec="H264" if suffix == ".mp4" else "VP8") if "video" in kinds else []
    expected = [CAMERA, MICROPHONE] if video else [MICROPHONE]
    recorder = begin(path, expected)
    for name, packet in by_time(video, sound(500)):
        recorder.put(name, packet)
        if packet.time_s > 107.45 and not copy.exists():
            drained(recorder)
            shutil.copy(path, copy)
    assert recorder.stop(60)
    for whole, least_s in ((path, 9.9), (copy, 5.9)):
        found = counted(whole)
        assert found["end_s"] > least_s
        assert found["pictures"] >= (least_s - 0.1) * 30 if video else found["pictures"] == 0


def test_sound_that_is_not_sent_is_silence_in_the_file(tmp_path: Path) -> None:
    """A pause of the source, and packets that were lost: what follows is where it was, and nothing is missing."""
    path = tmp_path / "a.webm"
    audio = [one for one in sound(250) if not 75 <= one.pts // 960 < 130 and one.pts // 960 not in (20, 21)]
    record(path, by_time(pictures(150), audio))
    found = counted(path)
    assert found["sound_s"] == pytest.approx(5.0, abs=0.05)
    np.testing.assert_allclose(flashes_and_beeps(str(path))[1], [0.0, 1.0, 3.0, 4.0], atol=0.03)


def test_vp8_changes_its_size_in_one_file(tmp_path: Path) -> None:
    """A browser that scales down under load and up again: one file, and every picture is decoded in its size."""
    path = tmp_path / "a.webm"
    first, second = pictures(30), pictures(30, size=(80, 60))
    shifted = [one._replace(pts=one.pts + 90000) for one in second]
    recorder = record(path, by_time([*first, *shifted], sound(100)))
    assert len(recorder.figures().paths) == 1
    assert counted(path)["sizes"] == [(160, 120)] * 30 + [(80, 60)] * 30


def test_a_transcoded_recording_keeps_one_size(tmp_path: Path) -> None:
    """H.264 made of VP8 that changes its size has the first size; a turned picture begins a next file."""
    path = tmp_path / "a.mp4"
    scaled = [one._replace(pts=one.pts + 90000) for one in pictures(30, size=(80, 60))]
    turned = [one._replace(pts=one.pts + 180000) for one in pictures(30, size=(120, 160))]
    recorder = record(path, by_time([*pictures(30), *scaled, *turned], sound(150)))
    one, two = recorder.figures().paths
    assert counted(one)["sizes"] == [(160, 120)] * 60
    assert counted(two)["sizes"] == [(120, 160)] * 30


def test_a_change_of_codec_goes_on_in_a_next_file(tmp_path: Path) -> None:
    """VP8 and then H.264: two files, neither of which lacks a picture."""
    path = tmp_path / "a.mkv"
    then = [one._replace(pts=one.pts + 90000) for one in pictures(30, codec="H264")]
    recorder = record(path, by_time([*pictures(30), *then], sound(100)))
    assert recorder.figures().paths == (str(path), str(tmp_path / "a-2.mkv"))
    assert [counted(one)["pictures"] for one in recorder.figures().paths] == [30, 30]
    assert recorder.figures().duration_s == pytest.approx(2.0, abs=0.1)


def test_another_source_goes_on_in_a_next_file(tmp_path: Path) -> None:
    """A screen that is shared in mid-recording has a track from then on; camera and sound lose nothing."""
    path, screen = tmp_path / "a.webm", TrackName("video", "screen")
    camera = [
        *pictures(63),
        *[one._replace(pts=one.pts + 63 * 3000) for one in pictures(57)],
    ]  # as it was asked
    packets = by_time(camera, sound(200))
    packets += [(screen, timed(one, begin_s=102.0)) for one in pictures(60, size=(80, 60))]
    recorder = record(path, sorted(packets, key=lambda item: item[1].arrival_s))
    one, two = (counted(path) for path in recorder.figures().paths)
    assert (one["titles"], two["titles"]) == (["camera", "microphone"], ["camera", "screen", "microphone"])
    assert one["sound_s"] + two["sound_s"] >= 3.9
    assert two["sizes"].count((80, 60)) == 60


def test_a_lost_picture_is_followed_by_a_keyframe(tmp_path: Path) -> None:
    """Pictures built on one that was lost are never in the file: the one before stands until the next keyframe."""
    path = tmp_path / "a.webm"
    broken, second = pictures(30), [one._replace(pts=one.pts + 90000) for one in pictures(30)]
    recorder = begin(path, [CAMERA])
    for number, one in enumerate([*broken, *second]):
        if number != 10:
            recorder.put(CAMERA, timed(one), broken=number == 11)
        if number == 20:
            drained(recorder)
            assert recorder.wants_keyframe
    recorder.stop(60)
    assert not recorder.wants_keyframe
    assert counted(path)["pictures"] == 10 + 30
    assert recorder.figures().dropped == 19


def test_a_reconnection_is_a_pause_and_not_thirteen_hours(tmp_path: Path) -> None:
    """A new connection's timestamps begin anywhere: in the file it is as late as it was, with silence between."""
    path = tmp_path / "a.webm"
    second = [
        *[
            (CAMERA, timed(one._replace(pts=one.pts + 2**31), begin_s=105 - 2**31 / 90000, epoch=2))
            for one in pictures(30)
        ],
        *[
            (MICROPHONE, timed(one._replace(pts=one.pts + 2**30), begin_s=105 - 2**30 / 48000, epoch=2))
            for one in sound(50)
        ],
    ]
    recorder = record(
        path, [*by_time(pictures(30), sound(50)), *sorted(second, key=lambda item: item[1].arrival_s)]
    )
    found = counted(path)
    assert found["pictures"] == 60
    assert found["duration_s"] == pytest.approx(6.0, abs=0.1)
    assert found["sound_s"] == pytest.approx(6.0, abs=0.1)
    assert recorder.figures().duration_s == pytest.approx(6.0, abs=0.1)
    np.testing.assert_allclose(flashes_and_beeps(str(path))[1], [0.0, 5.0], atol=0.03)


def test_sound_and_picture_keep_together(tmp_path: Path) -> None:
    """Two crystals that differ by 0.1 %, on one session clock, for two minutes: no drift between flash and beep."""
    path = tmp_path / "a.mkv"
    video, audio = pictures(30, rate_hz=5), sound(300)
    packets = []
    for second in range(0, 120, 6):
        packets += [(CAMERA, timed(one._replace(pts=one.pts + second * 90000))) for one in video]
        fast = [one._replace(pts=round((one.pts + second * 48000) * 1.001)) for one in audio]
        packets += [
            (MICROPHONE, timed(ours, begin_s=100.0)._replace(time_s=100 + second + number * 0.02))
            for number, ours in enumerate(fast)
        ]
    record(path, sorted(packets, key=lambda item: item[1].time_s))
    flashes, beeps = flashes_and_beeps(str(path))
    assert len(flashes) == len(beeps) == 120
    offsets_ms = 1000 * (np.array(beeps) - np.array(flashes))
    print(f"sound − picture {offsets_ms.min():.1f} to {offsets_ms.max():.1f} ms in two minutes")
    assert np.abs(offsets_ms - offsets_ms[0]).max() <= 20


def test_a_recording_begins_with_a_keyframe_and_sound_of_that_moment(tmp_path: Path) -> None:
    """Started in the middle of a stream: what cannot be decoded is not in the file, and no sound without a picture."""
    path = tmp_path / "a.webm"
    video = [*pictures(20), *[one._replace(pts=one.pts + 60000) for one in pictures(40)]]
    record(path, by_time(video[5:], sound(100)))
    found = counted(path)
    assert found["pictures"] == 40
    assert found["sound_s"] == pytest.approx(2 - 60000 / 90000, abs=0.05)
    np.testing.assert_allclose(flashes_and_beeps(str(path))[1], [1 / 3], atol=0.03)


def test_what_does_not_come_is_not_waited_for_long(tmp_path: Path) -> None:
    """A camera that is covered up: after five seconds the recording begins with the sound that was there."""
    path = tmp_path / "a.webm"
    recorder = record(path, by_time([], sound(400)))
    found = counted(path)
    assert (found["codecs"], recorder.figures().state) == (["opus"], "stopped")
    assert found["sound_s"] == pytest.approx(8.0, abs=0.05)


def test_without_anything_there_is_no_file(tmp_path: Path) -> None:
    """Stopped before the first packet: the reserved file is gone, and the reason is said."""
    recorder = record(tmp_path / "a.webm", [])
    assert list(tmp_path.iterdir()) == []
    assert "Nothing came" in (recorder.figures().error or "")


@pytest.mark.timeout(60)
def test_what_the_disk_is_too_slow_for_is_counted(tmp_path: Path) -> None:
    """The queue is bounded; after what was left out pictures go on with a keyframe."""
    path = tmp_path / "a.webm"
    os.mkfifo(tmp_path / "b.webm")  # a disk that stands still
    recorder = Recorder(tmp_path / "b.webm", file_format(path), [CAMERA])
    for number in range(1300):
        recorder.put(CAMERA, timed(pictures(1)[0] if number < 1 else PICTURE._replace(pts=number * 3000)))
    assert recorder.figures().dropped >= 250
    reader = threading.Thread(target=(tmp_path / "b.webm").read_bytes)
    reader.start()
    assert recorder.stop(60)
    reader.join(60)


PICTURE = pictures(2)[1]


@pytest.mark.parametrize("suffix", [".webm", ".mp4", ".ogg", ".wav"])
def test_a_full_disk_is_said_and_what_was_before_it_plays(tmp_path: Path, suffix: str) -> None:
    """At the limit of a file's size the recording fails with a sentence, and the file has what fitted."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / f"a{suffix}"), suffix],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    state, error, recorded_s = done.stdout.strip().split("|")
    assert state == "failed"
    assert "grown as large as it may be" in error
    assert counted(tmp_path / f"a{suffix}")["end_s"] > float(recorded_s) - 2.5


FULL = """
import pathlib, resource, sys, time
from support.packets import pictures, sound, timed
from smallrtc_lab.media.recorder import Recorder
from smallrtc_lab.media.recorder_formats import TrackName, file_format
path, suffix = pathlib.Path(sys.argv[1]), sys.argv[2]
limit = {".wav": 800_000, ".ogg": 40_000}.get(suffix, 60_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
path.touch()
camera, microphone = TrackName("video", "camera"), TrackName("audio", "microphone")
form = file_format(path)
names = [microphone] if form.video is None else [camera, microphone]
recorder = Recorder(path, form, names)
packets = [(microphone, timed(one)) for one in sound(750)]
if form.video:
    packets += [(camera, timed(one)) for one in pictures(450, codec="H264" if suffix == ".mp4" else "VP8")]
for name, packet in sorted(packets, key=lambda item: item[1].arrival_s):
    recorder.put(name, packet)
    while recorder.waiting > 40 and recorder.error is None:
        time.sleep(0.001)
    if recorder.error is not None:
        break
recorder.stop(60)
figures = recorder.figures()
print(figures.state, figures.error, figures.duration_s, sep="|")
"""
