"""One WebRTC peer in plain asyncio on aiortc: no Jupyter, no threads of its own."""

from __future__ import annotations

from .client import ClientConnection, ClientTrack
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
from .transport import TRANSPORT_EVENTS, SmallWebRTCTransport
from .transport_input import TransportInput
from .transport_output import TransportOutput

__all__ = [
    "EVENTS",
    "TRANSPORT_EVENTS",
    "AudioPull",
    "ClientConnection",
    "ClientTrack",
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
    "SmallWebRTCTransport",
    "TransportInput",
    "TransportOutput",
]
