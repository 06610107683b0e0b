"""The tracks of a connection: what comes in, what goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from aiortc import MediaStreamTrack

from smallrtc_lab.media.encoded import EncodedPacket

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
    """What is sent in each section; None sends nothing. Each track belongs to one connection.

    ``on_sent(section, packet)``, when set, gets everything that is sent, encoded, on the media loop.
    """

    audio: MediaStreamTrack | None = None
    video: MediaStreamTrack | None = None
    screen: MediaStreamTrack | None = None
    bitrate: VideoBitrate = field(default_factory=VideoBitrate)
    on_sent: Callable[[Section, EncodedPacket], None] | None = None

    def sent_hook(self, section: Section) -> Callable[[EncodedPacket], None] | None:
        """What wants the packets of one section now."""
        return None if self.on_sent is None else partial(self.on_sent, section)

    def of(self, section: Section) -> MediaStreamTrack | None:
        """The track of one section."""
        return (self.audio, self.video, self.screen)[section]

    def set(self, section: Section, track: MediaStreamTrack | None) -> None:
        """Replace the track of one section."""
        setattr(self, section.key, track)
