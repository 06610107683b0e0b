"""The groups of calls an engine has besides its own."""

from __future__ import annotations

from .calls import CallGroup
from .comm_calls import CommCalls
from .diagnosis import DiagnosisCalls
from .ice_calls import IceCalls
from .keeping.calls import KeepingCalls
from .measuring import MeasuringCalls
from .playing.calls import PlayingCalls
from .plotting.calls import PlotCalls
from .recording.calls import RecordingCalls
from .replaying.calls import ReplayCalls

__all__ = ["GROUPS"]

GROUPS: tuple[type[CallGroup], ...] = (
    CommCalls,
    DiagnosisCalls,
    IceCalls,
    KeepingCalls,
    MeasuringCalls,
    PlayingCalls,
    PlotCalls,
    RecordingCalls,
    ReplayCalls,
)
