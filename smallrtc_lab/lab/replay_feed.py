"""A replay in real time goes through the engine as well, so that plots, ``last``, ``latest`` and recordings see it."""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np

from smallrtc_lab.errors import SmallRTCError

from .access import Access

if TYPE_CHECKING:
    from smallrtc_lab.media.feeds import SoundPiece, Step
    from smallrtc_lab.media.material import Material, Shown
    from smallrtc_lab.media.resample import Resampler

__all__ = ["EngineFeed"]

_UNANSWERED = 8
_PATIENCE_S = 10.0
_RATE = 48000


class EngineFeed:
    """Hands pictures and sound to the engine as they are due; a context manager.

    Entering raises :class:`EngineError` while the lab is live. What the engine does not take is left out: a browser
    that comes meanwhile, or an engine that ends, ends only this.
    """

    def __init__(self, material: Material, access: Access) -> None:
        self.left_out = 0  # pictures for which there was no room in shared memory
        self._access = access
        self._start_s = material.start_s
        self._sources = [*material.pictures, *(["sound"] if material.sound is not None else [])]
        self._unanswered: deque[Future[Any]] = deque()
        self._sound = material.sound
        self._resampler: Resampler | None = None  # of the stretch without a gap that is being played
        self._next = (0, 0)  # the material's position that goes on with it, and that of the engine
        self._taken = True

    def __enter__(self) -> EngineFeed:
        self._access.call("replay_begin", sources=self._sources)
        return self

    def __exit__(self, *exc: object) -> None:
        self._settle(0)
        with contextlib.suppress(SmallRTCError):  # an engine that has gone has ended it
            self._access.call("replay_end")

    def take(self, step: Step) -> None:
        """What is due now."""
        if not self._taken:
            return
        try:
            if step.source == "sound":
                self._sound_piece(step.what)  # type: ignore[arg-type]
            else:
                self._picture(step.source, step.what)  # type: ignore[arg-type]
        except SmallRTCError:
            self._taken = False
        self._settle(_UNANSWERED)

    def _settle(self, most: int) -> None:
        """Wait until the engine has answered all but so many."""
        while len(self._unanswered) > most:
            try:
                self._taken &= bool(self._unanswered.popleft().result(_PATIENCE_S)[0])
            except (SmallRTCError, TimeoutError):
                self._taken = False  # the lab's own state says what became of the engine

    def _picture(self, source: str, shown: Shown) -> None:
        planar = (
            shown.frame.format.name == "yuv420p" and not shown.frame.width % 2 and not shown.frame.height % 2
        )
        av_format = "yuv420p" if planar else "rgb24"
        pixels = np.ascontiguousarray(shown.frame.to_ndarray(format=av_format), np.uint8)
        ref = self._access.client.lend(pixels)
        if ref is None:
            self.left_out += 1
            return
        self._submit(
            "replay_picture",
            source=source,
            slot=list(ref),
            shape=list(pixels.shape),
            format=av_format,
            at_s=shown.time_s - self._start_s,
        )

    def _sound_piece(self, piece: SoundPiece) -> None:
        from smallrtc_lab.media.resample import Resampler, to_float, to_int16

        assert self._sound is not None
        rate, channels = self._sound.sample_rate, piece.samples.shape[1]
        if self._resampler is None or piece.position != self._next[0]:
            self._resampler = Resampler(rate, _RATE, channels, 2)
            self._next = piece.position, round((piece.position - self._sound.position) / rate * _RATE)
        ready = to_int16(self._resampler.push(to_float(piece.samples)))
        position = self._next[1]
        self._next = piece.position + len(piece.samples), position + len(ready)
        if len(ready):
            self._submit("replay_sound", payload=ready.tobytes(), position=position)

    def _submit(self, method: str, *, payload: bytes = b"", **args: Any) -> None:
        client, session = self._access.client, self._access.session_id
        self._unanswered.append(client.submit(method, payload=payload, session=session, **args))
