"""A watermark in the pixels of a JPEG or PNG: faint words, slanted, again and again over all of the picture.

White words with a dark edge, both faint: one of them is seen on black, on white and on grey, and what lies below stays
to be seen. One slanted block of words is drawn once for each size of letters and then laid over the picture, so that a
picture costs some milliseconds and the number of blocks is bounded whatever its shape.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from ris_core.errors import InvalidValue
from ris_core.watermarks.rules import lines_of

LARGEST_SIDE: Final = 4096
"""Pixels; whoever asks for a picture to be marked asks for none larger."""
SLANT_DEGREES: Final = 30
_FONT: Final = Path(__file__).parents[1] / "print_layouts" / "fonts" / "BeVietnamPro-SemiBold.ttf"
_LETTERS: Final = (8, 10, 13, 17, 22, 29, 38, 50, 66, 88)
"""Heights of letters in pixels; few, so that blocks are used again."""
_PICTURE_IN_LETTERS: Final = 42
"""The shorter side is so many letters high."""
_WORDS, _EDGE = 62, 54
"""How much of white and black is laid over the picture, of 255."""
_PAGE_WORDS, _PAGE_EDGE = 36, 36
"""The same over pages, whose small letters must be read through it; with an edge half as wide."""
_MOST_BLOCKS: Final = 240
_APART: Final = 1.2
"""Of a block's width, from one to the next in a row."""
_ROWS_APART: Final = 0.8
"""Of a block's height: the corners of a slanted block are empty."""
_SMALL_SIDE: Final = 200
"""Pixels; a smaller picture bears the last line only, which has the code."""


class PictureTooLarge(InvalidValue):
    """A side of it has more pixels than :data:`LARGEST_SIDE`."""


def marked_picture(picture: bytes, mark: str, *, quality: int = 90) -> bytes:
    """The same picture, in the same format, with the words over it.

    :param quality: of a JPEG, in percent
    :raises PictureTooLarge: it is to be asked for smaller
    :raises InvalidValue: the words cannot be drawn, or it is no JPEG or PNG
    """
    lines = lines_of(mark)
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as opened:
            if max(opened.size) > LARGEST_SIDE:
                raise PictureTooLarge("the picture is too large to be marked", field="picture")
            image_format = opened.format
            image = opened.convert("L" if opened.mode in ("1", "L", "I", "I;16") else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidValue("the picture cannot be read", field="picture") from error
    _lay_over(image, lines)
    file = io.BytesIO()
    if image_format == "PNG":
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def block_picture(mark: str, letters: int) -> Image.Image:
    """One slanted block of the words, with how much of it covers what lies below: for pages.

    :raises InvalidValue: the words cannot be drawn
    """
    white, black = (np.asarray(mask, np.float64) / 255 for mask in _page_block(lines_of(mark), letters))
    covers = 1 - (1 - white) * (1 - black)
    grey = np.divide(white, covers, out=np.zeros_like(covers), where=covers > 0)
    channels = [grey, grey, grey, covers]
    return Image.fromarray(np.rint(np.stack(channels, axis=-1) * 255).astype(np.uint8), "RGBA")


def _lay_over(image: Image.Image, lines: tuple[str, ...]) -> None:
    if min(image.size) < _SMALL_SIDE:
        lines = lines[-1:]
    words, edge = _block(lines, _letters_for(image.size))
    across, down = words.width * _APART, words.height * _ROWS_APART
    enough = math.sqrt(max(1.0, image.width * image.height / (across * down * _MOST_BLOCKS)))
    step_x, step_y = math.ceil(across * enough), math.ceil(down * enough)
    rows, columns = math.ceil(image.height / step_y / 2) + 1, math.ceil(image.width / step_x / 2) + 1
    black, white = (0, 255) if image.mode == "L" else ((0, 0, 0), (255, 255, 255))
    for row in range(-rows, rows + 1):  # from the middle, where a small picture has its only whole block
        top = (image.height - words.height) // 2 + row * step_y
        for column in range(-columns, columns + 1):
            left = (image.width - words.width) // 2 + column * step_x + row % 2 * step_x // 2
            if -words.height < top < image.height and -words.width < left < image.width:
                image.paste(black, (left, top), edge)
                image.paste(white, (left, top), words)


def _letters_for(size: tuple[int, int]) -> int:
    wanted = min(size) / _PICTURE_IN_LETTERS
    return next((height for height in _LETTERS if height >= wanted), _LETTERS[-1])


@lru_cache(maxsize=8)
def _block(lines: tuple[str, ...], letters: int) -> tuple[Image.Image, Image.Image]:
    """The words and their edge, slanted: how much of each is laid over every pixel."""
    words, edge = _slanted(lines, letters, max(1, letters // 12))
    return _faint(words, _WORDS), _faint(edge, _EDGE)


def _page_block(lines: tuple[str, ...], letters: int) -> tuple[Image.Image, Image.Image]:
    words, edge = _slanted(lines, letters, max(1, letters // 24))
    return _faint(words, _PAGE_WORDS), _faint(edge, _PAGE_EDGE)


def _slanted(lines: tuple[str, ...], letters: int, edge_width: int) -> tuple[Image.Image, Image.Image]:
    font = ImageFont.truetype(str(_FONT), letters)
    apart = math.ceil(letters * 1.35)
    size = math.ceil(max(font.getlength(line) for line in lines)) + letters, apart * len(lines) + letters
    words, edge = Image.new("L", size), Image.new("L", size)
    for number, line in enumerate(lines):
        place = size[0] / 2, letters / 2 + apart * (number + 0.5)
        ImageDraw.Draw(words).text(place, line, 255, font, anchor="mm")
        ImageDraw.Draw(edge).text(place, line, 255, font, anchor="mm", stroke_width=edge_width)
    words, edge = (each.rotate(SLANT_DEGREES, Image.Resampling.BICUBIC, expand=True) for each in (words, edge))
    return words, edge


def _faint(mask: Image.Image, share: int) -> Image.Image:
    return mask.point([value * share // 255 for value in range(256)])
