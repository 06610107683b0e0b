"""Slots in shared memory: whose they are, how they grow, and that no file stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smallrtc_lab.engine import arena
from smallrtc_lab.engine.arena import Attachments, SlotPool, SlotRef
from smallrtc_lab.errors import EngineError


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own place for the files instead of /dev/shm, so that what is left in it can be counted."""
    monkeypatch.setattr(arena, "_RAM_DISK", tmp_path)
    return tmp_path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A RAM disk of one megabyte, as a container's /dev/shm may be."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("platform: mounting a small RAM disk needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def take(pool: SlotPool, size: int) -> tuple[SlotRef, memoryview]:
    """A slot that must be there."""
    slot = pool.acquire(size)
    assert slot is not None
    return slot


def test_what_the_writer_wrote_is_what_the_reader_sees(directory: Path) -> None:
    """Bytes written to a slot are read through its reference, at the used length."""
    pool, reader = SlotPool(), Attachments()
    first, memory = take(pool, 10)
    memory[:] = b"0123456789"
    second, other = take(pool, 4)
    other[:] = b"abcd"
    assert bytes(reader.view(first)) == b"0123456789"
    assert bytes(reader.view(SlotRef.from_json(list(second)))) == b"abcd"
    assert first.offset != second.offset
    reader.close()
    pool.close()


def test_the_file_is_gone_as_soon_as_the_reader_has_mapped_it(directory: Path) -> None:
    """One file while only the writer knows it, none afterwards, and the memory is shared all the same."""
    pool, reader = SlotPool(), Attachments()
    ref, memory = take(pool, 100)
    assert [str(path) for path in directory.iterdir()] == [ref.path]
    view = reader.view(ref)
    assert list(directory.iterdir()) == []
    memory[0] = 77
    assert view[0] == 77
    assert reader.view(ref)[0] == 77


def test_a_pool_that_nobody_attached_leaves_no_file(directory: Path) -> None:
    """Closing the writer unlinks what no reader ever mapped."""
    pool = SlotPool()
    take(pool, 100)
    pool.close()
    assert list(directory.iterdir()) == []


def test_a_slot_is_one_sides_at_a_time(directory: Path) -> None:
    """With every slot at the reader there is none; a released one is used again, and once only."""
    pool = SlotPool(slots=2)
    first, _ = take(pool, 50)
    take(pool, 50)
    assert pool.acquire(50) is None
    pool.release(first)
    pool.release(first)
    assert take(pool, 50)[0] == first
    assert pool.acquire(50) is None


def test_larger_pictures_get_a_new_segment_and_the_old_one_retires(directory: Path) -> None:
    """Growth leaves slots at the reader readable, and gives their memory back with the last of them."""
    pool, reader = SlotPool(slots=2), Attachments()
    small, memory = take(pool, 100)
    memory[:5] = b"small"
    large, _ = take(pool, 10_000)
    assert large.path != small.path
    assert bytes(reader.view(small)[:5]) == b"small"
    pool.release(small)
    pool.release(small)  # the retired segment has gone with its last slot
    assert take(pool, 100)[0].path == large.path
    assert not Path(small.path).exists()
    pool.close()
    assert list(directory.iterdir()) == []


def test_an_idle_segment_goes_at_once_when_the_pool_grows(directory: Path) -> None:
    """Nothing is kept of a segment whose slots are all free."""
    pool = SlotPool()
    ref, _ = take(pool, 100)
    pool.release(ref)
    grown, _ = take(pool, 10_000)
    assert [str(path) for path in directory.iterdir()] == [grown.path]
    pool.close()


def test_release_of_what_is_not_known_changes_nothing(directory: Path) -> None:
    """A reference of an earlier process, or before any slot was made, is ignored."""
    pool = SlotPool(slots=1)
    pool.release(SlotRef("/dev/shm/smallrtc-other", 0, 10))
    ref, _ = take(pool, 10)
    pool.release(SlotRef(ref.path + "-other", ref.offset, ref.used))
    assert pool.acquire(10) is None


def test_a_view_outlives_its_attachment(directory: Path) -> None:
    """Closing the reader does not take the memory from under a view that is still in use."""
    pool, reader = SlotPool(), Attachments()
    ref, memory = take(pool, 3)
    memory[:] = b"abc"
    view = reader.view(ref)
    reader.close()
    pool.close()
    assert bytes(view) == b"abc"


def test_threads_that_meet_a_new_file_together_all_see_it(directory: Path) -> None:
    """The first reader unlinks the file; the others, a moment later, still read from it."""
    failures: list[Exception] = []

    def read(gate: threading.Barrier, reader: Attachments, ref: SlotRef) -> None:
        gate.wait()
        try:
            assert bytes(reader.view(ref)) == b"x"
        except (OSError, AssertionError) as error:
            failures.append(error)

    for _ in range(30):
        pool, reader, gate = SlotPool(slots=1), Attachments(), threading.Barrier(6)
        ref, memory = take(pool, 1)
        memory[:] = b"x"
        threads = [threading.Thread(target=read, args=(gate, reader, ref)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_a_writer_that_has_gone_is_a_missing_file(directory: Path) -> None:
    """A reference that came late names a file that is not there any more."""
    pool = SlotPool()
    ref, _ = take(pool, 10)
    pool.close()
    with pytest.raises(FileNotFoundError):
        Attachments().view(ref)


def test_a_full_ram_disk_falls_back_to_a_file(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /dev/shm is too small the memory lies in a file elsewhere, and writing to it works."""
    monkeypatch.setattr(arena, "_RAM_DISK", small_disk)
    pool, reader = SlotPool(slots=4), Attachments()
    fits, _ = take(pool, 100_000)
    assert fits.path.startswith(str(small_disk))
    large, memory = take(pool, 1_000_000)
    assert large.path.startswith(tempfile.gettempdir())
    memory[:] = b"\x07" * 1_000_000
    assert reader.view(large)[999_999] == 7
    assert [str(path) for path in small_disk.iterdir()] == [fits.path]  # no half-made file stays
    pool.close()
    assert list(small_disk.iterdir()) == []


def test_no_room_at_all_is_said_with_the_next_step(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither place has room the error says so, instead of a SIGBUS at the first write."""
    monkeypatch.setattr(arena, "_RAM_DISK", small_disk)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(small_disk))
    with pytest.raises(EngineError, match=r"no room for 8 MB of shared memory.*smaller pictures"):
        SlotPool(slots=8).acquire(1_000_000)
    assert list(small_disk.iterdir()) == []


def test_the_reader_may_be_another_process(directory: Path) -> None:
    """Another process reads the slot, writes an answer into it, and its exit takes nothing away."""
    pool = SlotPool()
    ref, memory = take(pool, 5)
    memory[:] = b"hello"
    code = (
        "import sys; from smallrtc_lab.engine.arena import *;"
        f"view = Attachments().view(SlotRef({ref.path!r}, {ref.offset}, {ref.used}));"
        "view[:] = bytes(view).upper()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(arena.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert bytes(memory) == b"HELLO"
    pool.close()
    assert list(directory.iterdir()) == []
