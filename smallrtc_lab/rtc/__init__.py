"""One WebRTC peer in plain asyncio on aiortc: no Jupyter, no threads of its own."""

from __future__ import annotations

from .connection import EVENTS, IceServer, SmallWebRTCConnection
from .requests import (
    ConnectionMode,
    IceCandidate,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)
from .sections import Section
from .state import ConnectionState, EndReason
from .tracks import AudioPull, InputTrack, OutputAudioTrack, OutputTracks, OutputVideoTrack

__all__ = [
    "EVENTS",
    "AudioPull",
    "ConnectionMode",
    "ConnectionState",
    "EndReason",
    "IceCandidate",
    "IceServer",
    "InputTrack",
    "OutputAudioTrack",
    "OutputTracks",
    "OutputVideoTrack",
    "Section",
    "SmallWebRTCConnection",
    "SmallWebRTCPatchRequest",
    "SmallWebRTCRequest",
    "SmallWebRTCRequestHandler",
]
