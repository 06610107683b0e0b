"""A take: the last seconds of everything, on one clock, as one object that is small and can be saved."""

from __future__ import annotations

import html
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from smallrtc_lab.frames import AudioClip, PixelFormat, VideoClip

from .take_file import load, save
from .take_pictures import clip_of
from .taken import TakenAll, TakenPictures

__all__ = ["Take"]

Source = Literal["camera", "screen"]


@dataclass(frozen=True, eq=False, repr=False)
class Take(TakenAll):
    """Sound, pictures, messages, events and statistics from ``start_s`` on, for ``duration_s`` seconds.

    All times are seconds since the session began. Pictures stay encoded until they are asked for, so that a take is
    small (``size_bytes``) and replays exactly. ``messages`` are of ``(time_s, sender, message)``, ``events`` of
    ``(time_s, name, details)``, ``statistics`` is a structured array with the fields of ``lab.stats_history()``.
    """

    @property
    def end_s(self) -> float:
        """Where it ends, in seconds of the session."""
        return self.start_s + self.duration_s

    @cached_property
    def audio(self) -> AudioClip | None:
        """The sound with all its channels; None without any."""
        if self._sound is None:
            return None
        return self._sound.clip(shareable=self.shareable, publish=self._publish)

    @cached_property
    def video(self) -> VideoClip | None:
        """The camera's pictures, all of the size of the first; decoded once, None without any.

        Raises ``ValueError`` when they were more than 1 GB; :meth:`pictures` gives less of them.
        """
        return self.pictures() if "camera" in self._sources else None

    @cached_property
    def screen(self) -> VideoClip | None:
        """The shared screen's pictures, as :attr:`video`."""
        return self.pictures(source="screen") if "screen" in self._sources else None

    @property
    def size_bytes(self) -> int:
        """What the sound and the encoded pictures take in memory."""
        sound = 0 if self._sound is None else self._sound.samples.nbytes
        return sound + sum(pictures.size_bytes for pictures in self._sources.values())

    def pictures(
        self,
        *,
        every: int = 1,
        width: int | None = None,
        format: PixelFormat = "rgb",
        source: Source = "camera",
    ) -> VideoClip:
        """Each ``every``-th picture as one array, ``width`` pixels across if they are to be scaled.

        >>> take.pictures(every=10, width=160).images.shape
        (30, 120, 160, 3)
        """
        if every < 1:
            raise ValueError(f"every is at least 1, not {every!r}")
        pictures = self._sources.get(source, TakenPictures(source, ()))
        return clip_of(pictures, self.start_s, every=every, width=width, format=format)

    def between(self, start_s: float, end_s: float) -> Take:
        """The part of that time, in seconds of the session, as a take of its own.

        >>> take.between(take.end_s - 2, take.end_s).duration_s
        2.0
        """
        start_s = max(self.start_s, start_s)
        end_s = max(start_s, min(self.end_s, end_s))
        cut = {name: pictures.between(start_s, end_s) for name, pictures in self._sources.items()}
        times_s = self.statistics["time_s"]
        return replace(
            self,
            start_s=start_s,
            duration_s=end_s - start_s,
            messages=tuple(one for one in self.messages if start_s <= one.time_s <= end_s),
            events=tuple(one for one in self.events if start_s <= one.time_s <= end_s),
            statistics=self.statistics[(times_s >= start_s) & (times_s <= end_s)].copy(),
            _sound=None if self._sound is None else self._sound.between(start_s, end_s),
            _sources={name: pictures for name, pictures in cut.items() if pictures.packets},
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a file, whose pictures are not encoded again; returns the path.

        The file is a zip: ``media.mkv`` in it can be played, the rest is JSON and NumPy. Raises ``FileExistsError``
        unless ``overwrite``.

        >>> take.save("first.take")
        """
        return save(self, Path(path), overwrite=overwrite)

    @staticmethod
    def load(path: str | Path) -> Take:
        """Read what :meth:`save` has written; raises ``ValueError`` with a sentence for any other file.

        >>> Take.load("first.take")
        """
        content = load(Path(path))
        return Take(**{each.name: getattr(content, each.name) for each in fields(content)})

    def __repr__(self) -> str:
        return f"Take({self.duration_s:.2f} s: {', '.join(self._parts()) or 'nothing'})"

    def _repr_html_(self) -> str:
        head = f"<b>Take</b> of {self.duration_s:.2f} s, from {self.start_s:.2f} s of the session"
        rows = "".join(f"<li>{html.escape(part)}</li>" for part in self._parts())
        return f"<div>{head}<ul style='margin:0'>{rows}</ul></div>"

    def _parts(self) -> list[str]:
        """What it holds, in words; no picture and no sound."""
        parts = [self._words_for(pictures) for pictures in self._sources.values()]
        if self._sound is not None:
            gaps = f" with {len(self._sound.gaps)} gaps" if self._sound.gaps else ""
            seconds = len(self._sound.samples) / self._sound.sample_rate
            parts.append(f"{seconds:.2f} s of sound at {self._sound.sample_rate} Hz{gaps}")
        counted = (("message", self.messages), ("event", self.events), ("row of statistics", self.statistics))
        for word, things in counted:
            if len(things):
                plural = "rows of statistics" if word.startswith("row") else f"{word}s"
                parts.append(f"{len(things)} {word if len(things) == 1 else plural}")
        if self.size_bytes:
            parts.append(f"{self.size_bytes / 1e6:.1f} MB")
        return parts

    def _words_for(self, pictures: TakenPictures) -> str:
        codecs = "/".join(dict.fromkeys(timed.packet.codec for timed in pictures.packets))
        return f"{pictures.count(self.start_s)} pictures of the {pictures.source} ({codecs})"
