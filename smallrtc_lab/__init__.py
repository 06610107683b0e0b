"""Live audio and video in a Jupyter notebook: one cell, one click, and your camera is a NumPy array.

Importing this package is cheap: each public name loads its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bots.arguments import RunnerArguments
    from .errors import (
        BotFileError,
        ClosedError,
        ConnectionFailed,
        EngineCrashed,
        EngineError,
        EngineTimeout,
        MediaFileError,
        NotLiveError,
        ProtocolError,
        RequestError,
        SmallRTCError,
        StreamTimeout,
    )
    from .frames import AudioClip, Gap, VideoClip, VideoFrame
    from .lab.diagnosis import Diagnosis
    from .lab.lab import Lab
    from .lab.recording import Recording
    from .lab.registry import close_all, labs
    from .lab.sending_playback import Playback
    from .lab.serving import Serving, serve
    from .media.take import Take
    from .params import TransportParams, VADParams
    from .rtc.broadcast import Broadcast
    from .rtc.connection import IceServer, SmallWebRTCConnection
    from .rtc.mixer import AudioMixer
    from .rtc.requests import (
        ConnectionMode,
        SmallWebRTCPatchRequest,
        SmallWebRTCRequest,
        SmallWebRTCRequestHandler,
    )
    from .rtc.transport import SmallWebRTCTransport

__version__ = "0.1.0"

_HOMES = {
    "AudioClip": ".frames",
    "AudioMixer": ".rtc.mixer",
    "BotFileError": ".errors",
    "Broadcast": ".rtc.broadcast",
    "ClosedError": ".errors",
    "ConnectionFailed": ".errors",
    "ConnectionMode": ".rtc.requests",
    "Diagnosis": ".lab.diagnosis",
    "EngineCrashed": ".errors",
    "EngineError": ".errors",
    "EngineTimeout": ".errors",
    "Gap": ".frames",
    "IceServer": ".rtc.connection",
    "Lab": ".lab.lab",
    "MediaFileError": ".errors",
    "NotLiveError": ".errors",
    "Playback": ".lab.sending_playback",
    "ProtocolError": ".errors",
    "Recording": ".lab.recording",
    "RequestError": ".errors",
    "RunnerArguments": ".bots.arguments",
    "Serving": ".lab.serving",
    "SmallRTCError": ".errors",
    "SmallWebRTCConnection": ".rtc.connection",
    "SmallWebRTCPatchRequest": ".rtc.requests",
    "SmallWebRTCRequest": ".rtc.requests",
    "SmallWebRTCRequestHandler": ".rtc.requests",
    "SmallWebRTCTransport": ".rtc.transport",
    "StreamTimeout": ".errors",
    "Take": ".media.take",
    "TransportParams": ".params",
    "VADParams": ".params",
    "VideoClip": ".frames",
    "VideoFrame": ".frames",
    "close_all": ".lab.registry",
    "labs": ".lab.registry",
    "serve": ".lab.serving",
}

__all__ = [
    "AudioClip",
    "AudioMixer",
    "BotFileError",
    "Broadcast",
    "ClosedError",
    "ConnectionFailed",
    "ConnectionMode",
    "Diagnosis",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "Gap",
    "IceServer",
    "Lab",
    "MediaFileError",
    "NotLiveError",
    "Playback",
    "ProtocolError",
    "Recording",
    "RequestError",
    "RunnerArguments",
    "Serving",
    "SmallRTCError",
    "SmallWebRTCConnection",
    "SmallWebRTCPatchRequest",
    "SmallWebRTCRequest",
    "SmallWebRTCRequestHandler",
    "SmallWebRTCTransport",
    "StreamTimeout",
    "Take",
    "TransportParams",
    "VADParams",
    "VideoClip",
    "VideoFrame",
    "close_all",
    "labs",
    "serve",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
