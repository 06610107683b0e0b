"""The media sections of a session description, whose order is their identity."""

from __future__ import annotations

import enum
from collections.abc import Iterable

__all__ = ["Section", "sections_of"]


class Section(enum.IntEnum):
    """What a media section is for; the value is the ``receiver_index`` of the wire protocol."""

    AUDIO = 0
    CAMERA = 1
    SCREEN = 2

    @property
    def kind(self) -> str:
        """``"audio"`` or ``"video"``, as in W3C MediaStreamTrack."""
        return "audio" if self is Section.AUDIO else "video"

    @property
    def key(self) -> str:
        """The word statistics and Labs use: ``audio``, ``video`` or ``screen``."""
        return ("audio", "video", "screen")[self]

    @property
    def direction(self) -> str:
        """What the answerer is willing to do in it; the answer is the part the offer allows."""
        return "recvonly" if self is Section.SCREEN else "sendrecv"


def sections_of(kinds: Iterable[str]) -> list[Section | None]:
    """The section of each transceiver, by the order within its kind; None for one nobody knows.

    For the order audio, camera, screen that clients use this is 0, 1, 2; an offer without sound still has
    its first video as the camera.
    """
    unused = {"audio": [Section.AUDIO], "video": [Section.CAMERA, Section.SCREEN]}
    return [unused[kind].pop(0) if unused.get(kind) else None for kind in kinds]
