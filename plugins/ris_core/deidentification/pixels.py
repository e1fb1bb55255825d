"""Text taken out of an image's pixels: found in every frame, blacked out in all of them, written without loss."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from ris_core.deidentification.files import CleanPixels, file_start
from ris_core.deidentification.text_finding import Box, Grey, text_boxes

_EXPLICIT: Final = "1.2.840.10008.1.2.1"
MOST_FRAMES: Final = 400
"""Each is looked at, a quarter of a second long; longer films are withheld."""
MOST_VALUES: Final = 128 * 1024**2
"""Of all frames together, unpacked."""
_MOST_COVERED: Final = 0.4
"""Of the image's area; where more would have to be blacked out, it is withheld."""

_PIXEL_ERRORS: Final = (
    ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RuntimeError, OSError, IndexError,
    EOFError, OverflowError, MemoryError, struct.error,
)  # fmt: skip
"""What decoders raise for pixels that are none, or that they do not know."""


class TextRemover:
    """See :class:`ris_core.deidentification.files.PixelCleaner`.

    :param find: where a picture has text
    """

    def __init__(self, find: Callable[[Grey], list[Box]] = text_boxes) -> None:
        self._find = find

    def clean(self, dataset: Dataset, pixels: bytes, transfer_syntax_uid: str) -> CleanPixels | None:
        frame_count = int(dataset.get("NumberOfFrames") or 1)
        values = frame_count * int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0)
        values *= int(dataset.get("SamplesPerPixel") or 1)
        if not 0 < values <= MOST_VALUES or frame_count > MOST_FRAMES or int(dataset.get("BitsAllocated") or 0) < 8:
            return None
        try:
            read = dcmread(BytesIO(file_start(dataset, transfer_syntax_uid) + pixels))
            frames: npt.NDArray[Any] = read.pixel_array
        except _PIXEL_ERRORS:
            return None
        colour = int(dataset.get("SamplesPerPixel") or 1) > 1
        shape = (frame_count, int(dataset.Rows), int(dataset.Columns), *((3,) if colour else ()))
        if frames.size != np.prod(shape):
            return None
        frames = frames.reshape(shape).copy()
        shown = apply_color_lut(frames, read) if "RedPaletteColorLookupTableData" in read else frames
        boxes = {box for frame in shown for picture in _pictures(frame) for box in self._find(picture)}
        if not boxes:
            return CleanPixels(b"", transfer_syntax_uid, changed=False)
        covered = np.zeros(shape[1:3], np.bool_)
        for box in boxes:
            covered[box.top : box.bottom, box.left : box.right] = True
        if covered.mean() > _MOST_COVERED:
            return None
        frames[:, covered] = _blank(frames, dataset)
        order = frames.astype(frames.dtype.newbyteorder("<"))
        return CleanPixels(order.tobytes(), _EXPLICIT, changed=True, photometric_interpretation="RGB" if colour else "")


def _pictures(frame: npt.NDArray[Any]) -> Iterator[Grey]:
    """How text is looked for: over the whole range of values, and of deep images also over the range that most have."""
    if frame.ndim == 3:
        frame = frame.mean(axis=2).astype(frame.dtype)
    yield _stretched(frame, float(frame.min()), float(frame.max()))
    if frame.dtype.itemsize > 1:
        low, high = np.percentile(frame, (1, 99))
        if (low, high) != (frame.min(), frame.max()):
            yield _stretched(frame, float(low), float(high))


def _stretched(frame: npt.NDArray[Any], low: float, high: float) -> Grey:
    scale = 255 / (high - low) if high > low else 0.0
    return np.asarray(np.clip((frame.astype(np.float32) - low) * scale, 0, 255), np.uint8)


def _blank(frames: npt.NDArray[Any], dataset: Dataset) -> Any:
    """The value that is drawn over text: black; of a palette, the index that most of the image has."""
    kind = str(dataset.get("PhotometricInterpretation", ""))
    if kind == "PALETTE COLOR":
        found, counts = np.unique(frames, return_counts=True)
        return found[counts.argmax()]
    if kind == "MONOCHROME1":
        return frames.max()
    return 0 if frames.ndim == 4 else frames.min()
