"""Whether an encoded picture can be decoded without the ones before it."""

from __future__ import annotations

__all__ = ["is_keyframe"]

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
