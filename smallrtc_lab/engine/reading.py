"""What a cell reads: the newest picture, the last seconds of sound. Answered by the engine alone."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import numpy as np

from smallrtc_lab.errors import EngineError, NotLiveError
from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.framing import MAX_MESSAGE_BYTES, Header
from smallrtc_lab.media.resample import resample, to_float

from .bridge import Bridge, Reply
from .inbound import AUDIO_RATE
from .subscriptions import convert_to_slot

if TYPE_CHECKING:
    from .session import Session

__all__ = ["read_audio", "read_latest"]

_MOST_BYTES = MAX_MESSAGE_BYTES - 65536  # of samples in one message, beside its header


async def read_latest(
    session: Session,
    source: str,
    picture_format: PixelFormat,
    size: tuple[int, int] | None,
    bridge: Bridge,
    executor: Executor,
) -> Header:
    """The newest frame of a source, in a slot; raises :class:`NotLiveError` when there is none yet."""
    stream = session.video.get(source)
    if stream is None:
        raise EngineError(f"no source {source!r}; there are {', '.join(session.video)}")
    timed = stream.latest
    if timed is None:
        raise NotLiveError
    target = (timed.frame.width, timed.frame.height) if size is None else (size[0], size[1])
    header = await convert_to_slot(timed.frame, picture_format, target, bridge, executor)
    if header is None:
        raise EngineError("every picture slot is in use; read frames from fewer threads at once")
    return header | {
        "sequence": timed.sequence,
        "time_s": timed.time_s,
        "time_kind": timed.time_kind,
        "shareable": session.shareable,
    }


async def read_audio(
    session: Session, seconds: float, sample_rate: int, channels: int, executor: Executor
) -> Reply:
    """The last seconds of sound as float32 bytes; what there is when it is less than asked."""
    if session.audio.received == 0:
        raise NotLiveError
    session.keeping.require_kept()
    seconds = min(seconds, session.keeping.keep_s)
    most_s = _MOST_BYTES / (4.0 * sample_rate * channels)
    if seconds > most_s:
        raise EngineError(
            f"{int(most_s)} s of {channels} channels at {sample_rate} Hz fit into one answer, not {seconds:.0f} s: ask "
            "for less, or at a lower sample_rate"
        )
    samples, start, gaps = session.audio.ring.last(seconds)
    ready = await asyncio.get_running_loop().run_in_executor(
        executor, resample, to_float(samples), AUDIO_RATE, sample_rate, channels
    )
    header = {
        "sample_rate": sample_rate,
        "channels": channels,
        "start_s": start / AUDIO_RATE,
        "shift_s": session.audio.axis.shift_at(start),
        "time_kind": session.audio.axis.kind,
        "gaps": [[g / AUDIO_RATE, n / AUDIO_RATE] for g, n in gaps],
        "shareable": session.shareable,
    }
    return header, np.ascontiguousarray(ready, np.float32).tobytes()
