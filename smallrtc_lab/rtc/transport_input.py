"""What a program receives from a client: pictures, sound and messages, for any number of readers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakSet

from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.picture import check_format
from smallrtc_lab.media.voice import VoiceEvent
from smallrtc_lab.params import TransportParams

from .client import ClientConnection
from .reading import AudioStream, InputStream, MessageStream, PictureSourceName, VideoStream
from .sources import PictureSource, SoundSource
from .speech import SpeechWatch

__all__ = ["TransportInput"]

S = TypeVar("S", bound=InputStream[Any, Any])

SOUND_RATE_HZ = 48_000
EARLY_MESSAGES = 50
_SOURCES: dict[str, PictureSourceName] = {"camera": "camera", "screen": "screen", "screenVideo": "screen"}


class TransportInput:
    """The incoming half of a transport. Readers never wait for each other; belongs to the transport's loop."""

    def __init__(
        self,
        connection: ClientConnection,
        params: TransportParams,
        clock: SessionClock,
        on_speech: Callable[[VoiceEvent], None],
        name: str | None = None,
    ) -> None:
        self.name = name or "input"
        self._params = params
        self._pictures: dict[PictureSourceName, PictureSource] = {
            "camera": PictureSource("camera", connection.video_input_track, clock),
            "screen": PictureSource("screen", connection.screen_video_input_track, clock),
        }
        self._sound = SoundSource("microphone", connection.audio_input_track, clock)
        self._all: list[PictureSource | SoundSource] = [*self._pictures.values(), self._sound]
        self._sound_wanted = False
        self._captured = params.audio_in_stream_on_start
        if params.audio_in_enabled and params.voice is not None:
            self._sound.speech = SpeechWatch(params.voice, on_speech)
        self._rates: dict[str, float | None] = {
            name: None if source.on_request_only else source.framerate
            for name, source in params.video_in_sources.items()
        }
        self._message_streams: WeakSet[MessageStream] = WeakSet()
        self._early: deque[Any] | None = deque(maxlen=EARLY_MESSAGES)
        self._end_reason: str | None = None

    @property
    def speaking(self) -> bool:
        """Whether the client speaks; False without ``vad``."""
        return self._sound.speech is not None and self._sound.speech.speaking

    def video_frames(
        self,
        source: str = "camera",
        *,
        format: PixelFormat = "rgb",
        max_rate_hz: float | None = None,
        timeout_s: float | None = None,
    ) -> VideoStream:
        """``async for frame in``: each time the newest :class:`VideoFrame` of ``"camera"`` or ``"screen"``.

        Pictures are (H, W, 3) uint8, or (H, W) for ``"gray"``, in the size they came in. At most ``max_rate_hz`` a
        second, or what was asked for that source.
        """
        name = self._source(source)
        check_format(format)
        rate_hz = max_rate_hz if max_rate_hz is not None else self._rates.get(name)
        stream = VideoStream(name, format, rate_hz, timeout_s)
        self._pictures[name].streams.add(stream)
        return self._opened(stream, self._pictures[name])

    def audio_frames(
        self, *, block_ms: float = 20, bound_s: float = 0.5, timeout_s: float | None = None
    ) -> AudioStream:
        """``async for clip in``: :class:`AudioClip` of ``block_ms``, gapless, in the rate and channels of the params.

        ``bound_s`` waits for a slow reader; beyond that the oldest is dropped, and the next clip marks the gap.
        """
        self._check_enabled("audio_in_enabled")
        if not 5 <= block_ms <= 1000:
            raise ValueError(f"block_ms is from 5 to 1000, not {block_ms!r}")
        rate = self._params.audio_in_sample_rate or SOUND_RATE_HZ
        if not 0.02 <= bound_s <= 60:
            raise ValueError(f"bound_s is from 0.02 to 60 seconds, not {bound_s!r}")
        stream = AudioStream(
            rate, self._params.audio_in_channels, block_ms=block_ms, bound_s=bound_s, timeout_s=timeout_s
        )
        self._sound.streams.add(stream)
        return self._opened(stream, self._sound)

    def messages(self, *, timeout_s: float | None = None) -> MessageStream:
        """``async for message in``: any JSON values, in order. The first reader also gets the 50 newest from before."""
        stream = MessageStream(timeout_s)
        for message in self._early or ():
            stream.offer(message)
        self._early = None
        self._message_streams.add(stream)
        return self._opened(stream, None)

    def capture_video(self, source: str, max_rate_hz: float | None) -> None:
        """Hand out at most ``max_rate_hz`` pictures a second of ``source``, to every reader from now on."""
        name = self._source(source)
        self._rates[name] = max_rate_hz
        for stream in tuple(self._pictures[name].streams):
            stream.limit(max_rate_hz)

    def capture_audio(self) -> None:
        """Begin to listen, if ``audio_in_stream_on_start`` was False."""
        self._check_enabled("audio_in_enabled")
        self._captured = True
        self._listen()

    def open(self) -> None:
        """Called by the transport: the connection is used from now on."""
        if self._sound.speech is not None:
            self._sound_wanted = True
            self._listen()

    def look_again(self) -> None:
        """Called by the transport: the connection may have other tracks now."""
        for source in self._all:
            source.pump.look_again()

    def accept_message(self, message: Any) -> None:
        """Called by the transport for each message of the client."""
        if self._early is not None:
            self._early.append(message)
        for stream in tuple(self._message_streams):
            stream.offer(message)

    def client_left(self) -> None:
        """Called by a transport that waits for another client: whoever was speaking has ceased."""
        if self._sound.speech is not None:
            self._sound.speech.end()

    def end(self, reason: str) -> None:
        """Called by the transport: nothing more comes, and the readers' loops end."""
        if self._end_reason is not None:
            return
        self._end_reason = reason
        self.client_left()
        for source in self._all:
            source.pump.stop()
        readers: list[InputStream[Any, Any]] = [*self._message_streams, *self._sound.streams]
        for pictures in self._pictures.values():
            readers += pictures.streams
        for reader in readers:
            reader.end(reason)

    async def ended(self) -> None:
        """Wait until nothing of this runs any more; after :meth:`end`."""
        for source in self._all:
            await source.pump.ended()

    def _opened(self, stream: S, source: PictureSource | SoundSource | None) -> S:
        if self._end_reason is not None:
            stream.end(self._end_reason)
        elif source is self._sound:
            self._sound_wanted = True
            self._listen()
        elif source is not None:
            source.pump.start()
        return stream

    def _listen(self) -> None:
        if self._sound_wanted and self._captured and self._end_reason is None:
            self._sound.pump.start()

    def _source(self, source: str) -> PictureSourceName:
        self._check_enabled("video_in_enabled")
        if source not in _SOURCES:
            raise ValueError(f'source is "camera" or "screen" (also "screenVideo"), not {source!r}')
        return _SOURCES[source]

    def _check_enabled(self, switch: str) -> None:
        if not getattr(self._params, switch):
            raise RuntimeError(f"{switch} is False: make the transport with TransportParams({switch}=True)")
