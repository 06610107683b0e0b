"""Pictures of any size, made to fit what an encoder and a browser take: yuv420p with even sides."""

from __future__ import annotations

from collections.abc import Sequence

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

__all__ = ["LEAST_SIDE", "Fitter", "fitted_size"]

LEAST_SIDE = 16  # pixels: one macroblock of VP8 and H.264


def fitted_size(width: int, height: int, most: Sequence[int]) -> tuple[int, int]:
    """(width, height), even, of a picture scaled down into ``most``, or up by a whole number to be seen at all."""
    least = min(width, height)
    if least < LEAST_SIDE:
        factor = -(-LEAST_SIDE // least)
        width, height = width * factor, height * factor
    shrink = min(1.0, most[0] / width, most[1] / height)
    return max(2, round(width * shrink) & ~1), max(2, round(height * shrink) & ~1)


class Fitter:
    """Frames into yuv420p, BT.601 and video range, within ``most`` (width, height); for one thread at a time."""

    def __init__(self, most: Sequence[int] = (1920, 1080)) -> None:
        self.most = most
        self._reformatter = VideoReformatter()

    def fit(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame itself where nothing is to be done."""
        width, height = fitted_size(frame.width, frame.height, self.most)
        grows = width > frame.width
        degrees = frame.rotation
        fitted = self._reformatter.reformat(
            frame,
            width,
            height,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            # The pixels of a tiny picture are what there is to see.
            interpolation=Interpolation.POINT if grows else Interpolation.BILINEAR,
            threads=1,
        )
        return _turned(fitted, degrees // 90 % 4) if degrees % 360 else fitted


def _turned(frame: av.VideoFrame, quarters: int) -> av.VideoFrame:
    """Turned counterclockwise: what a telephone held upright writes beside its pictures."""
    height = frame.height
    planar = frame.to_ndarray()
    luma, chroma = planar[:height], planar[height:].reshape(2, height // 2, frame.width // 2)
    planes = [np.rot90(plane, quarters) for plane in (luma, *chroma)]
    turned = np.concatenate([plane.reshape(-1) for plane in planes])
    across = planes[0].shape[1]
    return av.VideoFrame.from_ndarray(
        turned.reshape(-1, across).astype(np.uint8, copy=False), format="yuv420p"
    )
