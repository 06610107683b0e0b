"""Recordings of a simulated browser in a real kernel: whatever ends them, the file plays."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import av
import pytest
import pytest_asyncio
from support.kernel import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = """
import os, resource, time
import smallrtc_lab
from smallrtc_lab import Lab
smallrtc_lab.close_all()
lab = Lab(name="recorded")
"""
LIVE = """
lab.simulate(video="timecode", audio="tone", width=320, height=240)
lab.wait_live(60)
def reached(recording, seconds):
    deadline_s = time.monotonic() + 60
    while recording.duration_s < seconds and recording.error is None:
        assert time.monotonic() < deadline_s, recording
        time.sleep(0.05)
    return recording.duration_s
"""


@pytest_asyncio.fixture(loop_scope="module")
async def kernel(shared_kernel: Kernel, tmp_path: Path) -> Kernel:
    """A kernel with a new lab, not live yet, whose folder is the test's."""
    await shared_kernel.execute(f"{BEGIN}\nos.chdir({str(tmp_path)!r})", timeout_s=60)
    return shared_kernel


def played(path: Path) -> dict[str, Any]:
    """Everything decoded: pictures, seconds of sound, where the last picture stands, the duration it tells."""
    found: dict[str, Any] = {"pictures": 0, "sound_s": 0.0, "end_s": 0.0}
    with av.open(str(path)) as container:
        found["duration_s"] = None if container.duration is None else container.duration / 1e6
        for frame in container.decode():
            if isinstance(frame, av.VideoFrame):
                found["pictures"] += 1
                assert frame.time > found["end_s"] or found["pictures"] == 1
                found["end_s"] = frame.time
            else:
                found["sound_s"] += frame.samples / frame.sample_rate
    return found


async def test_a_recording_is_shown_and_can_be_played(kernel: Kernel, tmp_path: Path) -> None:
    """With its time, its size and a link; relative paths are the kernel's; nothing is ever overwritten unasked."""
    early = await kernel.execute("lab.record('early.webm')", check=False)
    assert early.error is not None
    assert early.error.name == "NotLiveError"
    cell = await kernel.execute(
        f"{LIVE}\nwith lab.record('lecture.webm') as recording: reached(recording, 2.0)", timeout_s=90
    )
    state, duration_s, size_bytes, error, note = await kernel.value(
        "[recording.state, recording.duration_s, recording.size_bytes, recording.error, recording.note]"
    )
    path = tmp_path / "lecture.webm"
    assert (state, size_bytes, error, note) == ("stopped", path.stat().st_size, None, "")
    found = played(path)
    assert found["duration_s"] == pytest.approx(duration_s, abs=0.2)
    assert duration_s - 1.5 < found["sound_s"] < duration_s + 0.5  # a busy machine simulates sound late
    assert found["pictures"] > 4
    shown = [kernel.shown[name] for name in cell.display_ids]
    assert ["lecture.webm: stopped" in str(one.get("text/plain")) for one in shown] == [True]
    for code, kind in {
        "lab.record('lecture.webm')": "FileExistsError",
        "lab.snapshot('lecture.webm')": "ValueError",
        "lab.record('nowhere/lecture.webm')": "FileNotFoundError",
        "lab.record('lecture.avi')": "ValueError",
        "lab.record('voice.wav', 'both')": "ValueError",
        "lab.record('lecture.webm', override=True)": "TypeError",
    }.items():
        refused = await kernel.execute(code, check=False)
        assert refused.error is not None
        assert refused.error.name == kind, refused.error
    assert path.stat().st_size == size_bytes
    assert os.listdir(tmp_path) == ["lecture.webm"]
    await kernel.execute("frame = lab.snapshot('now.png')\nassert frame.image.shape == (240, 320, 3)")
    with av.open(str(tmp_path / "now.png")) as picture:
        assert next(picture.decode()).width == 320


