"""``lab.audio``: sound as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from smallrtc_lab.frames import AudioClip, Gap
from smallrtc_lab.framing import Header

from .access import Access
from .cell import progress
from .numbers import positive
from .options import checks_keywords, whole
from .pulling import Puller

__all__ = ["AudioChunks", "AudioStream", "audio_request"]

_CREDITS = 8
_LONGEST_S = 3600.0  # of a recording in memory: 0.7 GB a channel
_MOST_OVERLAP = 100  # each sample is handed over block / hop times


class AudioChunks(Puller[AudioClip]):
    """Blocks of sound without a gap; one that could not be avoided is marked in ``.gaps``."""

    def _item(self, header: Header, payload: bytes) -> AudioClip:
        return self._access.clip(header, payload)


@checks_keywords
class AudioStream:
    """The microphone.

    >>> clip = lab.audio.last(2.0)          # the past two seconds
    >>> clip = lab.audio.record(5)          # the next five
    >>> for chunk in lab.audio.chunks(block=2048): ...
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the browser granted (W3C ``MediaTrackSettings``), None before it did."""
        settings: dict[str, Any] | None = self._access.mirror.settings.get("audio")
        return settings

    def last(self, seconds: float, *, sample_rate: int = 48000, channels: int = 1) -> AudioClip:
        """The last ``seconds`` of sound; what there is when that is less (see ``.duration_s``).

        Raises :class:`NotLiveError` before the first sound.

        >>> clip = lab.audio.last(2.0, sample_rate=16000)
        >>> clip.mono.shape
        (32000,)
        """
        seconds = positive("seconds", seconds)
        request = audio_request(None, None, sample_rate, channels)
        header, payload = self._access.call_with_payload(
            "last_audio", seconds=seconds, sample_rate=request["sample_rate"], channels=channels
        )
        return self._access.clip(header, payload)

    def record(
        self, seconds: float, *, sample_rate: int = 48000, channels: int = 1, timeout_s: float = 5.0
    ) -> AudioClip:
        """The next ``seconds`` of sound; blocks, with a progress bar.

        Raises :class:`NotLiveError` before anything is live, :class:`StreamTimeout` after a silence of ``timeout_s``.

        >>> clip = lab.audio.record(5)
        """
        seconds, sample_rate = (
            positive("seconds", seconds, most=_LONGEST_S),
            whole("sample_rate", sample_rate),
        )
        wanted = round(seconds * sample_rate)
        chunks: list[AudioClip] = []
        got = 0
        with (
            self.chunks(
                block=sample_rate // 50, sample_rate=sample_rate, channels=channels, timeout_s=timeout_s
            ) as stream,
            progress(f"recording {seconds:g} s") as show,
        ):
            while got < wanted:
                chunks.append(next(stream))
                got = _place(chunks[-1], chunks[0]) + len(chunks[-1])
                show(got / wanted)
        return _joined(chunks, wanted)

    def chunks(
        self,
        block: int = 1024,
        *,
        hop: int | None = None,
        sample_rate: int = 48000,
        channels: int = 1,
        timeout_s: float = 5.0,
    ) -> AudioChunks:
        """Iterate over blocks of ``block`` samples; ``timeout_s`` is the longest silence of the stream.

        A block begins every ``hop`` samples, as many as it has unless asked otherwise. A smaller hop gives blocks
        that overlap: ``sliding_window_view(signal, block)[::hop]``.

        >>> for chunk in lab.audio.chunks(block=2048, hop=512):
        ...     spectrum = np.abs(np.fft.rfft(chunk.mono * np.hanning(2048)))
        """
        request = audio_request(block, hop, sample_rate, channels)
        return AudioChunks(self._access, "audio", timeout_s, credits=_CREDITS, **request)


def audio_request(block: int | None, hop: int | None, sample_rate: int, channels: int) -> dict[str, int]:
    """A subscription's parameters, checked; ``block`` None means 20 ms, ``hop`` None one after the other."""
    sample_rate = whole("sample_rate", sample_rate)
    if not 4000 <= sample_rate <= 192000:
        raise ValueError(f"sample_rate is 4000 to 192000 Hz, not {sample_rate!r}")
    if channels not in (1, 2):
        raise ValueError(f"channels is 1 or 2, not {channels!r}")
    block = sample_rate // 50 if block is None else whole("block", block)
    if not 16 <= block <= 10 * sample_rate:
        raise ValueError(f"block is 16 samples to ten seconds, not {block!r}")
    hop = block if hop is None else whole("hop", hop)
    least = max(16, -(-block // _MOST_OVERLAP))
    if not least <= hop <= 10 * sample_rate:
        raise ValueError(f"hop is {least} samples (with this block) to ten seconds, not {hop!r}")
    return {"block": block, "hop": hop, "sample_rate": sample_rate, "channels": int(channels)}


def _place(chunk: AudioClip, first: AudioClip) -> int:
    """How many samples after the first chunk's begin this one begins."""
    # By the count of samples: times may be corrected by a little between two chunks that touch.
    begin_s, first_s = (clip.start_s - clip._shift_s for clip in (chunk, first))
    return round((begin_s - first_s) * first.sample_rate)


def _joined(chunks: list[AudioClip], count: int) -> AudioClip:
    """One clip of ``count`` samples on a true time axis: what is missing between chunks is zero."""
    first = chunks[0]
    samples = np.zeros((count, first.channels), np.float32)
    for chunk in chunks:
        begin = _place(chunk, first)
        part = chunk.samples[: max(0, count - begin)]
        samples[begin : begin + len(part)] = part
    # A gap may be told by two chunks; all of them on the axis of the first.
    told = ((gap, first._shift_s - chunk._shift_s) for chunk in chunks for gap in chunk.gaps)
    gaps = tuple(dict.fromkeys(Gap(round(gap.start_s + by_s, 6), gap.duration_s) for gap, by_s in told))
    return AudioClip(
        samples,
        first.sample_rate,
        first.start_s,
        gaps,
        time_kind=first.time_kind,
        shareable=first.shareable,
        _publish=first._publish,
        _shift_s=first._shift_s,
    )
