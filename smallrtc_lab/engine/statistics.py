"""What a session counts: now, for ``lab.stats()``, and twice a second, for its history and its budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .history import History
from .stages import Spread, median

if TYPE_CHECKING:
    from .session import Session

__all__ = ["DROPS", "Statistics"]

Message = dict[str, Any]
Counts = dict[str, float | None]

# Where something is left out, and why; in the words that a person reads.
DROPS: dict[str, str] = {
    "network": "packets of sound and pictures that the network lost",
    "decoder": "pictures that came faster than they can be decoded",
    "untaken": "decoded pictures that were replaced by newer ones before anybody took them",
    "busy": "pictures and blocks of sound that came while their function, or loop, was busy",
    "late": "pictures shown unprocessed, because the function took too long",
    "unsent": "processed pictures that were replaced by newer ones before they could be sent",
    "bridge": "reports to Python that were left out while the kernel was busy",
    "messages": "messages for which there was no browser, or no room",
}


class Statistics:
    """Of one session, on the engine's loop."""

    def __init__(self, session: Session) -> None:
        self.history = History()
        self._session = session
        self._before: tuple[float, Counts] = (time.monotonic(), {})
        self._row: Counts = {}
        self._dropped: dict[str, int] = dict.fromkeys(DROPS, 0)

    async def sample(self) -> None:
        """Take a row for the history; to be called while a browser is connected."""
        session = self._session
        connection = await session.flow.stats()
        now_s, counts = time.monotonic(), self._counts(connection)
        self._row = {
            **self._now(connection),
            **self._rates(counts, now_s),
            **self._stages(),
        }
        self._before = (now_s, counts)
        self._dropped = self.drops(connection)
        self.history.append(session.clock.now_s(), self._row)

    @property
    def network_ms(self) -> float | None:
        """Capture → decoded in the newest row; None where it is not known."""
        return self._row.get("network_ms")

    @property
    def sent_bps(self) -> float | None:
        """Bits a second to the browser in the newest row; None where it is not known."""
        return self._row.get("sent_bps")

    @property
    def skipped(self) -> int:
        """Pictures that were left out because decoding, handing over or encoding could not keep up.

        What a relay does not send has no room on its way.
        """
        unsent = 0 if self._session.flow.route == "relay" else self._dropped["unsent"]
        return self._dropped["decoder"] + self._dropped["untaken"] + unsent

    def for_pages(self) -> Message:
        """The newest figures, as pages are told: None for what is not known."""
        names = ("received_bps", "sent_bps", "video_loss", "video_jitter_ms", "network_ms", "hand_over_ms")
        row = {name: self._row.get(name) for name in (*names, "callback_ms", "returned_fps", "rtt_ms")}
        delay_ms = self._row.get("delay_ms")
        return {
            **{name: None if value is None else round(value, 4) for name, value in row.items()},
            "delay_ms": self._row.get("network_ms") if delay_ms is None else delay_ms,
            "drops": self._dropped,
        }

    async def everything(self) -> Message:
        """For ``lab.stats()``, see :mod:`smallrtc_lab.lab.statistics` for each field."""
        session = self._session
        connection = await session.flow.stats()
        simulated = session.reception.simulated
        audio = session.audio
        return {
            "state": session.state,
            "time_s": session.clock.now_s(),
            **session.figures,
            "video": {n: {"received": v.received, "dropped": v.dropped} for n, v in session.video.items()},
            "audio": {"received": audio.received, "dropped": audio.dropped, "loss": audio.loss},
            "rates": {name: self._row.get(name) for name in _RATES},
            "delays": self._delays(),
            "drops": self.drops(connection),
            "memory": session.keeping.memory(),
            "budget": session.budget.describe(),
            "bitrates": session.carriage.describe(),
            "processing": session.processing.stats(),
            "connection": connection,
            "simulated": None if simulated is None else simulated.stats(),
            "pages": session.pages.describe(),
            "page": session.page_figures,
            "messages_dropped": session.flow.mail.dropped,
        }

    def drops(self, connection: Message) -> dict[str, int]:
        """How much was left out, by the reasons of :data:`DROPS`, of this session and its present connection."""
        session = self._session
        sections = [section for kind in ("audio", "video", "screen") if (section := connection.get(kind))]

        def total(name: str) -> int:
            return sum(section.get(name) or 0 for section in sections)

        return {
            "network": total("packets_lost"),
            "decoder": total("encoded_dropped"),
            "untaken": sum(stream.dropped for stream in (*session.video.values(), session.audio)),
            "busy": session.processing.dropped(),
            "late": session.processing.video_return.late,
            "unsent": (connection.get("video") or {}).get("frames_unsent") or 0,
            "bridge": session.bridge_dropped,
            "messages": session.flow.mail.dropped + (connection.get("messages_dropped") or 0),
        }

    def _now(self, connection: Message) -> Counts:
        session = self._session
        camera, latest = connection.get("video") or {}, session.video["camera"].latest
        shown = latest if session.video["camera"].flowing else None
        return {
            **session.figures,
            "width": None if shown is None else shown.frame.width,
            "height": None if shown is None else shown.frame.height,
            "rtt_ms": connection.get("rtt_ms"),
            "video_jitter_ms": camera.get("jitter_ms"),
            "audio_jitter_ms": (connection.get("audio") or {}).get("jitter_ms"),
        }

    def _counts(self, connection: Message) -> Counts:
        """What only grows, while a connection lasts."""
        camera, microphone = connection.get("video") or {}, connection.get("audio") or {}
        unheard = [camera.get("encoded_dropped"), camera.get("gaps_skipped")]
        return {
            "received": connection.get("bytes_received"),
            "sent": connection.get("bytes_sent"),
            "returned": camera.get("frames_sent"),
            "video_packets": camera.get("packets_received"),
            "video_lost": camera.get("packets_lost"),
            "audio_packets": microphone.get("packets_received"),
            "audio_lost": microphone.get("packets_lost"),
            "lost": None if None in unheard else sum(count or 0 for count in unheard),
            "dropped": self._session.processing.dropped(),
            "cpu_s": time.process_time(),
        }

    def _rates(self, counts: Counts, now_s: float) -> Counts:
        then_s, before = self._before
        grown = {name: _grown(before.get(name), count) for name, count in counts.items()}
        per_s = {n: None if g is None else g / max(now_s - then_s, 1e-3) for n, g in grown.items()}
        received, sent = per_s["received"], per_s["sent"]
        return {
            "received_bps": None if received is None else 8 * received,
            "sent_bps": None if sent is None else 8 * sent,
            "video_loss": _share(grown["video_lost"], grown["video_packets"]),
            "audio_loss": _share(grown["audio_lost"], grown["audio_packets"]),
            "returned_fps": per_s["returned"],
            "dropped_hz": per_s["dropped"],
            "lost_hz": per_s["lost"],
            "engine_cores": per_s["cpu_s"],
        }

    def _stages(self) -> Counts:
        stages = self._session.processing.stages
        return {
            "network_ms": median(self._session.video["camera"].network.take()),
            "hand_over_ms": median(stages.hand_over.take()),
            "delay_ms": median(stages.delay.take()),
            "callback_ms": median(stages.run.take()),
            "return_ms": median(self._session.processing.video_return.returning.take()),
        }

    def _delays(self) -> dict[str, dict[str, float] | None]:
        processing = self._session.processing
        spreads: dict[str, Spread] = {
            "capture_to_decoded": self._session.video["camera"].network,
            "decoded_to_callback": processing.stages.hand_over,
            "capture_to_callback": processing.stages.delay,
            "callback": processing.stages.run,
            "result_to_encoder": processing.video_return.returning,
        }
        return {name: spread.summary() for name, spread in spreads.items()}


_RATES = (
    "received_bps",
    "sent_bps",
    "video_loss",
    "audio_loss",
    "returned_fps",
    "dropped_hz",
    "lost_hz",
    "engine_cores",
)


def _grown(before: float | None, now: float | None) -> float | None:
    """None also when it is smaller than before: another connection counts from zero."""
    return None if before is None or now is None or now < before else now - before


def _share(lost: float | None, came: float | None) -> float | None:
    return lost / (lost + came) if lost is not None and came is not None and lost + came > 0 else None
