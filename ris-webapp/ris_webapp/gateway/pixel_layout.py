"""Where uncompressed frames lie in a DICOM file, and what their numbers mean (PS3.5 8). Pure.

Only what a lossless codec and every viewer understand in the same way has a layout here; the rest stays as stored.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ris_core.errors import InvalidValue

MAXIMUM_FRAME_BYTES: Final = 64 * 1024 * 1024
MINIMUM_FRAME_BYTES: Final = 8 * 1024
"""A smaller frame gains nothing."""
_PIXEL_DATA: Final = 0x7FE00010
_PIXELS_GROUP: Final = 0x7FE0
_NATIVE: Final[dict[str, int]] = {ImplicitVRLittleEndian: 8, ExplicitVRLittleEndian: 12}
"""Transfer syntax → bytes between the beginning of the element Pixel Data and its value."""
_PIXEL_VRS: Final[dict[str, tuple[str | None, ...]]] = {
    ImplicitVRLittleEndian: (None,),
    ExplicitVRLittleEndian: ("OB", "OW"),
}
"""With any other, also where a file is encoded otherwise than it says, the value begins elsewhere."""
_GREYSCALE: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_SYNTAX_ELEMENT: Final = b"\x02\x00\x10\x00UI"
"""Transfer Syntax UID as the file meta information has it: explicit VR, little endian (PS3.10 7.1)."""
_META_BYTES: Final = 4096
_PREAMBLE_BYTES: Final = 128
"""Before the file meta information, and anybody's (PS3.10 7.1)."""
_READ: Final[list[BaseTag | int]] = [
    Tag(keyword)
    for keyword in (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Rows", "Columns", "SamplesPerPixel",
        "NumberOfFrames", "BitsAllocated", "PixelRepresentation", "PhotometricInterpretation", "PlanarConfiguration",
    )
]  # fmt: skip


class KeptAsStored(InvalidValue):
    """The frame goes to the viewer as it is stored; ``detail`` says why, for tests."""


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The frames of one instance."""

    study_uid: str
    series_uid: str
    instance_uid: str
    rows: int
    columns: int
    samples: int
    """1, or 3: red, green and blue beside each other."""
    bits: int
    """Allocated for a sample: 8 or 16."""
    signed: bool
    frame_count: int
    offset: int
    """Of the first frame in the file."""

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.samples * self.bits // 8

    def span(self, frame: int) -> tuple[int, int]:
        """Offset and length of a frame in the file.

        :param frame: from 1, as DICOM counts
        :raises KeptAsStored: there is no such frame; the engine says so in its own words
        """
        if not 1 <= frame <= self.frame_count:
            raise KeptAsStored("the instance has no such frame", field="frame")
        return self.offset + (frame - 1) * self.frame_bytes, self.frame_bytes


def layout_of(head: bytes) -> PixelLayout:
    """The layout that the beginning of a DICOM file tells, up to its Pixel Data.

    :raises HeadTooShort: the Pixel Data begins behind ``head``
    :raises KeptAsStored: the frames are compressed, or of a kind that is not compressed here
    """
    syntax = _transfer_syntax(head)
    header = _NATIVE.get(syntax)
    if header is None:  # known before anything is parsed: a deflated file would be inflated
        raise KeptAsStored("the pixels are compressed", field="TransferSyntaxUID")
    file = io.BytesIO(head)
    groups: list[tuple[int, str | None]] = []

    def at_pixels(tag: int, vr: str | None, _length: int) -> bool:
        if tag >> 16 == _PIXELS_GROUP:
            groups.append((tag, vr))
        return bool(groups)

    try:
        dataset = read_partial(file, stop_when=at_pixels, specific_tags=_READ)
        if not groups:
            raise HeadTooShort("the pixels lie behind what was read", field="PixelData")
        tag, vr = groups[0]
        if tag != _PIXEL_DATA:
            raise KeptAsStored("the pixels are floating point", field="PixelData")
        if dataset.file_meta.TransferSyntaxUID != syntax or vr not in _PIXEL_VRS[syntax]:
            raise KeptAsStored("the file is not what its beginning says", field="TransferSyntaxUID")
        if len(head) < file.tell() + header:
            raise HeadTooShort("the pixels begin behind what was read", field="PixelData")
        return _checked(dataset, file.tell() + header, head)
    except (EOFError, struct.error) as error:
        raise HeadTooShort("the attributes are longer than what was read", field="PixelData") from error
    except (InvalidDicomError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeptAsStored("the attributes cannot be read", field="PixelData") from error


class HeadTooShort(KeptAsStored):
    """More of the file is needed."""


def _transfer_syntax(head: bytes) -> str:
    start = head.find(_SYNTAX_ELEMENT, _PREAMBLE_BYTES, _META_BYTES) + len(_SYNTAX_ELEMENT)
    length = int.from_bytes(head[start : start + 2], "little")
    return head[start + 2 : start + 2 + min(length, 64)].rstrip(b"\0 ").decode("ascii", "replace")


def _checked(dataset: FileDataset, offset: int, head: bytes) -> PixelLayout:
    layout = PixelLayout(
        study_uid=str(dataset.StudyInstanceUID),
        series_uid=str(dataset.SeriesInstanceUID),
        instance_uid=str(dataset.SOPInstanceUID),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.SamplesPerPixel),
        bits=int(dataset.BitsAllocated),
        signed=int(dataset.PixelRepresentation) == 1,
        frame_count=int(dataset.get("NumberOfFrames") or 1),
        offset=offset,
    )
    colour = str(dataset.PhotometricInterpretation)
    plain = layout.samples == 1 and colour in _GREYSCALE
    interleaved = (
        layout.samples == 3 and layout.bits == 8 and colour == "RGB" and int(dataset.get("PlanarConfiguration", 0)) == 0
    )
    if not (plain or interleaved):
        raise KeptAsStored("colours of another kind than RGB, pixel by pixel", field="PhotometricInterpretation")
    if layout.bits not in (8, 16) or (layout.bits == 8 and layout.signed):
        raise KeptAsStored("samples of another size than 8 or 16 bits", field="BitsAllocated")
    if not MINIMUM_FRAME_BYTES <= layout.frame_bytes <= MAXIMUM_FRAME_BYTES:
        raise KeptAsStored("the frame is small or huge", field="Rows")
    (length,) = struct.unpack("<L", head[layout.offset - 4 : layout.offset])
    if length < layout.frame_count * layout.frame_bytes:
        raise KeptAsStored("fewer pixels than the attributes say", field="PixelData")
    return layout
