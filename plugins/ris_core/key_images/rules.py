"""What a reader saw of an image, as values that cannot be wrong: which frame, through which window, which part of it.

Pure. Places in an image are in pixels: (0, 0) is the outer corner of the first pixel, (columns, rows) that of the last.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from ris_core.errors import InvalidValue

MAXIMUM_KEY_IMAGES: Final = 24
"""Of one exam: what four printed pages hold, and what a result message can carry."""
CAPTION_CHARACTERS: Final = 200

_MOST_FRAMES: Final = 100_000
_FARTHEST_PIXEL: Final = 1_000_000.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """Centre and width in the image's own units after rescaling (PS3.3 C.11.2.1.2, linear)."""

    center: float
    width: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.center) and math.isfinite(self.width)) or not 0 < self.width < 1e9:
            raise InvalidValue("a window has a centre and a width above 0", field="window")
        if abs(self.center) > 1e9:
            raise InvalidValue("a window's centre lies out of range", field="window")


@dataclass(frozen=True, slots=True)
class View:
    """The part of an image that filled the reader's viewport; zoom, pan, rotation and flips follow from its corners."""

    top_left: Point
    top_right: Point
    bottom_left: Point
    width: int
    """Of the viewport; only its ratio to ``height`` matters."""
    height: int

    def __post_init__(self) -> None:
        numbers = (*self.top_left, *self.top_right, *self.bottom_left)
        if not all(math.isfinite(number) and abs(number) < _FARTHEST_PIXEL for number in numbers):
            raise InvalidValue("a view's corners are places in the image", field="view")
        if not (0 < self.width <= 20_000 and 0 < self.height <= 20_000):
            raise InvalidValue("a view has a width and a height", field="view")
        across, down = self.across, self.down
        area = abs(across[0] * down[1] - across[1] * down[0])
        if area < 1.0 or math.hypot(*across) < 1.0 or math.hypot(*down) < 1.0:
            raise InvalidValue("a view shows at least one pixel", field="view")

    @property
    def across(self) -> Point:
        """From the left to the right edge, in image pixels."""
        return self.top_right[0] - self.top_left[0], self.top_right[1] - self.top_left[1]

    @property
    def down(self) -> Point:
        """From the upper to the lower edge, in image pixels."""
        return self.bottom_left[0] - self.top_left[0], self.bottom_left[1] - self.top_left[1]

    def place_of(self, point: Point) -> Point:
        """Where a place of the image lies in the viewport: (0, 0) its upper left, (1, 1) its lower right corner."""
        (ax, ay), (dx, dy) = self.across, self.down
        x, y = point[0] - self.top_left[0], point[1] - self.top_left[1]
        determinant = ax * dy - ay * dx
        return (x * dy - y * dx) / determinant, (ax * y - ay * x) / determinant


@dataclass(frozen=True, slots=True)
class Choice:
    """One image as a reader chose it."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int = 1
    """From 1, as DICOM counts."""
    window: Window | None = None
    """None: as the image itself says."""
    inverted: bool = False
    view: View | None = None
    """None: the whole image."""

    def __post_init__(self) -> None:
        if not 1 <= self.frame <= _MOST_FRAMES:
            raise InvalidValue("frames are counted from 1", field="frame")


def clean_caption(text: str) -> str:
    """A caption in one line.

    :raises InvalidValue: longer than :data:`CAPTION_CHARACTERS`
    """
    caption = _UNPRINTABLE.sub(" ", text).strip()
    if len(caption) > CAPTION_CHARACTERS:
        raise InvalidValue(f"a caption has at most {CAPTION_CHARACTERS} characters", field="caption")
    return caption


def arranged(present: list[int], wanted: list[int]) -> list[int]:
    """``present`` in the order of ``wanted``; what ``wanted`` does not name comes after, in its present order."""
    named = [key for key in dict.fromkeys(wanted) if key in set(present)]
    return [*named, *(key for key in present if key not in set(named))]
