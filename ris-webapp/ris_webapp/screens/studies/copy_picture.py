"""A picture of a DICOM file that the engine does not have. Only uncompressed pixels: others are for the engine's
decoders, which are proof against damaged files."""

from __future__ import annotations

import io
import warnings
from typing import Final

import numpy
from PIL import Image
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

_UNCOMPRESSED: Final = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
_LARGEST_BYTES: Final = 64 * 1024 * 1024


class NoPicture(Exception):
    """The file has no pixels, or none that can be read here."""


def picture_of(data: bytes, side: int) -> bytes:
    """A JPEG at most ``side`` pixels wide and high: the first frame, from its darkest to its brightest pixel.

    :raises NoPicture: it cannot be made
    """
    if len(data) > _LARGEST_BYTES:
        raise NoPicture("too large to be shown")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(io.BytesIO(data))
            if dataset.file_meta.TransferSyntaxUID not in _UNCOMPRESSED or "PixelData" not in dataset:
                raise NoPicture("no uncompressed pixels")
            frame = pixel_array(dataset, index=0).astype(numpy.float32)
    except (InvalidDicomError, AttributeError, KeyError, ValueError, TypeError, EOFError, NotImplementedError) as error:
        raise NoPicture("the pixels cannot be read") from error
    low, high = float(frame.min()), float(frame.max())
    grey = ((frame - low) * (255.0 / max(high - low, 1.0))).astype(numpy.uint8)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        grey = 255 - grey
    image = Image.fromarray(grey)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
