"""One source for many connections: every picture and every piece of sound is encoded once, however many watch.

    broadcast = Broadcast()
    connection.replace_video_track(broadcast.video_track())        # for each connection a track of its own
    connection.replace_audio_track(broadcast.audio_track())
    broadcast.put_picture(image)                                   # as often as there is a new one

Once for each codec and size that is asked for, to be exact: Safari may want H.264 where the others take VP8. A client
that joins, or has lost a picture, gets a keyframe that is one for all, at most every 0.3 s. One that does not
keep up is left behind alone, and goes on with a keyframe.

A :class:`SmallWebRTCConnection` takes packets. To anybody else a track gives frames, which are encoded there.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.frames import AudioClip, PixelFormat

from .accept import read_picture, read_sound
from .client import FrameSource
from .encoders import Encoded
from .outgoing import AUDIO_RATE_HZ, AUDIO_TIME_BASE, SAMPLES, VIDEO_TIME_BASE
from .packetqueue import PacketQueue
from .picturelane import PictureLane, Size
from .soundlane import SoundLane

__all__ = ["Broadcast", "BroadcastTrack"]


class BroadcastTrack(MediaStreamTrack):
    """A broadcast's picture or sound for one connection, which reads it and stops it at its end.

    ``sent`` counts what was read, ``dropped`` what came while the connection stood still. On the loop of who reads.
    """

    def __init__(self, lane: PictureLane | SoundLane, size: Size | None = None) -> None:
        super().__init__()
        self.kind = "video" if isinstance(lane, PictureLane) else "audio"
        self.sent = 0
        self._lane = lane
        self._size = size
        self._queue: PacketQueue | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Pieces that this connection had no time for."""
        return self._dropped + (0 if self._queue is None else self._queue.dropped)

    def use_codec(self, name: str | None) -> None:
        """Give packets of this codec from now on, where there is an encoder for it, else frames; begins anew.

        Called by the connection that reads, when its codec is known.
        """
        self._leave()
        if self.readyState != "live":
            return
        if isinstance(self._lane, PictureLane):
            self._queue = self._lane.subscribe(name, self._size)
        else:
            self._queue = self._lane.subscribe(name if name == "opus" else None)

    def request_keyframe(self) -> None:
        """The receiver needs a picture that can be decoded without another. On the loop that reads."""
        if isinstance(self._lane, PictureLane) and self._queue is not None:
            self._lane.ask_keyframe(self._queue)

    async def recv(self) -> Any:
        """The next packet, or frame; raises ``MediaStreamError`` when the track or the broadcast has ended."""
        while self.readyState == "live" and not self._lane.closed:
            if self._queue is None:
                self.use_codec(None)
            queue = self._queue
            assert queue is not None
            try:
                piece = await queue.get()
            except ClosedError:
                if queue is self._queue:
                    break
                continue  # another codec was chosen meanwhile
            self.sent += 1
            if isinstance(piece.content, bytes):
                return self._packet(piece.content, piece)
            return self._frame(piece)
        raise MediaStreamError("the track was stopped")

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._leave()

    def _leave(self) -> None:
        if self._queue is not None:
            self._lane.unsubscribe(self._queue)
            self._dropped += self._queue.dropped
            self._queue = None

    def _packet(self, content: bytes, piece: Encoded) -> av.Packet[Any]:
        # One for each connection: the senders set its time, each its own.
        packet: av.Packet[Any] = av.Packet(content)
        packet.pts = piece.pts
        packet.time_base = VIDEO_TIME_BASE if self.kind == "video" else AUDIO_TIME_BASE
        packet.is_keyframe = piece.keyframe
        return packet

    def _frame(self, piece: Encoded) -> av.VideoFrame | av.AudioFrame:
        if self.kind == "video":
            picture = av.VideoFrame.from_ndarray(piece.content, format="yuv420p")  # type: ignore[arg-type]
            picture.pts, picture.time_base = piece.pts, VIDEO_TIME_BASE
            return picture
        sound = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
        sound.planes[0].update(np.ascontiguousarray(piece.content).tobytes())
        sound.sample_rate, sound.pts, sound.time_base = AUDIO_RATE_HZ, piece.pts, AUDIO_TIME_BASE
        return sound


class Broadcast:
    """Pictures and sound from any thread, to tracks on any loop; nothing is encoded while nobody reads.

    ``bitrate_bps`` is that of the picture, the same for all: what one client's network lets through changes nothing for
    the others. ``close()`` ends every track, and the two threads that encode.
    """

    def __init__(self, *, bitrate_bps: int = 1_000_000) -> None:
        if bitrate_bps < 10_000:
            raise ValueError(f"bitrate_bps is in bits per second, at least 10 000, not {bitrate_bps}")
        self._pictures = PictureLane(bitrate_bps)
        self._sound = SoundLane()

    def put_picture(self, picture: Any, *, format: PixelFormat = "rgb") -> None:
        """Show a picture from now on: a :class:`VideoFrame`, uint8 (H, W) or (H, W, 3), or a frame of PyAV's.

        Never waits: one that comes before the last was encoded replaces it, which is counted. Odd sizes lose a line.
        Raises :class:`ClosedError`, as :func:`.accept.read_picture` does, and what an encoder raised before.
        """
        self._check_open()
        self._pictures.put(read_picture(picture, format))

    def put_sound(self, sound: Any, *, sample_rate: int = AUDIO_RATE_HZ) -> None:
        """Send sound, live: an :class:`AudioClip`, (n,) or (n, channels) int16 or float, or a frame of PyAV's.

        Never waits: what is more than a second ahead of the clock is dropped, counted as ``too_fast``. Raises likewise.
        """
        self._check_open()
        self._sound.put(read_sound(sound, sample_rate), _time_of(sound))

    async def follow(self, track: FrameSource) -> None:
        """Send what ``track`` gives, pictures or sound, until it or this broadcast ends."""
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame):
                    self.put_picture(frame)
                else:
                    self.put_sound(frame)
        except (MediaStreamError, ClosedError):
            return

    def video_track(self, *, size: Size | None = None) -> BroadcastTrack:
        """A track for one connection; of ``size`` (width, height) where given, which is one encoder more."""
        return BroadcastTrack(self._pictures, size)

    def audio_track(self) -> BroadcastTrack:
        """A track for one connection."""
        return BroadcastTrack(self._sound)

    def stats(self) -> dict[str, dict[str, int]]:
        """What was put, encoded and dropped, of ``video`` in pictures and of ``audio`` in pieces of 20 ms.

        ``encoders`` and ``tracks`` are how many there are now, ``replaced`` pictures that were never encoded,
        ``dropped`` what was encoded and not read by a connection that stood still.
        """
        return {"video": self._pictures.stats(), "audio": self._sound.stats()}

    def close(self) -> None:
        """End every track. Idempotent; from any thread."""
        self._pictures.close()
        self._sound.close()

    def _check_open(self) -> None:
        if self._pictures.closed:
            raise ClosedError("this broadcast is closed; make a new one")


def _time_of(sound: Any) -> float | None:
    """When it begins, in seconds of its source's clock."""
    if isinstance(sound, AudioClip):
        return sound.start_s
    if isinstance(sound, av.AudioFrame) and sound.pts is not None and sound.time_base is not None:
        return float(sound.pts * sound.time_base)
    return None
