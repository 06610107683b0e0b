"""The groups of calls an engine has besides its own."""

from __future__ import annotations

from .calls import CallGroup
from .comm_calls import CommCalls
from .diagnosis import DiagnosisCalls
from .ice_calls import IceCalls
from .keeping_calls import KeepingCalls
from .measuring import MeasuringCalls
from .playing_calls import PlayingCalls
from .plotting_calls import PlotCalls
from .recording_calls import RecordingCalls
from .replay_calls import ReplayCalls

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
