"""The window of images whose files name none: from their own grey values (PS3.3 C.11.2.1.2). Pure.

The values are seen in the engine's own pictures, which it makes of every compression that it can show.

The engine reads a window of the file and of a frame's own functional groups. Where it finds neither it shows all values
that the stored bits could hold, in which a twelve-bit image is nearly black.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from ris_core.studies.elements import DEFLATED, HeaderIncomplete, HeaderUnreadable, file_meta, inflated

Window = tuple[float, float]
"""Centre and width in rescaled units."""
Grey = npt.NDArray[np.uint8]
LOOK_PIXELS: Final = 256
"""Largest side of the pictures in which values are looked for."""
HEAD_BYTES: Final = 64 * 1024
"""Read first; attributes of most images."""
LONGEST_HEAD_BYTES: Final = 8 * 1024 * 1024
"""Attributes of a multi-frame object with thousands of frames."""
SOFT_TISSUE: Final[Window] = (40.0, 400.0)
"""Of CT, whose values are Hounsfield units."""

_DARK_PERCENT, _BRIGHT_PERCENT = 0.5, 99.5
"""What lies outside is cut off: markers, metal, single hot pixels."""
_LOOKS: Final = 3
"""255 shades of 255 of 255: enough for 16 bits."""
_PIXELS_GROUP: Final = 0x7FE0
_EXPLICIT_START: Final = bytes(128) + b"DICM\2\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
"""Of a file in Explicit VR Little Endian (PS3.10 7.1)."""
_READ: Final[list[BaseTag | int]] = [
    Tag(keyword)
    for keyword in (
        "Modality", "PhotometricInterpretation", "BitsStored", "PixelRepresentation", "NumberOfFrames", "WindowCenter",
        "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "PixelPaddingRangeLimit",
        "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageHead:
    """The attributes of an image that decide how it is shown."""

    dataset: Dataset
    is_whole: bool
    """Whether nothing of them lies behind what was read."""


def read_head(head: bytes) -> ImageHead | None:
    """The attributes in the beginning of a DICOM file; None when it cannot be read here."""
    ends: list[int] = []

    def at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
        if tag >> 16 == _PIXELS_GROUP:
            ends.append(tag)
        return bool(ends)

    try:
        dataset = read_partial(io.BytesIO(_inflated(head)), stop_when=at_pixels, specific_tags=_READ)
        for tag in _READ:
            dataset.get(tag)  # converted now: a value that cannot be is found here
    except (
        InvalidDicomError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError,
        RecursionError, struct.error, HeaderIncomplete, HeaderUnreadable,
    ):  # fmt: skip
        return None
    return ImageHead(dataset, bool(ends))


def _inflated(head: bytes) -> bytes:
    """Of a deflated file (PS3.5 A.5) as much as is ever read of others: pydicom would inflate all of it, which may be a
    thousand times as large."""
    syntax, start = file_meta(head)
    if syntax != DEFLATED:
        return head
    return _EXPLICIT_START + inflated(memoryview(head)[start:], LONGEST_HEAD_BYTES)


def window_of(head: ImageHead, frame: int, shown: Callable[[int, Window], Grey]) -> Window | None:
    """The window in which the engine is to show a frame; None: the one that it finds itself, or a colour image.

    :param frame: from 1, as DICOM counts
    :param shown: grey values of a frame's picture in a window, 0 to 255; asked only where they are needed. Of many
        frames it is asked for the middle one, so that all are shown alike
    """
    image = head.dataset
    if not str(image.get("PhotometricInterpretation", "")).startswith("MONOCHROME"):
        return None
    slope, intercept = _number(image, "RescaleSlope") or 1.0, _number(image, "RescaleIntercept") or 0.0
    bits = min(int(_number(image, "BitsStored") or 0), 32)
    if bits <= 8 and (slope, intercept) == (1.0, 0.0):
        return None
    if _named(image) or _named(_voi(image, "PerFrameFunctionalGroupsSequence", frame)):
        return None
    shared = _named(_voi(image, "SharedFunctionalGroupsSequence", 1))
    if shared:
        return shared
    if image.get("Modality") == "CT":
        return SOFT_TISSUE
    frames = int(_number(image, "NumberOfFrames") or 1)
    lowest = -(2 ** (bits - 1)) if _number(image, "PixelRepresentation") == 1 else 0
    ends = sorted(stored * slope + intercept for stored in (lowest, lowest + 2**bits - 1))
    inverse = image.get("PhotometricInterpretation") == "MONOCHROME1"
    return _measured(
        partial(shown, frames // 2 + 1 if frames > 1 else frame), ends, _padding(image, slope, intercept), inverse
    )


def _measured(
    shown: Callable[[Window], Grey], ends: list[float], padding: tuple[float, float] | None, inverse: bool
) -> Window | None:
    """From nearly the darkest to nearly the brightest value: looked for in pictures, each of what the one before left.

    :param ends: between which all values lie
    :param padding: lowest and highest value of what is no part of the picture (PS3.3 C.7.5.1.1.2)
    """
    dark, bright = low, high = ends[0], ends[1]
    for _ in range(_LOOKS):
        width = (bright - dark) or 1.0
        grey = shown(((dark + bright) / 2, width)).astype(np.float64).ravel()
        if not grey.size:
            return None
        step = width / 255
        values = dark + (255 - grey if inverse else grey) * step
        if padding is not None:
            first, last = (min(max(value, dark), bright) for value in padding)
            rest = values[(values < first - step / 2) | (values > last + step / 2)]
            values = rest if rest.size else values
        low, high = (float(value) for value in np.percentile(values, (_DARK_PERCENT, _BRIGHT_PERCENT)))
        if high <= low:
            low, high = float(values.min()), float(values.max())
        dark, bright = max(dark, low - step), min(bright, high + step)
    return (low + high) / 2, max(high - low, bright - dark if high <= low else 0.0) or 1.0


def _voi(image: Dataset, sequence: str, item: int) -> Dataset:
    """The Frame VOI LUT functional group of an item, counted from 1; that of the last one where it was not read."""
    groups = image.get(sequence) or []
    group = groups[min(item, len(groups)) - 1] if groups else Dataset()
    return next(iter(group.get("FrameVOILUTSequence") or []), Dataset())


def _named(item: Dataset) -> Window | None:
    centre, width = _number(item, "WindowCenter"), _number(item, "WindowWidth")
    return (centre, width) if centre is not None and width is not None and width > 0 else None


def _padding(image: Dataset, slope: float, intercept: float) -> tuple[float, float] | None:
    value = _number(image, "PixelPaddingValue")
    if value is None:
        return None
    other = _number(image, "PixelPaddingRangeLimit")
    ends = [stored * slope + intercept for stored in (value, value if other is None else other)]
    return min(ends), max(ends)


def _number(item: Dataset, keyword: str) -> float | None:
    """The first value, None for what is no number; numbers whose VR the file leaves open come as bytes (PS3.5 A.1)."""
    value = item.get(keyword)
    if isinstance(value, bytes):
        signed = int(item.get("PixelRepresentation") or 0) == 1
        return float(int.from_bytes(value[:2], "little", signed=signed)) if len(value) >= 2 else None
    first = value[0] if isinstance(value, (list, tuple)) or _is_multiple(value) else value
    try:
        number = float(first)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _is_multiple(value: object) -> bool:
    return hasattr(value, "__getitem__") and hasattr(value, "__len__") and not isinstance(value, str) and len(value) > 0
