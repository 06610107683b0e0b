"""What the kernel calls for what Python sends by itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.calls import CallGroup
from smallrtc_lab.errors import EngineError
from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.framing import Header

from .clock import PlayState
from .file import FilePlayer
from .samples import SamplesPlayer
from .shown import ShownPlayer, StreamPlayer
from .stage import Player, Stage

__all__ = ["PlayingCalls"]


class PlayingCalls(CallGroup):
    """``number`` is the playback's, given by the kernel; each call answers how the playback stands."""

    with_payload: ClassVar[frozenset[str]] = frozenset({"play_samples", "stream_sound"})

    async def call_show(
        self,
        session: str,
        number: int,
        slot: list[Any],
        shape: list[int],
        format: PixelFormat,
        time_s: float,
        bitrate_bps: int | None = None,
        stream: bool = False,
    ) -> Header:
        """Show the picture in a slot, of a playback that this begins or one that goes on; ``size`` as it is sent."""
        ref = SlotRef.from_json(slot)
        try:
            if number in self._stage(session).ended:  # it was on its way when another was shown
                self.engine.bridge.free(ref)
                return {"state": PlayState.REPLACED.value, "position_s": 0.0, "size": (0, 0)}
            player = self._shown(session, number, bitrate_bps, stream=stream)
        except BaseException:
            self.engine.bridge.free(ref)
            raise
        size = await player.show(ref, tuple(shape), format, time_s)
        return player.described() | {"size": size}

    async def call_hide(self, session: str) -> None:
        """Whatever is shown ends."""
        stage = self._stage(session)
        shown = stage.pictures.shown
        player = None if shown is None else stage.players.get(shown.number)
        if player is not None:
            player.become(PlayState.STOPPED)

    async def call_stream_sound(
        self, session: str, number: int, sample_rate: int, channels: int, payload: bytes
    ) -> Header:
        """A block of a stream's sound, float32."""
        if number in self._stage(session).ended:
            return {"state": PlayState.REPLACED.value, "position_s": 0.0}
        player = self._shown(session, number, None, stream=True)
        assert isinstance(player, StreamPlayer)
        player.sound(np.frombuffer(payload, np.float32).reshape(-1, channels), sample_rate)
        return player.described()

    async def call_play_samples(
        self, session: str, number: int, sample_rate: int, channels: int, last: bool, payload: bytes
    ) -> Header:
        """A piece of the samples, float32; after the ``last`` they are played."""
        stage = self._stage(session)
        player = stage.players.get(number)
        if player is None:
            player = SamplesPlayer(number, stage, sample_rate, channels)
            stage.enter(player)
        assert isinstance(player, SamplesPlayer)
        await player.add(np.frombuffer(payload, np.float32).reshape(-1, channels))
        if last:
            player.begin()
        return player.described()

    async def call_play_file(
        self,
        session: str,
        number: int,
        path: str,
        loop: bool,
        bitrate_bps: int | None = None,
        position_s: float = 0.0,
        paused: bool = False,
    ) -> Header:
        """Play a file; raises :class:`MediaFileError`."""
        stage = self._stage(session)
        player = FilePlayer(number, stage, bitrate_bps)
        await player.open(path, loop=loop)
        stage.enter(player)
        if paused:
            player.pause()
        if position_s:
            player.seek(position_s)
        return player.described()

    async def call_playback(
        self, session: str, number: int, command: str, position_s: float = 0.0
    ) -> Header | None:
        """``pause``, ``resume``, ``seek``, ``stop``, or ``end`` of a stream; None for one that has ended."""
        player = self._stage(session).players.get(number)
        if player is None:
            return None
        match command:
            case "pause":
                player.pause()
            case "resume":
                player.resume()
            case "seek":
                player.seek(position_s)
            case "stop":
                player.become(PlayState.STOPPED)
            case "end":
                player.become(PlayState.ENDED)
            case _:
                raise EngineError(f"a playback knows no command {command!r}")
        return player.described()

    def _stage(self, session: str) -> Stage:
        return self.engine.session(session).processing.stage

    def _shown(self, session: str, number: int, bitrate_bps: int | None, *, stream: bool) -> ShownPlayer:
        stage = self._stage(session)
        player: Player | None = stage.players.get(number)
        if player is None:
            kind = StreamPlayer if stream else ShownPlayer
            player = kind(number, stage, bitrate_bps)
            stage.enter(player)
        assert isinstance(player, ShownPlayer)
        return player
