"""What Python sends by itself: pictures that are shown, sounds that are played, files, streams.

Everything a person starts with ``lab.show``, ``lab.play``, ``lab.stream`` and ``lab.play_file`` is a player here, known
to the kernel by a number. All of it runs on the engine's loop and needs no kernel code once it has begun, but a
stream's own pictures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, ClassVar

from smallrtc_lab.engine.outlets import Kind
from smallrtc_lab.framing import Header

from .clock import PlayClock, PlayState
from .pictures import PictureStage, Shown
from .sound import SoundStage

if TYPE_CHECKING:
    from smallrtc_lab.engine.bridge import Bridge

__all__ = ["Player", "Stage"]

logger = logging.getLogger(__name__)

MOST_SIZE = (1920, 1080)
ENDED = 256  # numbers of playbacks that may still have a picture on its way


class Player:
    """One playback. ``stage`` is where its pictures and sound go."""

    name: ClassVar[str] = "lab.play"

    def __init__(self, number: int, stage: Stage, wanted_bps: int | None = None) -> None:
        self.number = number
        self.state = PlayState.LOADING
        self.clock = PlayClock()
        self.duration_s: float | None = None
        self.repeats = False
        self.error: str | None = None
        self.shown = Shown(number, self.name, wanted_bps)
        self._stage = stage

    @property
    def position_s(self) -> float:
        """Where it is, from the beginning of what is played."""
        return self.clock.at(time.monotonic())

    def described(self) -> Header:
        """As the kernel is told."""
        return {
            "number": self.number,
            "state": self.state.value,
            "position_s": round(self.position_s, 4),
            "duration_s": self.duration_s,
            "repeats": self.repeats,
            "error": self.error,
        }

    def stats(self) -> Header:
        """What is counted."""
        return {"name": self.name, **self.described()}

    def pause(self) -> None:
        """Stand still."""
        if self.state is PlayState.PLAYING:
            self.clock.stop(time.monotonic())
            self.become(PlayState.PAUSED)

    def resume(self) -> None:
        """Go on."""
        if self.state is PlayState.PAUSED:
            self.clock.start(time.monotonic())
            self.become(PlayState.PLAYING)
            self._stage.sound.wake()

    def seek(self, position_s: float) -> None:
        """Go on from elsewhere; what has no beginning and end stays where it is."""

    def become(self, state: PlayState) -> None:
        """Enter a state, and tell the kernel; who has ended leaves the stage."""
        self.state = state
        self._stage.tell(self)
        if state.final:
            self._stage.left(self)

    async def close(self) -> None:
        """Let go of everything; called once it has left the stage."""


class Stage:
    """The players of one session. ``changed`` is called when other tracks are to be sent, or something else shown."""

    def __init__(
        self, session_id: str, bridge: Bridge, executor: Executor, changed: Callable[[Kind], None]
    ) -> None:
        self.pictures = PictureStage(lambda: changed("video"))
        self.sound = SoundStage()
        self.players: dict[int, Player] = {}
        self.wanted_bps: int | None = None  # of the lab
        self.limits: Header = {}  # of the server
        self.executor = executor
        self.bridge = bridge
        self._session_id = session_id
        self._changed = changed
        self.ended: deque[int] = deque(maxlen=ENDED)
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def most_size(self) -> tuple[int, int]:
        """(width, height) that a shown picture may have."""
        width, height = MOST_SIZE
        limits = self.limits
        return min(width, int(limits.get("max_width", width))), min(
            height, int(limits.get("max_height", height))
        )

    @property
    def bitrate(self) -> tuple[int | None, int | None]:
        """What is wanted and what is allowed of a connection's pictures, in bits a second."""
        shown = self.pictures.shown
        wanted = self.wanted_bps if shown is None or shown.wanted_bps is None else shown.wanted_bps
        return wanted, self.limits.get("max_bitrate_bps")

    @property
    def told(self) -> Header:
        """What stands in a processor's place, as pages are told."""
        told: Header = {}
        if self.pictures.shown is not None:
            told["video"] = {"name": self.pictures.shown.name, "state": "running", "controls": {}}
        heard = [player for player in self.players.values() if self.sound.has(player)]
        if heard:
            told["audio"] = {"name": heard[-1].name, "state": "running", "controls": {}}
        return told

    def enter(self, player: Player) -> None:
        """A new playback."""
        self.players[player.number] = player

    def show(self, player: Player) -> None:
        """Its picture is the one that is seen now; the one that was seen before is replaced, and ends."""
        before = self.players.get(self.pictures.take(player.shown) or 0)
        if before is not None:
            before.become(PlayState.REPLACED)

    def heard(self, voice: Player, on: bool) -> None:
        """A player that is a :class:`~.sound.Voice` begins to be heard, or no longer is."""
        if on != self.sound.has(voice):
            (self.sound.add if on else self.sound.remove)(voice)  # type: ignore[arg-type]
            self._changed("audio")

    def left(self, player: Player) -> None:
        """It has ended, for whatever reason."""
        self.heard(player, False)
        self.pictures.release(player.number)
        if self.players.pop(player.number, None) is not None:
            self.ended.append(player.number)
            task = asyncio.get_running_loop().create_task(player.close(), name=f"end of {player.name}")
            self._ending.add(task)
            task.add_done_callback(self._ended)

    def tell(self, player: Player) -> None:
        """The kernel follows each playback."""
        self.bridge.event(self._session_id, "playback", **player.described())

    def stats(self) -> Header:
        """Counters of pictures and sound, and every playback by its number."""
        return {
            **self.pictures.stats(),
            "sound_limited": self.sound.limited,
            "playbacks": {str(number): player.stats() for number, player in self.players.items()},
        }

    async def close(self) -> None:
        """End everything."""
        for player in list(self.players.values()):
            player.become(PlayState.STOPPED)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a playback could not let go of everything", exc_info=error)
