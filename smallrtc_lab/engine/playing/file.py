"""A file that is played in the engine: decoded, paced and kept in step here, whatever the kernel does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import ClassVar

from smallrtc_lab.framing import Header
from smallrtc_lab.media.resample import Int16

from .clock import PlayState
from .feed import FileFeed
from .sound import RATE_HZ, Cursor
from .stage import Player, Stage

__all__ = ["FilePlayer"]

LONGEST_WAIT_S = 1.0
UNHEARD_S = 0.25  # sound that is so far behind the clock is read by nobody
TAIL_S = 0.06  # sound that is read a little behind the clock is heard to its end


class FilePlayer(Player):
    """Pictures when they are due by the clock that the sound is read by: the two cannot drift apart."""

    name: ClassVar[str] = "lab.play_file"

    def __init__(self, number: int, stage: Stage, wanted_bps: int | None = None) -> None:
        super().__init__(number, stage, wanted_bps)
        self.late = 0
        self.pictures = 0
        self._feed: FileFeed | None = None
        self._cursor = Cursor()
        self._hold = False  # paused before there was anything to play
        self._poster = False  # the picture of this place is yet to be shown, although nothing moves
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self, path: str, *, loop: bool) -> None:
        """Raises :class:`MediaFileError`; playing begins when the first picture and sound are decoded."""
        here = asyncio.get_running_loop()
        wake = self._changed.set

        def progress() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and this thread is about to
                here.call_soon_threadsafe(wake)

        feed = await here.run_in_executor(
            None, lambda: FileFeed(path, loop=loop, most_size=self._stage.most_size, progress=progress)
        )
        self._feed = feed
        self.duration_s = feed.facts.duration_s
        self.repeats = loop
        self._task = here.create_task(self._run(feed), name="play file")

    @property
    def position_s(self) -> float:
        """Within the file, however often it was repeated."""
        position_s = super().position_s
        length_s = (self._feed.length_s if self._feed is not None else None) or self.duration_s
        if not length_s or position_s < length_s:
            return position_s
        return position_s % length_s if self.repeats else length_s

    def stats(self) -> Header:
        """With ``pictures`` that were shown and those that were ``late``: decoded after their time."""
        return super().stats() | {"pictures": self.pictures, "late": self.late}

    def pause(self) -> None:
        """Stand still, on the picture that is seen."""
        self._hold = True
        super().pause()
        self._changed.set()

    def resume(self) -> None:
        """Go on."""
        self._hold = False
        self._cursor.forget()
        super().resume()
        self._changed.set()

    def seek(self, position_s: float) -> None:
        """Go on from ``position_s``; while paused the picture there is shown."""
        if self._feed is None or self.state.final:
            return
        at_s = max(0.0, position_s)
        if self.duration_s:
            at_s = min(at_s, self.duration_s)
        self._hold = self.state is PlayState.PAUSED or (self._hold and self.state is PlayState.LOADING)
        self.clock.move(at_s)
        self._cursor.forget()
        self._feed.seek(at_s)
        self.become(PlayState.LOADING)

    def read(self, count: int, now_s: float) -> Int16 | None:
        """See :class:`~.sound.Voice`."""
        if not self.clock.running or self._feed is None:
            return None
        return self._feed.sound(self._cursor.place(round(self.clock.at(now_s) * RATE_HZ), count), count)

    async def close(self) -> None:
        """End the thread, close the file."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        feed, self._feed = self._feed, None
        if feed is not None:
            await asyncio.to_thread(feed.close)

    async def _run(self, feed: FileFeed) -> None:
        while not self.state.final:
            self._changed.clear()
            now_s = time.monotonic()
            if feed.error is not None:
                self.error = feed.error
                self.become(PlayState.FAILED)
            elif self.state is PlayState.LOADING:
                self._begin(feed, now_s)
            else:
                if self.clock.running:
                    feed.forget_sound(self.clock.at(now_s) - UNHEARD_S)
                self._show_due(feed, now_s)
            if not self.state.final:
                await self._wait(self._due_in_s(feed))

    def _begin(self, feed: FileFeed, now_s: float) -> None:
        if not feed.ready:
            return
        if feed.facts.size is not None:
            self._stage.show(self)
        if feed.facts.has_sound:
            self._stage.heard(self, True)
        self._poster = True
        if self._hold:
            self.become(PlayState.PAUSED)
        else:
            self.clock.start(now_s)
            self.become(PlayState.PLAYING)
            self._stage.sound.wake()
        self._show_due(feed, now_s)

    def _show_due(self, feed: FileFeed, now_s: float) -> None:
        position_s = self.clock.at(now_s)
        if self.clock.running or self._poster:
            first_s = feed.next_picture_s if self._poster else None
            due = feed.picture(position_s if first_s is None else max(position_s, first_s))
            if due is not None:
                picture_s, frame, late = due
                self._poster = False
                self.late += late
                self.pictures += 1
                # Where it was sought its first picture is of the past, and is seen now.
                self._stage.pictures.put(
                    self.number, frame, max(self.clock.when(picture_s, now_s), now_s - 0.1)
                )
        if feed.ends_at_s is not None and position_s >= feed.ends_at_s + TAIL_S:
            self.clock.move(feed.ends_at_s)
            self.become(PlayState.ENDED)

    def _due_in_s(self, feed: FileFeed) -> float:
        """Until the next picture or the end; whatever else happens wakes the task."""
        if not self.clock.running:
            return LONGEST_WAIT_S
        ends_s = None if feed.ends_at_s is None else feed.ends_at_s + TAIL_S
        next_s = [s for s in (feed.next_picture_s, ends_s) if s is not None]
        return max(
            0.001,
            min([*next_s, self.clock.at(time.monotonic()) + LONGEST_WAIT_S])
            - self.clock.at(time.monotonic()),
        )

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            pass  # a picture is due
