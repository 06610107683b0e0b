"""Pictures that functions returned, made alike: one array has one size and one number of colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smallrtc_lab.frames import Picture, PixelFormat

from .convert import from_picture, to_picture
from .take_pictures import require_room

__all__ = ["same_size"]


def same_size(images: Sequence[Picture], gray: bool) -> Picture:
    """(N, H, W, 3), or (N, H, W) where ``gray``: of the first one's size; gray pictures among others get colours.

    Pictures of another size are scaled as the browser would see them. Raises ``ValueError`` when they were more
    than 1 GB.
    """
    height, width = images[0].shape[:2]
    picture_format: PixelFormat = "gray" if gray else "rgb"
    require_room(len(images), (width, height), picture_format)
    shape = (height, width) if gray else (height, width, 3)
    joined = np.empty((len(images), *shape), np.uint8)
    for place, image in zip(joined, images, strict=True):
        if image.shape[:2] != (height, width):
            image = to_picture(from_picture(image), picture_format, (width, height))
        place[...] = image[:, :, None] if image.ndim == 2 and not gray else image
    return joined
