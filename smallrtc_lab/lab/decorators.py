"""``@lab.on_video`` and its sisters: what makes callbacks of a person's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from smallrtc_lab.frames import PixelFormat

from .audio import audio_request
from .messages import MessageHandlers
from .options import checks_keywords
from .processors import AudioObserver, AudioProcessor, VideoObserver, VideoProcessor
from .registrations import Registrations
from .video import Size, video_request

__all__ = ["Decorators"]

_AUDIO_CREDITS = 16  # a cell whose C code keeps the GIL leaves a callback few turns: let it use them


@checks_keywords
class Decorators:
    """A part of :class:`~smallrtc_lab.Lab`. Each is used bare, ``@lab.on_video``, or with keywords."""

    _callbacks: Registrations
    _messages: MessageHandlers

    def on_video(
        self,
        function: Callable[..., Any] | None = None,
        *,
        format: PixelFormat = "rgb",
        size: Size = None,
        controls: Mapping[str, Any] | None = None,
    ) -> Any:
        """Decorator: the one video processor. What it returns is seen in the browser.

        >>> @lab.on_video(format="bgr", controls=dict(k=(1, 51, 2)))
        ... def effect(frame, k):
        ...     return cv2.blur(frame.image, (k, k))
        """
        request = video_request(format, size)
        return self._callbacks.add(
            function, VideoProcessor, "video", controls=controls, source="camera", **request
        )

    def on_audio(
        self,
        function: Callable[..., Any] | None = None,
        *,
        block: int | None = None,
        hop: int | None = None,
        sample_rate: int = 48000,
        channels: int = 1,
        controls: Mapping[str, Any] | None = None,
    ) -> Any:
        """Decorator: the one audio processor. What it returns can be listened to.

        It gets blocks of ``block`` samples (20 ms unless asked otherwise), and returns as many. With a smaller ``hop``
        blocks overlap: the last ``hop`` samples of each are new, those before them are the past, for filters and
        spectra that need it, and what it returns are ``hop`` samples in the place of the new ones.

        >>> @lab.on_audio(block=960, sample_rate=16000)
        ... def gain(chunk):
        ...     return chunk.samples * 0.5
        >>> @lab.on_audio(block=4800, hop=960)
        ... def low_pass(chunk):
        ...     return np.convolve(chunk.mono, np.ones(48) / 48, "same")[-960:]
        """
        request = audio_request(block, hop, sample_rate, channels)
        if request["hop"] > request["block"]:
            raise ValueError(
                f"hop is at most block ({request['block']}) here, not {hop}: between the blocks would be no sound"
            )
        return self._callbacks.add(
            function, AudioProcessor, "audio", controls=controls, credits=_AUDIO_CREDITS, **request
        )

    def watch_video(
        self,
        function: Callable[..., Any] | None = None,
        *,
        max_rate_hz: float | None = None,
        source: Literal["camera", "screen"] = "camera",
        format: PixelFormat = "rgb",
        size: Size = None,
    ) -> Any:
        """Decorator: an observer of pictures, any number of them; nothing is sent back.

        >>> @lab.watch_video(max_rate_hz=5)
        ... def motion(frame): ...
        """
        request = video_request(format, size, max_rate_hz) | {"source": source}
        return self._callbacks.add(function, VideoObserver, "video observers", **request)

    def watch_audio(
        self,
        function: Callable[..., Any] | None = None,
        *,
        block: int | None = None,
        hop: int | None = None,
        sample_rate: int = 48000,
        channels: int = 1,
    ) -> Any:
        """Decorator: an observer of sound, any number of them; nothing is sent back.

        It gets blocks of ``block`` samples, one every ``hop`` samples: ``sliding_window_view(signal, block)[::hop]``.

        >>> @lab.watch_audio(block=2048, hop=512)
        ... def loudness(chunk):
        ...     lab.values["rms"] = float(np.sqrt((chunk.mono**2).mean()))
        """
        request = audio_request(block, hop, sample_rate, channels)
        return self._callbacks.add(
            function, AudioObserver, "audio observers", credits=_AUDIO_CREDITS, **request
        )

    def on_message(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Decorator: called with each message of the browser, in order.

        >>> @lab.on_message
        ... def got(message): ...
        """
        return self._messages.add(function)
