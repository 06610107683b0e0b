"""What a session keeps of its last seconds: pictures as they came encoded, sound, messages and events.

Everything is bounded, in seconds and in bytes, and everything is on the session's clock. All of it runs on the
engine's loop; what is handed out is decoded in the kernel, when somebody asks for arrays.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from smallrtc_lab.engine.inbound import AUDIO_RATE, AudioInbound, VideoInbound
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.errors import EngineError, NotLiveError
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.media.encoded_ring import EncodedRing, since
from smallrtc_lab.media.take import Take
from smallrtc_lab.media.taken import TakenEvent, TakenMessage, TakenPictures, TakenSound

__all__ = ["KEEP_S", "Keeping", "KeptNotes", "KeptPictures", "sound_ring_s"]

KEEP_S = 30.0  # unless the kernel says otherwise
KEYFRAME_EVERY_S = 5.0
_ASK_AGAIN_S = 1.0
_MOST_BYTES_S = 1_250_000  # of pictures: 10 Mbit a second
_MOST_NOTES = 10_000
_MOST_NOTES_BYTES = 4_000_000
_WORKING_S = (
    12.0  # of sound: a block has ten seconds at most, and its original is read again when it was processed
)

N = TypeVar("N", TakenMessage, TakenEvent)


def sound_ring_s(keep_s: float) -> float:
    """How long the ring of a session's sound is: as long as is kept, and as functions on sound need."""
    return max(keep_s, _WORKING_S)


class KeptPictures:
    """The last seconds of one source, with a keyframe asked for where none came for five seconds."""

    def __init__(self, stream: VideoInbound, keep_s: float) -> None:
        self.ring = EncodedRing(keep_s, round(keep_s * _MOST_BYTES_S))
        self._stream = stream
        self._asked_s = float("-inf")
        self._asking: asyncio.Task[bool] | None = None
        stream.taps.append(self._took)
        stream.watchers.append(self._decoded)

    async def close(self) -> None:
        """Keep nothing more, and ask for nothing."""
        self._stream.taps.remove(self._took)
        self._stream.watchers.remove(self._decoded)
        self.ring.clear()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _took(self, timed: TimedPacket) -> None:
        self.ring.add(timed)
        keyframe_s, now_s = self.ring.keyframe_s, timed.arrival_s
        due = self.ring.wants_keyframe or keyframe_s is None or now_s - keyframe_s >= KEYFRAME_EVERY_S
        if due and now_s - self._asked_s >= _ASK_AGAIN_S:
            self._asked_s = now_s
            self._asking = asyncio.get_running_loop().create_task(self._stream.request_keyframe())

    def _decoded(self, epoch: int, timed: TimedFrame) -> None:
        self.ring.correct(epoch, timed.frame.pts or 0, timed.time_s, timed.time_kind)


class KeptNotes(Generic[N]):
    """Messages or events of the last ``keep_s`` seconds; the oldest give way also to a number and to bytes."""

    def __init__(self, keep_s: float) -> None:
        self.size_bytes = 0
        self._keep_s = keep_s
        self._notes: deque[tuple[N, int]] = deque()

    def add(self, note: N) -> None:
        """One more, in order of time. What JSON cannot hold is not kept."""
        if not self._keep_s:
            return
        try:
            size = len(json.dumps(note[2]))
        except (TypeError, ValueError):
            return
        self._notes.append((note, size))
        self.size_bytes += size
        while (
            len(self._notes) > _MOST_NOTES
            or self.size_bytes > _MOST_NOTES_BYTES
            or self._notes[0][0].time_s < note.time_s - self._keep_s
        ):
            self.size_bytes -= self._notes.popleft()[1]
            if not self._notes:
                return

    def since(self, start_s: float) -> tuple[N, ...]:
        """Those at or after ``start_s``."""
        return tuple(note for note, _ in self._notes if note.time_s >= start_s)


