"""Pictures between the kernel and the engine: slots in shared memory whose ownership passes by message.

The side that writes owns a :class:`SlotPool`; the other side reads through :class:`Attachments`. A slot belongs
to one side at a time: the writer fills it and sends its :class:`SlotRef` over the pipe, the reader says when it
is done, and only then is the slot used again. No lock and no sequence number lives in the memory itself.

The memory is a mapped file, not :class:`multiprocessing.shared_memory.SharedMemory`: before Python 3.13 the
resource tracker of an attaching process unlinks a segment when that process exits (cpython#82300), and macOS
limits the length of segment names. The file lies in ``/dev/shm`` where there is one with room, else in the
directory for temporary files. It is unlinked by the reader as soon as both sides have mapped it.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from smallrtc_lab.errors import EngineError

__all__ = ["Attachments", "SlotPool", "SlotRef"]

_RAM_DISK = Path("/dev/shm")
_SLOT_ALIGNMENT = 4096


class SlotRef(NamedTuple):
    """Where a picture lies: the file, the offset of the slot, and how many bytes of it are used."""

    path: str
    offset: int
    used: int

    @classmethod
    def from_json(cls, value: Sequence[str | int]) -> SlotRef:
        """The reference as it came over the pipe, a list of three."""
        path, offset, used = value
        return cls(str(path), int(offset), int(used))


class _Segment:
    """One mapped file of equal slots."""

    def __init__(self, slot_bytes: int, count: int) -> None:
        self.slot_bytes = slot_bytes
        self.count = count
        self.path, self.memory = _reserve(slot_bytes * count)
        self.free = [slot_bytes * i for i in range(count)]

    @property
    def idle(self) -> bool:
        return len(self.free) == self.count

    def close(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        with contextlib.suppress(BufferError):  # a reader's view is still alive; it goes with that view
            self.memory.close()


class SlotPool:
    """The writer's slots. Thread-safe."""

    def __init__(self, *, slots: int = 8) -> None:
        self._slots = slots
        self._segment: _Segment | None = None
        self._retired: dict[str, _Segment] = {}
        self._lock = threading.Lock()

    def acquire(self, size: int) -> tuple[SlotRef, memoryview] | None:
        """A slot for ``size`` bytes and its memory, or None when the reader holds them all.

        Raises :class:`EngineError` when no shared memory is to be had at all.
        """
        with self._lock:
            segment = self._segment
            if segment is None or size > segment.slot_bytes:
                segment = self._grow(size)
            if not segment.free:
                return None
            offset = segment.free.pop()
        view = memoryview(segment.memory)[offset : offset + size]
        return SlotRef(segment.path, offset, size), view

    def release(self, ref: SlotRef) -> None:
        """The reader is done with this slot."""
        with self._lock:
            self._release(ref)

    def close(self) -> None:
        """Give all memory back."""
        with self._lock:
            for segment in (*self._retired.values(), *([self._segment] if self._segment else [])):
                segment.close()
            self._retired.clear()
            self._segment = None

    def _release(self, ref: SlotRef) -> None:
        segment = self._segment
        if segment is None or segment.path != ref.path:
            segment = self._retired.get(ref.path)
        if segment is None:
            return
        if ref.offset not in segment.free:
            segment.free.append(ref.offset)
        if segment.path in self._retired and segment.idle:
            self._retired.pop(segment.path).close()

    def _grow(self, size: int) -> _Segment:
        slot_bytes = -(-size // _SLOT_ALIGNMENT) * _SLOT_ALIGNMENT
        old = self._segment
        self._segment = _Segment(slot_bytes, self._slots)
        if old is not None:
            if old.idle:
                old.close()
            else:
                self._retired[old.path] = old
        return self._segment


class Attachments:
    """The reader's side: maps a writer's files as their names come in. Thread-safe."""

    _KEPT = 4  # a writer that grows leaves at most a few segments behind

    def __init__(self) -> None:
        self._maps: dict[str, mmap.mmap] = {}
        self._lock = threading.Lock()  # two threads may meet a new file, and the first one unlinks it

    def view(self, ref: SlotRef) -> memoryview:
        """The memory of a slot. It is the reader's until the reader says it is done.

        Raises :class:`FileNotFoundError` when its writer has gone.
        """
        with self._lock:
            mapped = self._maps.get(ref.path)
            if mapped is None:
                mapped = self._attach(ref.path)
        return memoryview(mapped)[ref.offset : ref.offset + ref.used]

    def close(self) -> None:
        """Unmap everything; views that are still alive keep their mapping."""
        with self._lock:
            for mapped in self._maps.values():
                with contextlib.suppress(BufferError):
                    mapped.close()
            self._maps.clear()

    def _attach(self, path: str) -> mmap.mmap:
        with open(path, "r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
        with contextlib.suppress(OSError):  # Windows keeps a mapped file; its writer unlinks it at the end
            os.unlink(path)
        self._maps[path] = mapped
        while len(self._maps) > self._KEPT:
            oldest = self._maps.pop(next(iter(self._maps)))
            with contextlib.suppress(BufferError):
                oldest.close()
        return mapped


def _reserve(size: int) -> tuple[str, mmap.mmap]:
    """A new mapped file whose bytes exist for certain.

    A default container has 64 MB of /dev/shm: creating a larger file there succeeds and writing to it dies
    with SIGBUS, therefore the bytes are allocated first, and elsewhere when they are not to be had.
    """
    problem: OSError | None = None
    for directory in (_RAM_DISK, Path(tempfile.gettempdir())):
        if not directory.is_dir():
            continue
        try:
            return _create(directory / f"smallrtc-{os.getpid()}-{secrets.token_hex(6)}", size)
        except OSError as error:
            problem = error
    raise EngineError(
        f"no room for {size / 1e6:.0f} MB of shared memory ({problem}); free some space in "
        f"{_RAM_DISK} or {tempfile.gettempdir()}, or ask for smaller pictures"
    )


def _create(path: Path, size: int) -> tuple[str, mmap.mmap]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        _allocate(descriptor, size)
        return str(path), mmap.mmap(descriptor, size)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    """Make the file ``size`` bytes long, with real room behind each of them."""
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows: no RAM disk there, the page cache takes it
        os.ftruncate(descriptor, size)
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        os.ftruncate(descriptor, size)
