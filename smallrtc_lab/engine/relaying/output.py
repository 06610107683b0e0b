"""What Python sends over a relay socket: pictures and sound of whatever track is set, encoded and kept within the path.

A picture that has no room is dropped before it is encoded; sound goes first and is dropped only when nothing of the
last second was acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError
from av.video.reformatter import VideoReformatter

from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.pace import FramePace
from smallrtc_lab.relay.bitrate import MOST_BPS, START_BPS, BitrateControl
from smallrtc_lab.relay.blocks import SoundBlock, SoundBlocks
from smallrtc_lab.relay.codecs import JpegEncoder, pcm_bytes
from smallrtc_lab.relay.keyframes import KeyframeGate
from smallrtc_lab.relay.packets import CLOCK_HZ, SDP_NAMES, Codec, Media, Report, Stream
from smallrtc_lab.relay.window import SendWindow
from smallrtc_lab.rtc.encoders import Encoded, OpusEncoder, VideoEncoder
from smallrtc_lab.rtc.switch import SwitchedTrack

__all__ = ["RelayPictures", "RelaySound"]

logger = logging.getLogger(__name__)

_RENEW_DOWN, _RENEW_UP = 0.8, 1.35  # a new bitrate is a new encoder, and that a keyframe: not for a trifle
_SOUND_FRAMES = 50  # one second of 20 ms
SOUND_BPS = 64_000


class _Output:
    """A track with a task that sends what it gives."""

    kind: str
    stream: Stream

    def __init__(self, send: Callable[[Media], None], executor: Executor) -> None:
        self.track = SwitchedTrack(self.kind)
        self.window = SendWindow()
        self.sent = 0
        self.on_sent: Callable[[EncodedPacket], None] | None = None
        self._send = send
        self._executor = executor
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"relay-send-{self.kind}")

    @property
    def unsent(self) -> int:
        """Frames for which there was no room."""
        return self.window.refused

    def reported(self, report: Report) -> None:
        """The page is done with what was sent up to there."""
        self.window.acknowledge(report.sequence, time.monotonic())

    def stop(self) -> None:
        """Send no more."""
        self.track.stop()
        self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing runs any more; after :meth:`stop`."""
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            while True:
                await self._pass(await self.track.recv())
        except MediaStreamError:
            logger.debug("no more %s is relayed", self.kind)
        except Exception:  # border: a picture that cannot be encoded must not end in silence
            logger.exception("the relay sends no %s any more", self.kind)

    async def _pass(self, frame: Any) -> None:
        raise NotImplementedError

    def _go(self, codec: Codec, frame: Any, content: bytes, *, keyframe: bool) -> None:
        now_s = time.monotonic()
        sequence = self.window.sent(now_s, len(content))
        self._send(Media(self.stream, codec, keyframe, sequence, frame.pts, now_s * 1000, content))
        self.sent += 1
        if self.on_sent is not None:
            name, clock_hz = SDP_NAMES[codec], CLOCK_HZ[self.stream]
            pts = round(frame.pts * frame.time_base * clock_hz)
            self.on_sent(EncodedPacket(content, name, clock_hz, pts, keyframe))


