"""``lab.last``: the past as arrays. The engine keeps it encoded; it is decoded here, when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from smallrtc_lab.frames import PixelFormat, VideoClip

from .access import Access
from .numbers import positive
from .options import checks_keywords, whole

if TYPE_CHECKING:
    from smallrtc_lab.media.take import Take

__all__ = ["LastSeconds", "keep_seconds", "last_pictures"]

_MOST_S = 300.0


def keep_seconds(seconds: float) -> float:
    """``Lab(keep_s=…)``, checked: 0 keeps nothing."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= _MOST_S:
        raise ValueError(f"keep_s is 0 (keep nothing) to {_MOST_S:g} seconds, not {seconds!r}")
    return float(seconds)


def last_pictures(
    access: Access,
    source: Literal["camera", "screen"],
    seconds: float,
    every: int,
    width: int | None,
    format: PixelFormat,
) -> VideoClip:
    """See :meth:`VideoStream.last`."""
    every = whole("every", every)
    if every < 1:
        raise ValueError(f"every is at least 1, not {every}")
    width = None if width is None else whole("width", width)
    if width is not None and not 2 <= width <= 8192:
        raise ValueError(f"width is 2 to 8192 pixels, not {width}")
    take = _take(access, "last_pictures", seconds, source=source)
    return take.pictures(every=every, width=width, format=format, source=source)


def _take(access: Access, call: str, seconds: float, **more: Any) -> Take:
    from smallrtc_lab.media.take_wire import unpack_take

    header, payload = access.call_with_payload(
        call, timeout_s=30.0, seconds=positive("seconds", seconds), **more
    )
    return unpack_take(header, payload, access.publish_sound)


@checks_keywords
class LastSeconds:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _access: Access

    def last(self, seconds: float) -> Take:
        """The last ``seconds`` of everything, on one clock: what there is, when that is less (``.duration_s``).

        ``Lab(keep_s=30)`` says how much is kept. Raises :class:`NotLiveError` before anything came.

        >>> take = lab.last(10)
        >>> take.audio, take.video.images.shape, take.messages, take.events, take.statistics["rtt_ms"]
        """
        return _take(self._access, "take", seconds)
