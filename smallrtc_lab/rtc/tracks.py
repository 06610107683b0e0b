"""The tracks of a connection: what comes in, what goes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiortc import MediaStreamTrack

from .bitrate import VideoBitrate
from .incoming import Frame, InputTrack
from .outgoing import AudioPull, OutputAudioTrack, OutputVideoTrack
from .sections import Section
from .switch import SwitchedTrack

__all__ = [
    "AudioPull",
    "Frame",
    "InputTrack",
    "OutputAudioTrack",
    "OutputTracks",
    "OutputVideoTrack",
    "SwitchedTrack",
]


@dataclass
class OutputTracks:
    """What is sent in each section; None sends nothing. Each track belongs to one connection."""

    audio: MediaStreamTrack | None = None
    video: MediaStreamTrack | None = None
    screen: MediaStreamTrack | None = None
    bitrate: VideoBitrate = field(default_factory=VideoBitrate)

    def of(self, section: Section) -> MediaStreamTrack | None:
        """The track of one section."""
        return (self.audio, self.video, self.screen)[section]

    def set(self, section: Section, track: MediaStreamTrack | None) -> None:
        """Replace the track of one section."""
        setattr(self, section.key, track)
