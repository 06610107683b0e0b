"""The picture: the newest of a source, in colours or as luma in a colour map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from .drawing import Arrays, Moment, Pixels, Reading, Shot, Sound
from .figured import FigureDrawing
from .furniture import dress, margins
from .look import colour_table
from .stage import Area, Stage
from .still import StillShot

__all__ = ["VideoDrawing"]


class VideoDrawing(FigureDrawing):
    """``arrays()``: ``image`` (h, w, 3) uint8 RGB, or (h, w) luma by ITU-R BT.601 with ``format="gray"``, as it came,
    or smaller where the plot has fewer device pixels; ``time_s`` () float64 session seconds.

    ``x`` and ``y`` of a reading count the pixels of ``image`` from its top left.
    """

    kind = "video"

    def adopt(self) -> None:
        self._table = colour_table(self.options["cmap"])
        self._shot: Shot | None = None
        self._converted: dict[tuple[int, int], Pixels] = {}  # of this shot
        self._shape = self._sized = (480, 640)  # height, width of the source, and of what is shown of it

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        shot = moment.shots.get(self.options["source"])
        if shot is None or (self._shot is not None and self._shot.sequence == shot.sequence):
            return False
        self._shot, self._shape, self.now_s = shot, (shot.height, shot.width), shot.time_s
        self._converted.clear()
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        if "image" in arrays:
            image = np.asarray(arrays["image"])
            colours = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
            self._shot = StillShot(colours, 0, float(arrays.get("time_s", 0.0)))
            self._shape = image.shape[:2]

    def ground(self) -> tuple[int, ...]:
        return self._shape

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        self._area = self._room(stage)
        height, width = self._sized = (
            min(self._shape[0], self._area.height),
            min(self._shape[1], self._area.width),
        )
        axes = stage.axes_in(self._area)
        axes.set(xlim=(0, width), ylim=(height, 0), facecolor=stage.look.grid)
        if self.options["axes"]:
            dress(stage, axes, "", "", grid=False)
        else:
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_visible(False)
        self._axes = axes
        return []

    def paint(self, stage: Stage) -> None:
        if self._shot is not None:
            shown = self._image(self._area.height, self._area.width)
            self._fill(stage.pixels[self._area.slices], shown)

    def compose(self, stage: Stage) -> None:
        if self._shot is None:
            return
        height, width = self._sized
        image = self._image(*self._shape)
        shown = {"cmap": self.options["cmap"], "vmin": 0, "vmax": 255} if image.ndim == 2 else {}
        limits = self._axes.axis()
        self._axes.imshow(image, extent=(0, width, height, 0), aspect="auto", **shown)
        self._axes.axis(limits)

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if found is None or self._shot is None:
            return None
        image = self._image(*self._sized)
        x, y = (min(int(at), size - 1) for at, size in zip(found, image.shape[1::-1], strict=True))
        parts = tuple(float(part) for part in np.atleast_1d(image[y, x]))
        text = " ".join(str(int(part)) for part in parts)
        name = "luma" if len(parts) == 1 else "RGB"
        return Reading(x, y, parts if len(parts) > 1 else parts[0], f"x {x}, y {y}: {name} {text}")

    def arrays(self) -> Arrays:
        if self._shot is None:
            return {}
        return {"image": self._image(*self._sized).copy(), "time_s": np.asarray(self._shot.time_s)}

    def _image(self, height: int, width: int) -> Pixels:
        """In a size; what is asked for at every move of the mouse is converted once."""
        assert self._shot is not None
        if (height, width) not in self._converted:
            self._converted[height, width] = self._coded(self._shot.rgb(width, height))
        return self._converted[height, width]

    def _coded(self, colours: Pixels) -> Pixels:
        """(h, w) luma of (h, w, 3) if that is asked for."""
        if self.options["format"] == "rgb":
            return colours
        return np.asarray(Image.fromarray(colours).convert("L"))

    def _fill(self, room: Pixels, shown: Pixels) -> None:
        if shown.ndim == 2:
            room[...] = self._table[shown]
        else:
            room[..., :3] = shown

    def _room(self, stage: Stage) -> Area:
        """Where the picture is: as large as there is room, in the middle, its sides in their own proportion."""
        around = margins(stage, bool(self.options["title"]))
        left, right, bottom = (around.left, around.right, 26) if self.options["axes"] else (0, 0, 0)
        top = around.top if self.options["title"] or self.options["axes"] else 0
        width = max(1, stage.width - stage.device(left) - stage.device(right))
        height = max(1, stage.height - stage.device(top) - stage.device(bottom))
        scale = min(width / self._shape[1], height / self._shape[0])
        wide, high = max(1, round(self._shape[1] * scale)), max(1, round(self._shape[0] * scale))
        x, y = stage.device(left) + (width - wide) // 2, stage.device(top) + (height - high) // 2
        return Area(x, y, x + wide, y + high)