class Keeping:
    """The last ``keep_s`` seconds of a session; 0 keeps nothing."""

    def __init__(
        self,
        clock: SessionClock,
        video: dict[str, VideoInbound],
        audio: AudioInbound,
        keep_s: float,
        statistics: Callable[[], npt.NDArray[np.void]],
    ) -> None:
        self.keep_s = keep_s
        self._clock = clock
        self._audio = audio
        self._statistics = statistics
        self._pictures = {name: KeptPictures(stream, keep_s) for name, stream in video.items() if keep_s}
        self._messages: KeptNotes[TakenMessage] = KeptNotes(keep_s)
        self._events: KeptNotes[TakenEvent] = KeptNotes(keep_s)

    def require_kept(self) -> None:
        """Raise :class:`EngineError` where nothing is to be kept."""
        if not self.keep_s:
            raise EngineError("this lab keeps nothing of its past: make it with Lab(keep_s=30)")

    def message(self, message: Any, sender: str) -> None:
        """A message of the browser's, or of Python's (``"browser"``, ``"python"``)."""
        self._messages.add(TakenMessage(self._clock.now_s(), sender, message))

    def event(self, name: str, /, **details: Any) -> None:
        """Something that happened in the session."""
        self._events.add(TakenEvent(self._clock.now_s(), name, details))

    def memory(self) -> dict[str, int]:
        """The bytes that everything kept takes now, by source."""
        pictures = {f"{name}_ring_bytes": one.ring.size_bytes for name, one in self._pictures.items()}
        notes = self._messages.size_bytes + self._events.size_bytes
        return {"audio_ring_bytes": self._audio.ring.memory_bytes, **pictures, "notes_bytes": notes}

    def pictures(self, source: str, seconds: float) -> tuple[TimedPacket, ...]:
        """The encoded pictures of the last seconds of a source; raises :class:`NotLiveError` without any."""
        packets = self._pictures[source].ring.last(min(seconds, self.keep_s)) if self.keep_s else ()
        if not packets:
            raise NotLiveError
        return packets

    def take(self, seconds: float, *, shareable: bool) -> Take:
        """Everything of the last seconds before the newest sound, or else the newest picture.

        Raises :class:`NotLiveError` when there is neither.
        """
        sound, packets = self._sound(), {name: one.ring.packets for name, one in self._pictures.items()}
        ends = [kept[-1].time_s for kept in packets.values() if kept]
        end_s = max([*ends, *([] if sound is None else [sound.end_s])], default=None)
        if end_s is None:
            raise NotLiveError
        if sound is not None and sound.end_s > end_s - 1.0:
            end_s = sound.end_s  # both flow: pictures come a moment later or earlier
        begins = [
            *(kept[0].time_s for kept in packets.values() if kept),
            *([] if sound is None else [sound.start_s]),
        ]
        start_s = max(end_s - min(seconds, self.keep_s), min(begins))
        sources = {name: _cut(name, kept, start_s, end_s) for name, kept in packets.items()}
        rows = self._statistics()
        return Take(
            start_s,
            end_s - start_s,
            self._messages.since(start_s),
            self._events.since(start_s),
            rows[rows["time_s"] >= start_s],
            shareable,
            _sound=None if sound is None else sound.between(start_s, end_s),
            _sources={name: one for name, one in sources.items() if one.count(start_s)},
        )

    async def close(self) -> None:
        """Forget everything."""
        for one in self._pictures.values():
            await one.close()
        self._pictures.clear()

    def _sound(self) -> TakenSound | None:
        if not self._audio.received or not self.keep_s:
            return None
        samples, position, gaps = self._audio.ring.last(self.keep_s)
        axis = self._audio.axis
        shifts = axis.shifts_between(position, position + len(samples))
        return TakenSound(samples, AUDIO_RATE, position, shifts, gaps, axis.kind)


def _cut(name: str, packets: tuple[TimedPacket, ...], start_s: float, end_s: float) -> TakenPictures:
    wanted = since(tuple(timed for timed in packets if timed.time_s <= end_s), start_s)
    return TakenPictures(name, wanted)  # type: ignore[arg-type]
