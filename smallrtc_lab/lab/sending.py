"""Python as the camera: ``lab.show``, ``lab.play``, ``lab.stream`` and ``lab.play_file``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from smallrtc_lab.errors import ClosedError, EngineError
from smallrtc_lab.frames import AudioClip, PixelFormat

from .access import Access
from .cell import CellOutput
from .numbers import positive
from .options import checks_keywords, whole
from .sending_given import place_of, sound_of
from .sending_list import EngineDrive, Playbacks
from .sending_pictures import Pixels, pixels_of
from .sending_playback import Playback
from .sending_stream import Source, StreamRunner

__all__ = ["Quality", "Sending", "page_bps", "quality_bps"]

Quality: TypeAlias = Literal["low", "medium", "high"] | int

LONGEST_S = 900.0  # of samples that are handed over as a whole: 0.17 GB in the engine
PIECE = 1 << 18  # samples in a message
MOST_RATE_HZ = 240.0


def quality_bps(quality: Quality | None) -> int | None:
    """Bits a second, None where nothing was asked; raises as :func:`smallrtc_lab.media.quality.bitrate_bps`."""
    from smallrtc_lab.media.quality import bitrate_bps

    return None if quality is None else bitrate_bps(quality)


def page_bps(video: Any, quality: Quality | None) -> int | None:
    """The most bits a second that the page's own pictures take: ``video=dict(bitrate_bps=…)``, else ``quality``."""
    own = video.get("bitrate_bps") if isinstance(video, Mapping) else None
    return quality_bps(quality if own is None else own)


