"""What is private of aiortc's receivers about packets that were lost and are sent again (RFC 4588)."""

from __future__ import annotations

import time
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters

from smallrtc_lab.rtc.nacks import MissingPackets

__all__ = ["ask_for_lost_packets"]

_NACK_GENERATOR = "_RTCRtpReceiver__nack_generator"
_RTX_SSRC = "_RTCRtpReceiver__rtx_ssrc"


class _Nacks:
    """Stands where aiortc's ``NackGenerator`` stood; ``missing`` is what is asked for now."""

    def __init__(self) -> None:
        self.missing: list[int] = []
        self._packets = MissingPackets()

    def add(self, packet: Any) -> bool:
        """Take a packet; True asks aiortc to send a NACK for ``missing``."""
        self.missing = self._packets.add(packet.sequence_number, time.monotonic())
        return bool(self.missing)


def ask_for_lost_packets(receiver: RTCRtpReceiver) -> None:
    """Make one receiver ask for lost packets as long as they are of use, and hear the answers.

    aiortc asks for those of pictures only. Sound that is sent again comes in time, for its buffer follows what it has
    to wait for; a sender that keeps no sound hears the question in vain.
    Retransmissions of pictures have an SSRC of their own. aiortc knows to whom it belongs, but does not tell its
    router, which goes by the payload type then; with a camera and a screen in one connection, of the same codecs, that
    is nobody's. Call before the receiver started (at the ``track`` event).
    """
    setattr(receiver, _NACK_GENERATOR, _Nacks())
    receive = receiver.receive

    async def receive_all(parameters: RTCRtpReceiveParameters) -> None:
        await receive(parameters)
        for ssrc in getattr(receiver, _RTX_SSRC):
            receiver.transport._rtp_router.ssrc_table[ssrc] = receiver

    receiver.receive = receive_all  # type: ignore[method-assign]
