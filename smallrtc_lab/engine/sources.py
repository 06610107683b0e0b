"""The session's streams as one: which connection's tracks flow into them, and what has not come yet."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .connections import SessionConnection
from .inbound import AudioInbound, VideoInbound

__all__ = ["SourceProblems", "Sources"]


class SourceProblems(Protocol):
    """Where it is told that nothing comes."""

    def problem(self, code: str, message: str, next_step: str) -> None:
        """Something the person should know."""

    def clear_problem(self, code: str) -> None:
        """It is over."""


class Sources:
    """``expected`` are those that a live browser sends."""

    def __init__(
        self,
        video: dict[str, VideoInbound],
        audio: AudioInbound,
        expected: list[VideoInbound | AudioInbound],
        problems: SourceProblems,
    ) -> None:
        self._video = video
        self._audio = audio
        self._expected = expected
        self._problems = problems

    def meet_sender(self) -> None:
        """What follows comes from another sender's clock."""
        self._audio.meet_sender()

    def follow(self, connection: SessionConnection) -> None:
        """Read this connection's tracks from now on; what it does not have stays as it is."""
        camera, screen = connection.video_input_track(), connection.screen_video_input_track()
        for name, track in (("camera", camera), ("screen", screen)):
            if track is not None:
                self._video[name].follow(track)
        audio = connection.audio_input_track()
        if audio is not None:
            self._audio.follow(audio)

    async def disconnect(self) -> None:
        """Nothing comes any more; what was received stays readable."""
        for stream in (*self._video.values(), self._audio):
            await stream.disconnect()

    async def first_media(self, within_s: float) -> bool:
        """Wait for the first of everything the browser offers to send, and say what has not come in time."""
        expected = [stream for stream in self._expected if stream.connected]
        try:
            async with asyncio.timeout(within_s):
                for stream in expected:
                    await stream.wait_flowing()
        except TimeoutError:
            missing = " and ".join(stream.source for stream in expected if not stream.flowing)
            self._problems.problem(
                "no-media",
                f"Connected, but nothing has come from the {missing} yet.",
                "Check that it is not muted or used by another program.",
            )
            return False
        self._problems.clear_problem("no-media")
        return True
