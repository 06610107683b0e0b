"""Everything that one lab sends by itself: playbacks by their number, and the picture that is shown."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header

from .access import Access
from .sending_pictures import Pixels
from .sending_playback import GOING, Playback

__all__ = ["EngineDrive", "Playbacks"]

_FAILED = {"position_s": 0.0, "duration_s": None}


class EngineDrive:
    """A playback that the engine drives."""

    def __init__(self, access: Access, number: int) -> None:
        self._access = access
        self._number = number

    def command(self, command: str, **args: Any) -> Header | None:
        """See :class:`~.sending_playback.Drive`."""
        answer: Header | None = self._access.call("playback", number=self._number, command=command, **args)
        return answer

    def ended(self) -> None:
        """See :class:`~.sending_playback.Drive`."""


class Playbacks:
    """Thread-safe. ``reopen`` functions say how a playback goes on in a new engine."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._all: dict[int, tuple[Playback, Callable[[], None] | None]] = {}
        self._shown: int | None = None
        self._undo: Callable[[], None] = lambda: None

    def next_number(self) -> int:
        """For a new playback."""
        return next(self._numbers)

    def add(self, number: int, playback: Playback, reopen: Callable[[], None] | None = None) -> None:
        """Follow a playback, until it has ended."""
        with self._lock:
            self._all[number] = (playback, reopen)

    def forget(self, number: int) -> None:
        """It has ended, or could not even begin."""
        with self._lock:
            self._all.pop(number, None)

    def going(self) -> list[Playback]:
        """Those that have not ended."""
        with self._lock:
            return [playback for playback, _ in self._all.values()]

    def event(self, header: Header) -> None:
        """The engine tells how a playback stands; on the reader's thread."""
        with self._lock:
            playback, _ = self._all.get(header["number"], (None, None))
        if playback is None or (playback.driven_here and header["state"] in GOING):
            return
        playback.told(header)
        if playback.done:
            if header["number"] == self._shown:
                self.hide()
            self.forget(header["number"])

    def show(
        self, number: int, playback: Playback, reopen: Callable[[], None], undo: Callable[[], None]
    ) -> None:
        """A picture stands still from now on; ``undo`` ends what follows its changes."""
        self.hide()
        self.add(number, playback, reopen)
        self._shown, self._undo = number, undo

    def hide(self) -> None:
        """No picture stands still any more."""
        undo, self._undo = self._undo, lambda: None
        undo()
        if self._shown is not None:
            self.forget(self._shown)
            self._shown = None

    def submit_picture(self, number: int, pixels: Pixels, **more: Any) -> Future[Any] | None:
        """Hand a picture to the engine; None when it has given no memory back: it is dropped."""
        client = self.access.client
        slot = None if self.access.closed else client.lend(pixels.image)
        if slot is None:
            return None
        return client.submit(
            "show",
            session=self.access.session_id,
            number=number,
            slot=list(slot),
            shape=pixels.image.shape,
            format=pixels.format,
            time_s=time.monotonic(),
            **more,
        )

    def reopen(self) -> None:
        """A new engine runs: go on there, as far as that can be."""
        with self._lock:
            everything = list(self._all.items())
        for number, (playback, again) in everything:
            try:
                if again is None:
                    raise SmallRTCError("the media process crashed; play it again")
                again()
            except (SmallRTCError, OSError) as error:
                playback.told({**_FAILED, "state": "failed", "error": str(error)})
                self.forget(number)

    def close(self) -> None:
        """The lab ends: so does all this."""
        self.hide()
        for playback in self.going():
            try:
                playback.stop()
            except SmallRTCError:  # an engine that has gone plays nothing
                playback.told({**_FAILED, "state": "stopped"})
