"""What plots are drawn from: a session's ring, its newest pictures and its figures, as one moment for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from smallrtc_lab.engine.inbound import AudioInbound
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.media.convert import Reformatter, to_picture
from smallrtc_lab.media.resample import to_float
from smallrtc_lab.plots.drawing import Moment, Shot, Sound
from smallrtc_lab.plots.still import still
from smallrtc_lab.rtc.outgoing import OutputVideoTrack

if TYPE_CHECKING:
    from smallrtc_lab.engine.session import Session

__all__ = ["FrameShot", "Material", "RingSound", "frozen_material", "material", "sent_track"]

# What plots are drawn from; the sound is None before any came.
Material = tuple[Sound | None, Moment]


class RingSound:
    """The microphone's ring as plots read it, with the times of its samples as they are known when this is made.

    Made on the engine's loop, read on the thread that draws.
    """

    def __init__(self, audio: AudioInbound) -> None:
        self.sample_rate = audio.ring.sample_rate
        self._ring = audio.ring
        self._axis = audio.axis.copy()

    @property
    def start(self) -> int:
        """The oldest position."""
        return self._ring.start

    @property
    def end(self) -> int:
        """The position behind the newest sample."""
        return self._ring.end

    def read(self, position: int, n: int) -> tuple[npt.NDArray[np.float32], Sequence[tuple[int, int]]]:
        """As :meth:`~smallrtc_lab.plots.drawing.Sound.read`."""
        samples, gaps = self._ring.read(position, n)
        return to_float(samples), gaps

    def time_s(self, position: float) -> float:
        """Session seconds of the sample there."""
        return self._axis.time_s(position)


class FrameShot:
    """A decoded picture as plots read it; a reformatter belongs to the thread that draws."""

    def __init__(self, timed: TimedFrame, reformatter: Reformatter) -> None:
        self.sequence = timed.sequence
        self.time_s = timed.time_s
        self.width, self.height = timed.frame.width, timed.frame.height
        self._frame = timed.frame
        self._reformatter = reformatter

    def rgb(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB."""
        return to_picture(self._frame, "rgb", (width, height), reformatter=self._reformatter)


def sent_track(session: Session) -> OutputVideoTrack:
    """The pictures that go to the browser now: a program's own, or else what a callback returns."""
    processing = session.processing
    return processing.outlets.video_track or processing.video_return.track


def material(session: Session, reformatter: Reformatter, *, statistics: bool = False) -> Material:
    """What there is now. On the engine's loop; copies nothing but, with ``statistics``, the session's figures."""
    sound = RingSound(session.audio) if session.audio.received else None
    newest = {name: inbound.latest for name, inbound in session.video.items()}
    shots: dict[str, Shot] = {
        name: FrameShot(timed, reformatter) for name, timed in newest.items() if timed is not None
    }
    sent = sent_track(session).newest
    if sent is not None:
        frame, time_s = sent
        shots["sent"] = FrameShot(TimedFrame(frame, round(90_000 * time_s), time_s, 0.0), reformatter)
    rows = session.history.rows if statistics else None
    return sound, Moment(session.clock.now_s(), session.audio.ring.end, shots, rows)


def frozen_material(session: Session, reformatter: Reformatter) -> Material:
    """What there is now, to be kept: a copy of the whole ring."""
    sound, moment = material(session, reformatter, statistics=True)
    if sound is None:
        return None, moment
    return still(sound, moment, session.audio.ring.capacity / sound.sample_rate), moment
