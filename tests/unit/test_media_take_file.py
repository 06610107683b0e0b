"""Takes as files: exact, playable, and safe to open."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support import takes

from smallrtc_lab.media.take import Take


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_what_was_saved_is_loaded_exactly(codec: str, tmp_path: Path) -> None:
    """Pictures, samples, gaps, times, messages, events and statistics are the same to the last bit."""
    take = takes.take(codec=codec)
    path = take.save(tmp_path / "a.take")
    same = Take.load(path)
    before, after = take._sources["camera"].packets, same._sources["camera"].packets
    assert [(t.time_s, t.time_kind, t.arrival_s, t.epoch) for t in after] == [
        (t.time_s, t.time_kind, t.arrival_s, t.epoch) for t in before
    ]
    assert [(t.packet.pts, t.packet.keyframe, t.packet.codec) for t in after] == [
        (t.packet.pts, t.packet.keyframe, t.packet.codec) for t in before
    ]
    assert np.array_equal(same.video.images, take.video.images)  # type: ignore[union-attr]
    assert np.array_equal(same.audio.samples, take.audio.samples)  # type: ignore[union-attr]
    assert same.audio.gaps == take.audio.gaps  # type: ignore[union-attr]
    assert (same._sound.shifts, same._sound.position) == (take._sound.shifts, take._sound.position)  # type: ignore[union-attr]
    assert (same.start_s, same.duration_s, same.shareable) == (take.start_s, take.duration_s, True)
    assert (same.messages, same.events) == (take.messages, take.events)
    assert same.statistics.tobytes() == take.statistics.tobytes()


def test_parts_may_be_missing(tmp_path: Path) -> None:
    """A take of nothing, of pictures alone and of a shared screen are saved as well."""
    nothing = Take.load(Take(1.0, 0.0).save(tmp_path / "nothing.take"))
    assert (nothing.audio, nothing.video, nothing.start_s) == (None, None, 1.0)
    screen = takes.take(source="screen", with_sound=False)
    same = Take.load(screen.save(tmp_path / "screen.take"))
    assert (same.audio, same.video) == (None, None)
    assert np.array_equal(same.screen.images, screen.screen.images)  # type: ignore[union-attr]


def test_several_connections_and_codecs_are_kept(tmp_path: Path) -> None:
    """Each codec has a track of its own, and the order of pictures stays."""
    take = takes.take()
    more = takes.packets(5, codec="H264", width=128, height=96, first=35, epoch=2)
    again = takes.packets(5, first=40, epoch=3)
    pictures = take._sources["camera"]
    both = type(pictures)("camera", (*pictures.packets, *more, *again))
    long = Take(0.5, 4.0, _sources={"camera": both})
    same = Take.load(long.save(tmp_path / "long.take"))
    assert np.array_equal(same.video.images, long.video.images)  # type: ignore[union-attr]
    assert [timed.epoch for timed in same._sources["camera"].packets][-11:] == [1, *[2] * 5, *[3] * 5]


def test_the_media_in_it_can_be_played(tmp_path: Path) -> None:
    """Any player opens media.mkv: as many pictures as were kept, and the sound, at their distance."""
    path = takes.take().save(tmp_path / "a.take")
    with zipfile.ZipFile(path) as archive:
        media = archive.read("media.mkv")
    with av.open(io.BytesIO(media)) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
        assert container.streams.video[0].metadata["title"] == "camera"
    with av.open(io.BytesIO(media)) as container:
        first = next(container.decode(audio=0))
    assert times_s == pytest.approx(np.arange(35) / 10, abs=0.002)
    assert first.time == pytest.approx(0.4935, abs=0.002)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """A file that exists stays as it is, unless it may be replaced; no unfinished file is left."""
    path = tmp_path / "a.take"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        takes.take().save(path)
    assert path.read_text() == "mine"
    takes.take().save(path, overwrite=True)
    assert Take.load(path).duration_s == 3.0
    with pytest.raises(FileNotFoundError):
        takes.take().save(tmp_path / "nowhere" / "a.take")
    assert [one.name for one in tmp_path.iterdir()] == ["a.take"]


def rewritten(path: Path, change: Callable[[dict[str, bytes]], Any]) -> Path:
    """The same file with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def described(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, bytes]], None]:
    """A change of take.json."""

    def apply(members: dict[str, bytes]) -> None:
        said = json.loads(members["take.json"])
        change(said)
        members["take.json"] = json.dumps(said).encode()

    return apply


def npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    """A NumPy file."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=pickled)
    return out.getvalue()


def npy_that_claims(rows: int) -> bytes:
    """A small NumPy file whose header speaks of many rows."""
    out = io.BytesIO()
    header = {"descr": [("time_s", "<f8")], "fortran_order": False, "shape": (rows,)}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue() + bytes(80)


HOSTILE: dict[str, Callable[[dict[str, bytes]], Any]] = {
    "no json": lambda m: m.pop("take.json"),
    "not json": lambda m: m.update({"take.json": b"{"}),
    "deep json": lambda m: m.update({"take.json": b"[" * 100_000}),
    "a list": lambda m: m.update({"take.json": b"[]"}),
    "another format": described(lambda d: d.update(format="zip")),
    "a newer version": described(lambda d: d.update(version=2)),
    "no times": described(lambda d: d.pop("start_s")),
    "a time that is none": described(lambda d: d.update(duration_s="nan")),
    "much sound": described(lambda d: d["sound"].update(samples=10**12)),
    "more sound than there is": described(lambda d: d["sound"].update(samples=144001)),
    "less sound than there is": described(lambda d: d["sound"].update(samples=100)),
    "one channel": described(lambda d: d["sound"].update(channels=1)),
    "an unknown codec": described(lambda d: d["tracks"][0].update(codec="exe")),
    "no tracks": described(lambda d: d.update(tracks=[])),
    "messages of no shape": described(lambda d: d.update(messages=[[1]])),
    "no media": lambda m: m.pop("media.mkv"),
    "media that is none": lambda m: m.update({"media.mkv": b"\x1aE\xdf\xa3" + bytes(1000)}),
    "half of the media": lambda m: m.update({"media.mkv": m["media.mkv"][: len(m["media.mkv"]) // 2]}),
    "objects": lambda m: m.update({"statistics.npy": npy(np.array([{}], object), pickled=True)}),
    "no statistics": lambda m: m.pop("statistics.npy"),
    "statistics without times": lambda m: m.update({"statistics.npy": npy(np.zeros(3, [("a", "<f8")]))}),
    "statistics of words": lambda m: m.update({"statistics.npy": npy(np.array(["a"]))}),
    "rows that are not there": lambda m: m.update({"statistics.npy": npy_that_claims(10**15)}),
    "a header that is none": lambda m: m.update({"statistics.npy": npy_that_claims(10).replace(b"}", b"(")}),
    "other rows of pictures": lambda m: m.update({"camera.npy": npy(np.zeros(3, "<f8"))}),
    "fewer rows": lambda m: m.update({"camera.npy": npy(np.load(io.BytesIO(m["camera.npy"]))[:-1])}),
    "rows of no track": lambda m: m.update(
        {"camera.npy": npy(_of_track(np.load(io.BytesIO(m["camera.npy"])), 7))}
    ),
}


def _of_track(rows: np.ndarray, number: int) -> np.ndarray:
    rows["track"] = number
    return rows


@pytest.mark.parametrize("what", HOSTILE)
def test_a_damaged_or_hostile_file_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    """Whatever is wrong with it: a ValueError that names the file, nothing else, and nothing large is made."""
    path = rewritten(takes.take().save(tmp_path / "a.take"), HOSTILE[what])
    with pytest.raises(ValueError, match=r"a\.take is no take, or a damaged one: .+"):
        Take.load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(share: float, tmp_path: Path) -> None:
    """A download that stopped, an empty file."""
    path = takes.take().save(tmp_path / "a.take")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="no take, or a damaged one"):
        Take.load(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """The zip's own sums tell."""
    path = takes.take().save(tmp_path / "a.take")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.getinfo("media.mkv").header_offset + 2000] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="no take, or a damaged one"):
        Take.load(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    """As for any file."""
    with pytest.raises(FileNotFoundError):
        Take.load(tmp_path / "nothing.take")


def test_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    """A folder that is missing, and one in the file's place; no temporary name is told."""
    take = Take(1.0, 0.0)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*mkdir"):
        take.save(tmp_path / "no" / "a.take")
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        take.save(tmp_path, overwrite=True)
