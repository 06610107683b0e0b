"""Where packets stand in a file: seconds since its beginning, growing, and sound without a hole.

The time of a packet is the session's: it goes on through whatever the source's own timestamps do. Sound that never
came is filled with packets of silence, for many players count samples and would play everything behind a hole early.
"""

from __future__ import annotations

from .encoded import TimedPacket
from .recorder_codecs import packet_s

__all__ = ["PICTURE_HZ", "SOUND_HZ", "PictureTimeline", "SoundTimeline"]

PICTURE_HZ = 90_000
SOUND_HZ = 48_000
_STEP = PICTURE_HZ // 1000  # Matroska counts milliseconds, and no two pictures may stand on one
_LOOK_AHEAD_S = 312 / SOUND_HZ  # what an Opus encoder hears comes out of the decoder so much later
_FILLER_S = 0.02
_HOLE_S = 0.1  # time has jumped although the source counts on


class PictureTimeline:
    """Places of pictures, in 1/90000 s since ``origin_s`` of the session."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._last = -_STEP

    def place(self, packet: TimedPacket) -> int:
        """Where this one stands; never at the place of the one before."""
        wanted = round((packet.time_s - self._origin_s) * PICTURE_HZ)
        self._last = max(wanted, self._last + _STEP)
        return self._last


class SoundTimeline:
    """Places of packets of sound, in 1/48000 s since ``origin_s`` of the session."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._end = 0  # of what is in the file
        self._expected: tuple[int, int] | None = None  # (epoch, pts) of a packet that follows the last one

    def place(self, packet: TimedPacket) -> tuple[int, range] | None:
        """(its place, the places of silence before it); None for one from before the beginning."""
        begun = self._expected is not None
        at = round((packet.time_s - _LOOK_AHEAD_S - self._origin_s) * SOUND_HZ)
        if at < 0 and not begun:
            return None
        encoded, duration_s = packet.packet, packet_s(packet.packet)
        follows = self._expected == (packet.epoch, encoded.pts)
        hole = at - self._end
        filler = round(_FILLER_S * SOUND_HZ)
        silent = 0
        if hole > (_HOLE_S * SOUND_HZ if follows else filler / 2):
            silent = round(hole / filler)
        places = range(self._end, self._end + silent * filler, filler)
        at = max(at, self._end + silent * filler - round(duration_s * SOUND_HZ / 2), 0)
        self._end = at + round(duration_s * SOUND_HZ)
        self._expected = (packet.epoch, encoded.pts + round(duration_s * encoded.clock_hz))
        return at, places