class RelayPictures(_Output):
    """The picture that comes back: VP8 at what the path carries, or JPEG where the page decodes no video."""

    kind = "video"
    stream = Stream.CAMERA

    def __init__(
        self,
        send: Callable[[Media], None],
        executor: Executor,
        *,
        codec: Codec = Codec.VP8,
    ) -> None:
        self._codec = codec
        self._control = BitrateControl(START_BPS if codec is Codec.VP8 else MOST_BPS)
        self._seen = True
        self._unseen: av.VideoFrame | None = None  # the last one, while nobody looks
        self._passing = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None
        self._due_s = float("-inf")  # of the next JPEG
        self._gate = KeyframeGate()
        self._encoder: VideoEncoder | None = None
        self._encoder_bps = 0
        self._jpeg = JpegEncoder()
        self._reformatter = VideoReformatter()
        self._scale = 1.0
        self._pace = FramePace()
        super().__init__(send, executor)

    @property
    def bitrate_bps(self) -> int:
        """What the path is believed to carry."""
        return self._control.target_bps

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None) -> None:
        """What was asked for is the most from now on, within what is allowed; the path decides below it."""
        self._control.use(wanted_bps, limit_bps)

    def ask(self, scale: float, max_frame_rate: float | None) -> None:
        """Smaller and fewer pictures from now on: this share of their width and height, so many a second at most."""
        self._scale = scale
        if max_frame_rate != self._pace.max_rate_hz:
            self._pace = FramePace(max_rate_hz=max_frame_rate)

    def show(self, seen: bool) -> None:
        """Whether somebody looks: nothing is encoded while nobody does, and then at once what came last."""
        self._seen, unseen = seen, self._unseen
        if not seen or unseen is None:
            return
        self._unseen = None
        self._again = asyncio.get_running_loop().create_task(
            self._pass_again(unseen), name="relay-send-again"
        )

    def stop(self) -> None:
        """Send no more."""
        super().stop()
        if self._again is not None:
            self._again.cancel()

    async def ended(self) -> None:
        """Wait until nothing runs any more; after :meth:`stop`."""
        await super().ended()
        if self._again is not None:
            await asyncio.wait({self._again})

    def want_keyframe(self) -> None:
        """Send a picture soon that needs no other."""
        self._gate.want()

    def reported(self, report: Report) -> None:
        """The page has decoded what was sent up to there, and may need a keyframe."""
        now_s = time.monotonic()
        told = self.window.acknowledge(report.sequence, now_s)
        if told is not None:
            self._control.acknowledged(told, now_s)
        if report.keyframe:
            self._gate.want()

    async def _pass(self, frame: av.VideoFrame) -> None:
        if self._seen:
            async with self._passing:
                await self._encode_and_go(frame)
        else:
            self._unseen = frame

    async def _pass_again(self, frame: av.VideoFrame) -> None:
        try:
            await self._pass(frame)
        except Exception:  # border: as of all pictures
            logger.exception("a picture that waited for somebody to look could not be relayed")

    async def _encode_and_go(self, frame: av.VideoFrame) -> None:
        now_s = time.monotonic()
        if now_s < self._due_s or not self.window.has_room(now_s) or not self._pace.due(now_s):
            return
        loop = asyncio.get_running_loop()
        if self._codec is Codec.JPEG:
            content = await loop.run_in_executor(self._executor, self._photograph, frame)
            self._due_s = now_s + 8 * len(content) / self._control.target_bps
            self._go(Codec.JPEG, frame, content, keyframe=True)
            return
        encoder, renewed = self._fitting()
        keyframe = self._gate.take(now_s) or renewed
        encoded = await loop.run_in_executor(self._executor, self._encode, encoder, frame, keyframe)
        if encoded is not None:
            assert isinstance(encoded.content, bytes)
            self._go(Codec.VP8, frame, encoded.content, keyframe=encoded.keyframe)

    def _photograph(self, frame: av.VideoFrame) -> bytes:
        return self._jpeg.encode(self._planar(frame))

    def _encode(self, encoder: VideoEncoder, frame: av.VideoFrame, keyframe: bool) -> Encoded | None:
        planar = self._planar(frame)
        planar.pts, planar.time_base = frame.pts, Fraction(1, 90_000)
        return encoder.encode(planar, keyframe=keyframe)

    def _planar(self, frame: av.VideoFrame) -> av.VideoFrame:
        if frame.format.name == "yuv420p" and self._scale == 1.0:
            return frame
        width, height = (max(2, round(self._scale * side / 2) * 2) for side in (frame.width, frame.height))
        return self._reformatter.reformat(frame, width, height, format="yuv420p", threads=1)

    def _fitting(self) -> tuple[VideoEncoder, bool]:
        """The encoder for the bitrate of now, and whether it is a new one."""
        target_bps = self._control.target_bps
        low_bps, high_bps = _RENEW_DOWN * self._encoder_bps, _RENEW_UP * self._encoder_bps
        if self._encoder is not None and low_bps < target_bps < high_bps:
            return self._encoder, False
        self._encoder, self._encoder_bps = VideoEncoder("VP8", target_bps), target_bps
        return self._encoder, True


class RelaySound(_Output):
    """The sound that comes back: Opus, or PCM where the page decodes none; 20 ms of 48 kHz stereo each."""

    kind = "audio"
    stream = Stream.AUDIO

    def __init__(
        self, send: Callable[[Media], None], executor: Executor, *, codec: Codec = Codec.OPUS
    ) -> None:
        self._codec = codec
        self._encoder = OpusEncoder(SOUND_BPS)
        self._blocks = SoundBlocks()
        super().__init__(send, executor)
        self.window = SendWindow(frames=_SOUND_FRAMES)

    async def _pass(self, frame: av.AudioFrame) -> None:
        for block in self._blocks.cut(frame):
            if self.window.has_room(time.monotonic()):
                await self._pass_block(block)

    async def _pass_block(self, block: SoundBlock) -> None:
        if self._codec is Codec.PCM:
            self._go(Codec.PCM, block, pcm_bytes(block.samples), keyframe=True)
            return
        loop = asyncio.get_running_loop()
        encoded = await loop.run_in_executor(self._executor, self._encoder.encode, block.samples, block.pts)
        if encoded is not None:
            assert isinstance(encoded.content, bytes)
            self._go(Codec.OPUS, block, encoded.content, keyframe=True)
