"""The figures of a session over time: two rows a second, the last ten minutes of them.

Kept in the engine, so that a busy cell leaves no hole. A row is there for every half second in which a browser was
connected, or tried to stay so; what was not known then is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["FIELDS", "ROWS", "History"]

ROWS = 1200  # ten minutes, two a second: 200 kB

FIELDS: dict[str, str] = {
    "time_s": "session time of the row in seconds",
    "fps": "pictures a second that arrived from the camera and were decoded",
    "width": "of the camera's newest picture, in pixels",
    "height": "of the camera's newest picture, in pixels",
    "level_db": "level of the microphone in dBFS (RMS of the last 0.1 s)",
    "rtt_ms": "round trip to the browser in milliseconds",
    "received_bps": "bits a second that came from the browser, headers included",
    "sent_bps": "bits a second that went to the browser, headers included",
    "video_loss": "share of the camera's RTP packets that never came, since the row before, 0 to 1",
    "audio_loss": "share of the microphone's RTP packets that never came, since the row before, 0 to 1",
    "video_jitter_ms": "interarrival jitter of the camera's packets in milliseconds (RFC 3550, section 6.4.1)",
    "audio_jitter_ms": "interarrival jitter of the microphone's packets in milliseconds",
    "network_ms": "from capture to decoded picture, median in milliseconds; without sender reports NaN",
    "hand_over_ms": "from decoded picture to the beginning of a function in the kernel, median in milliseconds",
    "delay_ms": "from capture (or else arrival) to the beginning of a function, median in milliseconds",
    "callback_ms": "how long functions on pictures ran, median in milliseconds",
    "return_ms": "from a function's result to the encoder, median in milliseconds",
    "returned_fps": "pictures a second that were sent back to the browser",
    "dropped_hz": "pictures and blocks of sound a second that no function had time for",
    "lost_hz": "pictures a second lost before decoding: given up by the network, or by a decoder that came late",
    "engine_cores": "processor cores the engine used, of all its sessions",
}


class History:
    """Rows of :data:`FIELDS`, all float64, oldest first. On the engine's loop; what it returns is private."""

    def __init__(self, rows: int = ROWS) -> None:
        self.dtype = np.dtype([(name, np.float64) for name in FIELDS])
        self._ring = np.full(rows, np.nan, self.dtype)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._ring))

    def append(self, time_s: float, figures: Mapping[str, float | None]) -> None:
        """One row more; a field that is missing or None becomes NaN, and one that is not of :data:`FIELDS` raises."""
        row = np.full((), np.nan, self.dtype)
        row["time_s"] = time_s
        for name, value in figures.items():
            row[name] = np.nan if value is None else value
        self._ring[self._count % len(self._ring)] = row
        self._count += 1

    @property
    def rows(self) -> npt.NDArray[np.void]:
        """All rows as a structured array."""
        n, size = len(self), len(self._ring)
        order = np.arange(self._count - n, self._count) % size
        kept: npt.NDArray[np.void] = self._ring[order]
        return kept

    def last(self, seconds: float | None = None) -> npt.NDArray[np.void]:
        """The rows of the last ``seconds`` before the newest one; None means all."""
        rows = self.rows
        if seconds is None or not len(rows):
            return rows
        newest: npt.NDArray[np.void] = rows[rows["time_s"] >= rows["time_s"][-1] - seconds]
        return newest
