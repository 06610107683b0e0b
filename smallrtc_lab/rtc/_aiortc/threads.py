"""How many threads aiortc's codecs have: as many as there are processors to use, and not as many as a machine has.

A container with a quota of one processor on a machine with 64 sees them all. A codec that spreads its work over 16 of
them uses up the quota of a tenth of a second in a few milliseconds, and everything in the container stands still for
the rest of it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aiortc import rtcrtpreceiver
from aiortc.codecs import get_decoder, vpx
from aiortc.codecs.base import Decoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

__all__ = ["limit_threads"]

_number_of_threads = vpx.number_of_threads


def limit_threads(most: int) -> None:
    """No video codec that begins from now on has more than ``most`` threads, in every connection of this process.

    aiortc asks ``vpx.number_of_threads`` with the machine's processors before it opens an encoder, and makes decoders
    by ``get_decoder``, whose codecs take what FFmpeg thinks right. For H.264 encoders see ``sending.py``.
    """
    vpx.number_of_threads = partial(_threads_within, most)
    rtcrtpreceiver.get_decoder = partial(_decoder_within, most)  # type: ignore[attr-defined]


def _threads_within(most: int, pixels: int, cpus: int) -> int:
    return _number_of_threads(pixels, min(cpus, most))


def _decoder_within(most: int, codec: RTCRtpCodecParameters) -> Decoder:
    decoder: Any = get_decoder(codec)
    if codec.mimeType.lower().startswith("video/"):
        decoder.codec.thread_count = most
    return decoder  # type: ignore[no-any-return]