async def test_sent_and_received_at_once_until_the_lab_closes(kernel: Kernel, tmp_path: Path) -> None:
    """Two recordings side by side; what functions return has tracks of its own; closing the lab finishes both."""
    await kernel.execute(
        f"{LIVE}\n@lab.on_video\ndef effect(frame): return 255 - frame.image\n"
        "@lab.on_audio\ndef gain(chunk): return chunk.samples * 0.5\n"
        "two = [lab.record('both.mkv', 'both'), lab.record('voice.wav')]\n"
        "[reached(one, 2.0) for one in two]\nlab.close()",
        timeout_s=90,
    )
    assert await kernel.value("[one.state for one in two]") == ["stopped", "stopped"]
    with av.open(str(tmp_path / "both.mkv")) as container:
        titles = [stream.metadata["title"] for stream in container.streams]
    assert titles[0] == "camera"
    assert {"microphone", "sent picture", "sent sound"} & {*titles} >= {"microphone"}
    assert played(tmp_path / "voice.wav")["sound_s"] >= 1.9


async def test_a_killed_engine_leaves_a_file_that_plays(kernel: Kernel, tmp_path: Path) -> None:
    """All but the last second is there; live again, the recording goes on in a next file and says why."""
    recorded_s = await _recorded(kernel, "recording = lab.record('lecture.webm')", 4.0)
    os.kill(await kernel.value("lab._access.client.pid"), signal.SIGKILL)
    await kernel.wait_value("recording.state == 'waiting' and lab.state == 'idle'", timeout_s=60)
    found = played(tmp_path / "lecture.webm")
    print(f"of {recorded_s:.1f} s recorded {found['end_s']:.1f} s play after a SIGKILL")
    assert found["end_s"] > recorded_s - 2.0
    assert found["sound_s"] > recorded_s - 2.0
    await kernel.execute(
        f"{LIVE}\nbefore_s = recording.duration_s\nreached(recording, before_s + 1)", timeout_s=90
    )
    await kernel.execute("recording.stop()")
    assert await kernel.value("[path.name for path in recording.paths]") == ["lecture.webm", "lecture-2.webm"]
    assert "crash" in await kernel.value("recording.note")
    assert played(tmp_path / "lecture-2.webm")["end_s"] > 0.5


async def test_a_full_disk_is_said_in_the_cell_and_the_widget(kernel: Kernel, tmp_path: Path) -> None:
    """The recording ends with a sentence, everything else goes on, and what was written plays."""
    cell = await kernel.execute(
        f"{LIVE}\nrecording = lab.record('voice.wav')\n"
        "resource.prlimit(lab._access.client.pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))",
        timeout_s=90,
    )
    await kernel.wait_value("recording.state == 'failed' and bool(lab.mirror.problems)", timeout_s=60)
    assert "as large as it may be" in await kernel.value("recording.error")
    assert "voice.wav" in str(await kernel.value("list(lab.mirror.problems.values())"))
    shown = [kernel.shown[name] for name in cell.display_ids]
    assert any("as large as it may be" in str(one) for one in shown)
    await kernel.execute("recording.stop()")
    assert played(tmp_path / "voice.wav")["sound_s"] > 1.0
    assert await kernel.value("lab.state") == "live"


async def test_a_restarted_kernel_finishes_the_file(kernel: Kernel, tmp_path: Path) -> None:
    """Restart in mid-recording: the file plays, to within a second of the end."""
    recorded_s = await _recorded(kernel, "recording = lab.record('lecture.mkv')", 2.5)
    await kernel.restart()
    found = played(tmp_path / "lecture.mkv")
    print(f"after a restart the file tells a duration of {found['duration_s']} s")
    assert found["end_s"] > recorded_s - 2.0


async def _recorded(kernel: Kernel, begin: str, seconds: float) -> float:
    """Live, and recording for so long; how long exactly."""
    await kernel.execute(f"{LIVE}\n{begin}\nlength_s = reached(recording, {seconds})", timeout_s=90)
    return float(await kernel.value("length_s"))
