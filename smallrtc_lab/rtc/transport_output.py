"""What a program sends to a client: sound, pictures and messages, each awaited until there is room."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from smallrtc_lab.params import TransportParams

from .client import ClientConnection, MessageRoom
from .writers import PictureWriter, SoundWriter

__all__ = ["TransportOutput"]

W = TypeVar("W", SoundWriter, PictureWriter)


class TransportOutput:
    """The outgoing half of a transport; takes what the incoming half yields.

    Every write returns True when all of it was taken, False when the connection closed or the sound was cleared
    meanwhile; what is written after the end raises :class:`ClosedError`. Belongs to the transport's loop.
    """

    def __init__(
        self, connection: ClientConnection, params: TransportParams, name: str | None = None
    ) -> None:
        self.name = name or "output"
        self._connection = connection
        self._sound = SoundWriter(params) if params.audio_out_enabled else None
        self._picture = PictureWriter(params) if params.video_out_enabled else None
        self._timeout_s = params.audio_out_write_timeout_secs
        self._closed = False
        self._messages_dropped = 0

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that were written and not sent yet."""
        return 0.0 if self._sound is None else self._sound.queue.waiting_s

    @property
    def volume(self) -> float:
        """What sound is multiplied with; may be set at any time, and holds for what is written then."""
        return _enabled(self._sound, "audio_out_enabled").volume

    @volume.setter
    def volume(self, volume: float) -> None:
        _enabled(self._sound, "audio_out_enabled").volume = float(volume)

    async def write_audio_frame(self, sound: Any) -> bool:
        """Send sound of any length: an :class:`AudioClip`, or (n,) or (n, channels) int16, float32 or float64.

        Arrays are taken to be at ``audio_out_sample_rate``. Returns when the last of it is queued: what waits is
        at most twice what ``audio_out_10ms_chunks`` gathers. Writers take turns. Raises :class:`StreamTimeout` when the
        client takes nothing for ``audio_out_write_timeout_secs``, and as :func:`.accept.read_sound` does.
        """
        return await _enabled(self._sound, "audio_out_enabled").write(sound)

    async def write_video_frame(self, picture: Any) -> bool:
        """Send a picture: a :class:`VideoFrame`, or uint8 (H, W) or (H, W, 3) in ``video_out_color_format``.

        Waits its turn, at most ``video_out_framerate`` a second. What the encoder has not taken by the next one is
        replaced and counted. A :class:`VideoFrame` keeps its distance in time from the one before. Raises as
        :func:`.accept.read_picture` does.
        """
        return await _enabled(self._picture, "video_out_enabled").write(picture)

    async def send_message(self, message: Any) -> bool:
        """Send any JSON value; waits while too much is under way. False when it had to be dropped, which is counted:
        the connection is closed, or the client takes nothing.

        Raises ``TypeError`` or ``ValueError`` for what JSON cannot hold.
        """
        if self._closed:
            self._messages_dropped += 1
            return False
        if isinstance(self._connection, MessageRoom):
            await self._connection.message_room(self._timeout_s)
        else:
            await asyncio.sleep(0)
        sent = self._connection.send_app_message(message) is not False
        self._messages_dropped += not sent
        return sent

    def clear(self) -> float:
        """Drop all sound that was written and not sent yet, at once; returns how many seconds it was.

        Writers that still wait return False. What was sent ahead, a tenth of a second, is heard.
        """
        waiting_s = self.waiting_s
        if self._sound is not None:
            self._sound.queue.clear()
        return waiting_s

    async def drain(self, timeout_s: float = 60.0) -> None:
        """Wait until everything written was sent; raises ``TimeoutError`` after ``timeout_s``."""
        if self._sound is not None:
            await self._sound.queue.idle(timeout_s)

    def stats(self) -> dict[str, float]:
        """What was sent and what was not: frames, seconds of sound, messages."""
        numbers: dict[str, float] = {"messages_dropped": self._messages_dropped}
        if self._picture is not None:
            numbers |= {"video_sent": self._picture.track.sent, "video_dropped": self._picture.track.dropped}
        if self._sound is not None:
            queue = self._sound.queue
            numbers |= {
                "audio_sent_s": queue.taken / 48_000,
                "audio_cleared_s": queue.cleared / 48_000,
                "audio_waiting_s": queue.waiting_s,
            }
        return numbers

    def open(self) -> None:
        """Called by the transport: the connection sends what is written here."""
        if self._sound is not None:
            self._connection.replace_audio_track(self._sound.track)
        if self._picture is not None:
            self._connection.replace_video_track(self._picture.track)

    def close(self) -> None:
        """Called by the transport: nothing more is sent."""
        self._closed = True
        for writer in (self._sound, self._picture):
            if writer is not None:
                writer.close()


def _enabled(writer: W | None, switch: str) -> W:
    if writer is None:
        raise RuntimeError(f"{switch} is False: make the transport with TransportParams({switch}=True)")
    return writer
