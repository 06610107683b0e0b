"""``lab.record`` and ``lab.snapshot``."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from smallrtc_lab.frames import VideoFrame

from .options import checks_keywords
from .recording import LabRecordings, Recording, What, reserve
from .video import VideoStream

__all__ = ["RecordingMethods", "save_picture"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_QUALITY = 92


@checks_keywords
class RecordingMethods:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _recordings: LabRecordings
    video: VideoStream

    def record(
        self, path: str | os.PathLike[str], what: What = "received", *, overwrite: bool = False
    ) -> Recording:
        """Record into a file until ``stop()``, or to the end of a ``with``; the suffix says what file it is.

        ``.webm`` and ``.mkv`` have what came as it came, encoded, and cost next to nothing; ``.mp4`` has H.264, to
        which VP8 is transcoded (``recording.note`` says so); ``.ogg`` and ``.wav`` have the sound. ``what``:
        what the browser sent (camera, screen and microphone), what Python ``"sent"`` to it, or ``"both"``, each as a
        track with a title. The file can be played at every moment, also after a crash.

        Raises :class:`NotLiveError` before anything is live, ``ValueError`` for another suffix,
        :class:`FileExistsError` unless ``overwrite``, and other ``OSError`` for a place where no file can be.

        >>> with lab.record("lecture.webm") as recording:
        ...     time.sleep(60)
        >>> recording.duration_s, recording.size_bytes
        """
        return self._recordings.start(path, what, overwrite=overwrite)

    def snapshot(self, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False) -> VideoFrame:
        """The newest picture, saved as PNG, JPEG or WebP by the suffix of ``path`` where there is one.

        Raises :class:`NotLiveError` before the first picture, and for the path as :meth:`record` does.

        >>> lab.snapshot("face.png").image.shape
        (480, 640, 3)
        """
        if path is None:
            return self.video.latest()
        wanted = Path(path).expanduser().absolute()
        if wanted.suffix.lower() not in _PICTURES:
            raise ValueError(
                f"a snapshot ends in {', '.join(_PICTURES)}, not {wanted.suffix or wanted.name!r}"
            )
        frame = self.video.latest()
        save_picture(frame, wanted, overwrite=overwrite)
        return frame


def save_picture(frame: VideoFrame, path: Path, *, overwrite: bool) -> None:
    """Write a picture in the format of the suffix; raises as :func:`reserve` does, and leaves no file of nothing."""
    from PIL import Image

    options: dict[str, Any] = {} if path.suffix.lower() == ".png" else {"quality": _QUALITY}
    content = io.BytesIO()
    Image.fromarray(frame.rgb).save(content, Image.registered_extensions()[path.suffix.lower()], **options)
    was_there = path.exists()
    reserve(path, overwrite=overwrite)
    try:
        path.write_bytes(content.getvalue())
    except OSError:  # a full disk
        if not was_there:
            path.unlink(missing_ok=True)
        raise