@checks_keywords
class Sending:
    """A part of :class:`~smallrtc_lab.Lab`: what Python sends by itself, in the place of what callbacks return."""

    _access: Access
    _playbacks: Playbacks

    def show(self, picture: Any, *, format: PixelFormat = "rgb", quality: Quality | None = None) -> None:
        """Show a picture in the page until another one, or None, is shown.

        ``picture`` is uint8 or bool with shape (H, W) or (H, W, 3), in that ``format``; a ``VideoFrame``, a picture of
        Pillow's, a matplotlib figure, or a widget that holds a picture: an ``ipywidgets.Image`` is shown anew whenever
        it changes. Odd sides lose a row or a column. ``quality`` is that of ``Lab``, for this picture.

        >>> lab.show(np.zeros((480, 640, 3), np.uint8))
        >>> lab.show(None)
        """
        if picture is None:
            self._playbacks.hide()
            self._access.call("hide")
            return
        pixels, bps = pixels_of(picture, format), quality_bps(quality)
        number = self._playbacks.next_number()
        playback = self._playback("lab.show", EngineDrive(self._access, number))
        answer = self._show(number, pixels, bps)
        playback.told(answer)
        latest = [pixels]
        self._playbacks.show(
            number,
            playback,
            lambda: playback.told(self._show(number, latest[0], bps)),
            _follow(picture, lambda: latest.__setitem__(0, self._show_anew(number, picture, format))),
        )
        _say_smaller(pixels, answer["size"])

    def play(self, samples: npt.NDArray[Any] | AudioClip, sample_rate: int | None = None) -> Playback:
        """Play a sound: (n,) or (n, channels), float32 or float64 in [-1, 1] or int16, or an ``AudioClip``.

        Several are heard at once, over what callbacks return, and limited in level. It is silent until the person
        presses Listen in the page, and goes on while cells are busy.

        >>> tone = lab.play(0.2 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000), 48000)
        >>> tone.position_s, tone.duration_s
        """
        if isinstance(samples, (str, os.PathLike)):
            raise TypeError(f"lab.play takes samples; lab.play_file({os.fspath(samples)!r}) plays a file")
        rate = samples.sample_rate if isinstance(samples, AudioClip) else sample_rate
        if rate is None:
            raise TypeError("lab.play(samples, sample_rate=48000): an array does not know its sample rate")
        sound, rate = sound_of(samples), whole("sample_rate", rate)
        if not 1 <= rate <= 768_000:
            raise ValueError(f"sample_rate is between 1 and 768000 Hz, not {rate}")
        if len(sound) > LONGEST_S * rate:
            raise ValueError(
                f"{len(sound) / rate:.0f} s of samples are too many, {LONGEST_S:.0f} s may be played; "
                "write them to a file and use lab.play_file"
            )
        number = self._playbacks.next_number()
        playback = self._playback("lab.play", EngineDrive(self._access, number), sounds=True)
        self._playbacks.add(number, playback)
        self._hand_over(number, playback, sound, rate)
        return playback

    def stream(
        self,
        source: Any,
        rate_hz: float = 30.0,
        *,
        sample_rate: int = 48000,
        format: PixelFormat = "rgb",
        quality: Quality | None = None,
    ) -> Playback:
        """Send what a source gives: ``rate_hz`` pictures a second, or blocks of sound without a gap.

        ``source`` is a generator, also an async one, a function that is called for each picture, or a figure, widget or
        canvas that is drawn anew each time. A picture is whatever ``show`` takes; a block is an ``AudioClip``, or an
        array of one or two columns at ``sample_rate``. It runs on a thread of its own; who is late leaves pictures out,
        and an error is shown under this cell.

        >>> def noise():
        ...     while True:
        ...         yield np.random.default_rng().integers(0, 255, (240, 320, 3), np.uint8)
        >>> lab.stream(noise, rate_hz=10)
        """
        rate_hz = positive("rate_hz", rate_hz, most=MOST_RATE_HZ)
        rate, bps = whole("sample_rate", sample_rate), quality_bps(quality)
        self._require_open()
        made = Source(source)
        number = self._playbacks.next_number()
        runner = StreamRunner(
            made,
            self._playbacks,
            number,
            rate_hz=rate_hz,
            sample_rate=rate,
            format=format,
            bitrate_bps=bps,
        )
        playback = runner.playback = self._playback("lab.stream", runner, driven_here=True)
        self._playbacks.add(number, playback, lambda: None)  # its next picture opens it in a new engine
        runner.start()
        return playback

    def play_file(
        self, path: str | os.PathLike[str], *, loop: bool = False, quality: Quality | None = None
    ) -> Playback:
        """Play a file of pictures or sound, or both: in step, at its own rate, also while cells are busy.

        Any format that FFmpeg reads. Raises :class:`FileNotFoundError` or :class:`MediaFileError`.

        >>> clip = lab.play_file("clip.mp4", loop=True)
        >>> clip.pause(); clip.seek(1.5); clip.resume()
        """
        where, bps = place_of(path), quality_bps(quality)
        number = self._playbacks.next_number()
        playback = self._playback("lab.play_file", EngineDrive(self._access, number), sounds=True)

        def open_file() -> None:
            again: dict[str, Any] = {
                "position_s": playback.position_s,
                "paused": playback.state == "paused",
            }
            answer = self._access.call(
                "play_file",
                timeout_s=30.0,
                number=number,
                path=where,
                loop=bool(loop),
                bitrate_bps=bps,
                **again,
            )
            playback.told(answer)

        self._playbacks.add(number, playback, open_file)
        try:
            open_file()
        except BaseException:
            self._playbacks.forget(number)
            raise
        return playback

    # Inside

    def _require_open(self) -> None:
        if self._access.closed:
            raise ClosedError("this lab was closed; make a new Lab()")

    def _playback(self, name: str, drive: Any, **more: bool) -> Playback:
        return Playback(name, drive, lambda: self._access.mirror.listening, **more)

    def _show(self, number: int, pixels: Pixels, bps: int | None) -> dict[str, Any]:
        self._require_open()
        sent = self._playbacks.submit_picture(number, pixels, bitrate_bps=bps)
        if sent is None:
            raise EngineError("the media process takes no pictures at the moment; try again")
        answer: dict[str, Any] = sent.result(10.0)[0]
        return answer

    def _show_anew(self, number: int, picture: Any, format: PixelFormat) -> Pixels:
        pixels = pixels_of(picture, format)
        self._playbacks.submit_picture(number, pixels)
        return pixels

    def _hand_over(self, number: int, playback: Playback, sound: npt.NDArray[np.float32], rate: int) -> None:
        try:
            for begin in range(0, max(1, len(sound)), PIECE):
                piece = sound[begin : begin + PIECE]
                answer = self._access.call(
                    "play_samples",
                    number=number,
                    sample_rate=rate,
                    channels=sound.shape[1],
                    last=begin + PIECE >= len(sound),
                    payload=piece.tobytes(),
                )
            playback.told(answer)
        except BaseException:
            self._playbacks.forget(number)
            raise


def _follow(picture: Any, show_anew: Callable[[], None]) -> Callable[[], None]:
    """Show a widget anew whenever it changes; what ends that. Anything else stays as it is."""
    if not (hasattr(picture, "observe") and hasattr(picture, "value")):
        return lambda: None

    def changed(change: Any) -> None:
        show_anew()

    picture.observe(changed, "value")

    def undo() -> None:
        with contextlib.suppress(ValueError):  # somebody has taken all observers away
            picture.unobserve(changed, "value")

    return undo


def _say_smaller(pixels: Pixels, size: tuple[int, int]) -> None:
    """A word where the page sees much less than there is."""
    height, width = pixels.image.shape[:2]
    if width > size[0] + 1 or height > size[1] + 1:
        text = (
            f"lab.show: {width}×{height} pixels are shown as {size[0]}×{size[1]}, the most this server sends."
        )
        CellOutput().show(text, f"<small>{text}</small>")
