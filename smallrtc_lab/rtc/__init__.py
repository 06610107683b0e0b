"""One WebRTC peer in plain asyncio on aiortc: no Jupyter, no threads of its own but those of a broadcast's encoders."""

from __future__ import annotations

from .broadcast import Broadcast, BroadcastTrack
from .client import ClientConnection, ClientTrack
from .clients import ClientInfo
from .connection import EVENTS, IceServer, SmallWebRTCConnection
from .mixer import AudioMixer, MixTrack, Voice
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
    "AudioMixer",
    "AudioPull",
    "Broadcast",
    "BroadcastTrack",
    "ClientConnection",
    "ClientInfo",
    "ClientTrack",
    "ConnectionMode",
    "ConnectionState",
    "EndReason",
    "IceCandidate",
    "IceServer",
    "InputTrack",
    "MixTrack",
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
    "Voice",
]
