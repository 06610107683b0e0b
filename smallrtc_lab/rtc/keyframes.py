"""Whether an encoded picture can be decoded without the ones before it, and which can be decoded after a loss."""

from __future__ import annotations

__all__ = ["PictureChain", "is_keyframe"]

_PATIENCE_S = 2.0  # a sender that sends no keyframe in that time never will

_IDR_SLICE = 5  # RFC 6184 section 1.3, table 7-1 of H.264
_SEQUENCE_PARAMETERS = 7


def is_keyframe(codec_name: str, picture: bytes) -> bool:
    """Look into a depayloaded VP8 or H.264 (Annex B) picture; any other codec counts as a keyframe."""
    if codec_name == "VP8":
        return bool(picture) and not picture[0] & 1  # RFC 6386 section 9.1: 0 means key frame
    if codec_name == "H264":
        return _has_idr(picture)
    return True


def _has_idr(picture: bytes) -> bool:
    position = picture.find(b"\0\0\1")
    while 0 <= position < len(picture) - 3:
        if picture[position + 3] & 0x1F in (_IDR_SLICE, _SEQUENCE_PARAMETERS):
            return True
        position = picture.find(b"\0\0\1", position + 3)
    return False


class PictureChain:
    """Lets pictures through that can be shown as they were: after a lost one none, up to a keyframe.

    Decoders go on from whatever they have, and what they show then looks like nothing that was ever in front of the
    camera. ``broken``: a keyframe is wanted. A client that sends none when it is asked gets through after two seconds.
    Pure: times in seconds of any one clock.
    """

    def __init__(self) -> None:
        self.broken = False
        self.left_out = 0
        self._since_s = 0.0

    def passes(self, *, keyframe: bool, after_gap: bool, now_s: float) -> bool:
        """Whether the next picture is to be decoded."""
        if keyframe:
            self.broken = False
        elif after_gap and not self.broken:
            self.broken = True
            self._since_s = now_s
        if not self.broken or now_s - self._since_s > _PATIENCE_S:
            return True
        self.left_out += 1
        return False
