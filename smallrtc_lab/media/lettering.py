"""Text for synthetic pictures: rendered once by Pillow, then pasted as blocks of pixels."""

from __future__ import annotations

import numpy as np

from smallrtc_lab.frames import Picture

__all__ = ["Colour", "Lettering", "paste"]

Colour = tuple[int, int, int]


class Lettering:
    """Lines of text of one height and colour on one background; digits are equally wide, so they stand still."""

    def __init__(self, height: int, colour: Colour, background: Colour) -> None:
        # Here, because the engine loads this module in every session and draws text in few.
        from PIL import ImageFont

        self._font = ImageFont.load_default(size=max(6, height))
        self._colour = np.array(colour, np.float32)
        self._background = np.array(background, np.float32)
        self._top, self._bottom = self._extent("0123456789ABCXYZgpqy|")
        self._digit_width = max(self._advance(digit) for digit in "0123456789")
        self._glyphs: dict[str, Picture] = {}

    @property
    def height(self) -> int:
        """Of a line, in pixels."""
        return self._bottom - self._top

    def line(self, text: str) -> Picture:
        """The text as (height, width, 3) uint8."""
        return np.concatenate([self._glyph(letter) for letter in text], axis=1)

    def _glyph(self, letter: str) -> Picture:
        glyph = self._glyphs.get(letter)
        if glyph is None:
            glyph = self._glyphs[letter] = self._render(letter)
        return glyph

    def _render(self, letter: str) -> Picture:
        from PIL import Image, ImageDraw

        advance = self._advance(letter)
        width = self._digit_width if letter.isdigit() else advance
        canvas = Image.new("L", (width, self.height))
        ImageDraw.Draw(canvas).text(((width - advance) / 2, -self._top), letter, fill=255, font=self._font)
        cover = np.asarray(canvas, np.float32)[:, :, None] / np.float32(255)
        blended: Picture = np.rint(self._background + (self._colour - self._background) * cover).astype(
            np.uint8
        )
        return blended

    def _advance(self, letter: str) -> int:
        return max(1, round(self._font.getlength(letter)))

    def _extent(self, text: str) -> tuple[int, int]:
        _, top, _, bottom = self._font.getbbox(text)
        return int(top), int(bottom)


def paste(image: Picture, sprite: Picture, x: int, y: int) -> None:
    """Copy ``sprite`` into ``image`` with its left upper corner at (x, y); what lies outside is left out."""
    height, width = image.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + sprite.shape[1], width), min(y + sprite.shape[0], height)
    if left < right and top < bottom:
        image[top:bottom, left:right] = sprite[top - y : bottom - y, left - x : right - x]
