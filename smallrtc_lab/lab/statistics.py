"""``lab.stats()``: every figure of a lab, what it means and its unit; and their history."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import VideoFrame

from .access import Access
from .callbacks import Callback
from .delay import DelayMeasurement, Stage
from .numbers import positive
from .options import checks_keywords
from .processors import VideoProcessor
from .registrations import Registrations
from .video import video_request

__all__ = ["FIELDS", "Statistics", "Stats"]

# Field → what it is. A star stands for any name: of a source, a kind, a function.
FIELDS: dict[str, str] = {
    "state": "as lab.state",
    "time_s": "session time now, in seconds",
    "fps": "pictures a second that arrived from the camera and were decoded",
    "level_db": "level of the microphone in dBFS, None while silent or off",
    "video.*.received": "pictures that came from this source since the lab was made",
    "video.*.dropped": "of the present track: decoded and replaced by a newer one before anybody took them",
    "audio.received": "packets of sound (20 ms) that came since the lab was made",
    "audio.dropped": "of the present track: decoded and not taken within five seconds",
    "audio.loss": "share of the samples of the present connection that never came, 0 to 1",
    "rates.received_bps": "bits a second from the browser, headers included; all rates: over the last half second",
    "rates.sent_bps": "bits a second to the browser, headers included",
    "rates.video_loss": "share of the camera's packets that never came, 0 to 1",
    "rates.audio_loss": "share of the microphone's packets that never came, 0 to 1",
    "rates.returned_fps": "pictures a second that were sent to the browser",
    "rates.dropped_hz": "pictures and blocks of sound a second for which functions and loops were too busy",
    "rates.lost_hz": "pictures a second that were lost before decoding",
    "rates.engine_cores": "processor cores that the engine uses, for all labs of this kernel",
    "delays.capture_to_decoded": "from the camera to a decoded picture, beyond the network's least delay; all delays: "
    "median_ms and p95_ms of the last 300 pictures, None without any",
    "delays.decoded_to_callback": "from the decoded picture to the beginning of a function",
    "delays.capture_to_callback": "both together; by arrival where the browser does not tell the time of capture",
    "delays.callback": "how long functions on pictures ran",
    "delays.result_to_encoder": "from a result to a picture that the encoder can take",
    "drops.network": "packets of sound and pictures that the network lost, in this connection",
    "drops.decoder": "pictures that came faster than they can be decoded, in this connection",
    "drops.untaken": "decoded pictures and sounds replaced by newer ones before anybody took them",
    "drops.busy": "pictures and blocks of sound that came while their function, or loop, was busy",
    "drops.late": "pictures shown unprocessed, because the function took too long",
    "drops.unsent": "processed pictures replaced by newer ones before they could be sent",
    "drops.bridge": "reports to Python left out while the kernel was busy",
    "drops.messages": "messages for which there was no browser, or no room",
    "memory.*": "bytes that the rings of the last seconds take",
    "budget": "what is shed: to hold max_delay_s, and where processors are full and media suffer from it",
    "budget.limit_s": "max_delay_s; None without that option",
    "budget.delay_s": "from the camera to the quickest function, now; None without that option",
    "budget.level": "how much is shed; 0: nothing",
    "budget.plot_rate_factor": "plots are drawn at this share of their rate",
    "budget.scale": "the camera's pictures are asked for at this share of their size",
    "budget.rate_factor": "and at this share of their rate",
    "budget.max_frame_rate": "which is so many pictures a second; None: all",
    "budget.says": "the same in words, and why",
    "budget.processors": "so many may be used here: the affinity, and the quota of a container",
    "budget.processors_used": "the share of them that was busy in the last second, 0 to 1",
    "budget.throttled": "share of the periods (0.1 s) in which a container's quota ran out",
    "budget.late_ms": "so late the media process came to its turn: nine of ten times at most",
    "budget.skipped": "share of pictures that decoding, handing over or encoding had no time for, in half a second",
    "bitrates.total_bps": "what this place allows a lab each way, in bits a second; None: what the way carries",
    "bitrates.sound_bps": "of that the sound, in each direction",
    "bitrates.camera_bps": "the most that the page's pictures may take, by place and server",
    "bitrates.wanted_bps": "what quality asks for the pictures that Python sends; None without it",
    "bitrates.limit_bps": "the most they may take now, by place and server, and beside plots that are seen",
    "bitrates.seen": "whether somebody looks at the page: else no pictures are sent to it through Jupyter",
    "callbacks.*": "calls, errors, dropped, mean_ms, hand_over_ms, hand_over_p95_ms of each registered function",
    "processing.subscriptions.*": "name, delivered, dropped, delays of whatever reads pictures or sound now",
    "processing.video_late": "as drops.late",
    "processing.audio_late_s": "seconds of sound that were played unprocessed, because the function took too long",
    "processing.shown.*": "what lab.show, lab.play and their sisters sent, and what they could not",
    "processing.sent.*": "what a program sent by itself, and what it could not",
    "connection.*": "of the present connection; empty without one",
    "connection.route": "direct, turn, relay or None",
    "connection.state": "new, connecting, connected, disconnected, failed or closed",
    "connection.messages_dropped": "messages to the browser that were never sent",
    "connection.messages_stuck": "whether the browser is there and takes no message",
    "connection.rtt_ms": "round trip in milliseconds; None when unknown",
    "connection.bytes_received": "since it began, headers included",
    "connection.bytes_sent": "since it began, headers included",
    "connection.*.packets_received": "RTP packets of the camera (video), microphone (audio), screen",
    "connection.*.packets_lost": "RTP packets that never came",
    "connection.*.jitter_ms": "interarrival jitter in milliseconds (RFC 3550, section 6.4.1)",
    "connection.*.frames_received": "decoded",
    "connection.*.frames_dropped": "decoded, and not taken in time",
    "connection.*.encoded_dropped": "not decoded, for decoding could not keep up",
    "connection.*.gaps_skipped": "how often lost packets were given up",
    "connection.*.packets_late": "came after that (video: or twice)",
    "connection.*.jitter_depth_ms": "how long a missing packet of sound is waited for",
    "connection.*.enabled": "whether the browser's source is switched on",
    "connection.*.frames_sent": "what Python sent in this section",
    "connection.*.frames_unsent": "replaced or left out before that",
    "simulated": "None unless lab.simulate() runs",
    "simulated.*": "of the simulated browser, by kind: sent, skipped (this machine stood still), returned, heard_s",
    "pages": "each open page's state, and whether it is visible",
    "page.*": "what the browser says itself: fps, width, height, rtt_ms, bitrate_bps, loss, route",
    "page.slowed": "'hidden' while its tab is, for a relay then sends ten pictures a second; else None",
    "messages_dropped": "messages to the browser that were never sent",
    "engine.pid": "of the media process",
    "engine.linked": "whether it reaches the Jupyter server",
    "engine.bridge_dropped": "as drops.bridge, of all labs of this kernel",
}

_LONGEST_S = 600.0  # of a measurement
_LEFT = "text-align:left;vertical-align:top;white-space:normal;overflow-wrap:anywhere;padding:2px 6px"
_GROUPS = ("rates", "delays", "drops", "memory", "budget", "bitrates", "callbacks")


class Stats(dict[str, Any]):
    """The figures of one moment: a dict, shown as a table with the words of :data:`FIELDS`."""

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """The main figures as (name, value, meaning); the rest is in the dict."""
        for name in ("state", "time_s", "fps", "level_db"):
            yield name, _text(self.get(name)), FIELDS[name]
        connection = self.get("connection") or {}
        for name in ("route", "rtt_ms"):
            if name in connection:
                yield f"connection.{name}", _text(connection[name]), FIELDS[f"connection.{name}"]
        for group in _GROUPS:
            for name, value in (self.get(group) or {}).items():
                path = f"{group}.{name}"
                yield path, _text(value), FIELDS.get(path, FIELDS.get(f"{group}.*", ""))

    def __repr__(self) -> str:
        lines = list(self.lines())
        width = max(len(name) for name, _, _ in lines)
        return "\n".join(f"{name:<{width}}  {value}" for name, value, _ in lines)

    def _repr_html_(self) -> str:
        # Names without their group, and words that break: a cell is often no wider than 700 pixels.
        rows, before = [], ""
        for name, value, words in self.lines():
            group, _, short = name.partition(".")
            if short and group != before:
                rows.append(f'<tr><th colspan="3" style="{_LEFT}">{html.escape(group)}</th></tr>')
                before = group
            rows.append(
                f'<tr><td style="{_LEFT};width:25%">{html.escape(short or name)}</td>'
                f'<td style="{_LEFT};width:23%">{html.escape(value)}</td>'
                f'<td style="{_LEFT}">{html.escape(words)}</td></tr>'
            )
        return f'<table style="table-layout:fixed;width:680px;max-width:100%">{"".join(rows)}</table>'


@checks_keywords
class Statistics:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _access: Access
    _callbacks: Registrations

    def stats(self) -> Stats:
        """What is counted, now: rates, delays by stage, drops by place and reason, and more.

        A dict of dicts, shown as a table; ``smallrtc_lab.lab.statistics.FIELDS`` and docs/api.md say what each field
        is and its unit. Counts are of the lab's whole life, unless they stand in ``connection``.

        >>> lab.stats()["drops"]["busy"]
        0
        """
        counted = Stats(self._access.call("stats"))
        counted["callbacks"] = {one.name: one.stats for one in self._callbacks.all()}
        return counted

    def stats_history(self, seconds: float | None = None) -> npt.NDArray[np.void]:
        """The figures of the last ``seconds``, at most and by default of ten minutes: two rows a second.

        A structured array, all float64: ``time_s`` (seconds of the session), ``fps`` ``width`` ``height``
        ``level_db`` ``rtt_ms`` ``received_bps`` ``sent_bps`` ``video_loss`` ``audio_loss`` ``video_jitter_ms``
        ``audio_jitter_ms`` ``network_ms`` ``hand_over_ms`` ``delay_ms`` ``callback_ms`` ``return_ms``
        ``returned_fps`` ``dropped_hz`` ``lost_hz`` ``engine_cores``, as ``lab.stats()`` has them; NaN where one was
        not known. Kept outside the kernel: a busy cell leaves no hole. No rows while no browser is connected.

        >>> history = lab.stats_history(60)
        >>> history["time_s"], history["fps"]
        """
        seconds = None if seconds is None else positive("seconds", seconds)
        names, rows = self._access.call_with_payload("stats_history", seconds=seconds)
        return np.frombuffer(rows, [(name, np.float64) for name in names]).copy()

    def measure_delay(self, seconds: float = 3.0) -> DelayMeasurement:
        """How long a picture takes from the camera to a function, and back into the browser: median and p95 in ms.

        While ``lab.simulate()`` runs, a time code is drawn into its pictures and looked for at every stage. So does a
        page that sends its test signal (in the widget's settings). Of a camera the way to the function is known where
        the browser says when it captured, and the way back is not. The function is the video processor, where there
        is one that leaves the upper third of the picture as it is; else one that returns the picture as it is.

        Takes ``seconds`` and a moment. Raises :class:`NotLiveError` before anything is live.

        >>> lab.measure_delay(1).total.median_ms
        """
        seconds = positive("seconds", seconds, most=_LONGEST_S)
        self._access.mirror.require_live()
        own = self._callbacks.processor("video")
        ours = (
            None
            if own
            else self._callbacks.add(
                _same, VideoProcessor, "video", **video_request("rgb", None), source="camera"
            )
        )
        try:
            found = self._access.call("measure_delay", timeout_s=seconds + 10.0, seconds=seconds)
        finally:
            if ours is not None:
                ours.remove()
        stages = {name: None if one is None else Stage(**one) for name, one in found["stages"].items()}
        return DelayMeasurement(**stages, seconds=found["seconds"], note=_note(found, own))


def _same(frame: VideoFrame) -> Any:
    return frame.image


def _note(found: dict[str, Any], own: Callback | None) -> str:
    """What is missing, and why."""
    if found["by"] is None:
        return (
            "How long the way back takes is seen with lab.simulate(), or with the test signal in the widget's "
            "settings."
        )
    if found["stages"]["total"] is None:
        whose = f"{own.name} changes or hides it" if own is not None else "no picture came back"
        return f"No time code was found in what came back: {whose}."
    return ""


def _text(value: Any) -> str:
    """A figure, or a stage or a function with several, in a few characters."""
    if isinstance(value, Mapping):
        if set(value) == {"median_ms", "p95_ms"}:
            return f"{value['median_ms']:.1f} ms, p95 {value['p95_ms']:.1f}"
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "–" if value is None else str(value)
