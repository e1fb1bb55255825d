"""Turns the engine's picture of a frame into the one that the reader saw: turned, zoomed, inverted, trimmed."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from ris_core.key_images.errors import NoPicture
from ris_core.key_images.rules import View

LONGEST_SIDE: Final = 1200
"""Pixels; 100 mm on paper at 300 dpi."""
_SHORTEST_LONG_SIDE: Final = 512
_LARGEST_SIDE_WORKED_ON: Final = 4096
_QUALITY: Final = 88
_MOST_PIXELS: Final = 120_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG with its size in pixels and its hash."""

    jpeg: bytes
    width: int
    height: int
    sha256: str


def picture_of(frame: bytes, *, columns: int, rows: int, view: View | None, inverted: bool) -> Picture:
    """What is printed of ``frame``, the engine's windowed JPEG or PNG of all its pixels.

    :param columns: of the DICOM image, in whose pixels ``view`` is; the engine may give fewer
    :raises NoPicture: ``frame`` is no picture
    """
    try:
        opened = Image.open(io.BytesIO(frame))
        if opened.width * opened.height > _MOST_PIXELS:
            raise NoPicture("the image is too large to be printed", field="frame")
        image: Image.Image = opened.convert("L" if opened.mode in ("L", "1", "I;16") else "RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise NoPicture("the engine gave no picture of this image", field="frame") from error
    if inverted:
        image = ImageOps.invert(image)
    if view is not None:
        image = _seen(image, _scaled(view, image.width / columns, image.height / rows))
    longest = max(image.size)
    if longest > LONGEST_SIDE:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    elif longest < _SHORTEST_LONG_SIDE:
        image = ImageOps.contain(image, (_SHORTEST_LONG_SIDE, _SHORTEST_LONG_SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, optimize=True)
    jpeg = file.getvalue()
    return Picture(jpeg, image.width, image.height, hashlib.sha256(jpeg).hexdigest())


def _scaled(view: View, across: float, down: float) -> View:
    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * across, point[1] * down

    return View(moved(view.top_left), moved(view.top_right), moved(view.bottom_left), view.width, view.height)


def _seen(image: Image.Image, view: View) -> Image.Image:
    """The viewport's content, without the empty margins beside the image."""
    per_pixel = max(math.hypot(*view.across) / view.width, math.hypot(*view.down) / view.height)
    width, height = view.width * per_pixel, view.height * per_pixel
    shrunk = min(1.0, _LARGEST_SIDE_WORKED_ON / max(width, height))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    corners = [view.place_of(corner) for corner in _corners(image)]
    left, top = (max(0.0, min(place[axis] for place in corners)) for axis in (0, 1))
    right, bottom = (min(1.0, max(place[axis] for place in corners)) for axis in (0, 1))
    box = (
        math.floor(left * size[0]), math.floor(top * size[1]),
        math.ceil(right * size[0]), math.ceil(bottom * size[1]),
    )  # fmt: skip
    if box[2] <= box[0] or box[3] <= box[1]:
        raise NoPicture("the image lay outside the viewport", field="view")
    (ax, ay), (dx, dy) = view.across, view.down
    coefficients = (
        ax / size[0], dx / size[1], view.top_left[0],
        ay / size[0], dy / size[1], view.top_left[1],
    )  # fmt: skip
    seen = image.transform(size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BICUBIC)
    return seen.crop(box)


def _corners(image: Image.Image) -> list[tuple[float, float]]:
    return [(0.0, 0.0), (image.width, 0.0), (0.0, image.height), (image.width, image.height)]
