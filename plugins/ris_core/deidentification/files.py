"""The same for a DICOM file of any size: its attributes are written anew, its pixels go over piece by piece."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Protocol

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID

from ris_core.deidentification.datasets import UNREADABLE, Deidentified, Withheld, deidentify, note_clean_pixels
from ris_core.deidentification.declared_pixels import Pieces, declared_pixels
from ris_core.deidentification.kinds import Reason
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_core.engine.transport import Upload
from ris_core.studies.dicom_file import DicomFile, read_dicom_file
from ris_core.studies.elements import DEFLATED, FileData, HeaderIncomplete, HeaderUnreadable, file_meta

_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_NATIVE: Final = frozenset({"1.2.840.10008.1.2", _EXPLICIT, DEFLATED, "1.2.840.10008.1.2.2"})
_IMPLEMENTATION: Final = "2.25.302094850021461520345720394852039485"
_PIECE_BYTES: Final = 1024 * 1024
MOST_CLEANED_BYTES: Final = 256 * 1024**2
"""Of pixels in which text is looked for: they are in memory as a whole, larger ones are withheld."""


class PixelCleaner(Protocol):
    """Takes text out of pixels; :class:`ris_core.deidentification.pixels.TextRemover` is the real one."""

    def clean(self, dataset: Dataset, pixels: bytes, transfer_syntax_uid: str) -> CleanPixels | None:
        """:param dataset: describes the pixels
        :param pixels: the element Pixel Data as in a file, encoded
        :returns: none when in doubt: they cannot be read, or it cannot be told whether there is text"""


@dataclass(frozen=True, slots=True)
class CleanPixels:
    """Pixels in which every frame was looked at."""

    pixels: bytes
    """As the element's value, native, or the same as before when there was no text."""
    transfer_syntax_uid: str
    changed: bool
    photometric_interpretation: str = ""
    """Empty: as before."""


@dataclass(frozen=True, slots=True)
class CleanFile:
    """A file that may be given away."""

    dataset: Dataset
    """Its attributes, without the pixels."""
    start: bytes
    pixels: Pieces
    """Their element."""
    looked_at: bool = False
    """Text was looked for in its pixels."""
    text_removed: bool = False

    def pieces(self) -> Iterator[bytes]:
        yield self.start
        for part in self.pixels:
            for at in range(0, len(part), _PIECE_BYTES):
                yield bytes(part[at : at + _PIECE_BYTES])

    def upload(self) -> Upload:
        """To be stored in the engine."""
        return Upload(len(self.start) + sum(map(len, self.pixels)), self.pieces)


def deidentified_file(
    data: FileData,
    profile: Profile,
    pseudonyms: Pseudonyms,
    *,
    known_texts: Iterable[str] = (),
    patient: str = "",
    pixel_cleaner: PixelCleaner | None = None,
) -> CleanFile | Withheld:
    """A copy of the file ``data`` that nobody is known by, or why there is none.

    Of what lies behind the pixels (signatures, padding), of the preamble, of pixels beyond those that the attributes
    declare, and of remarks within compressed ones (comments, EXIF) nothing is taken over.

    :param known_texts: see :func:`deidentify`, and so ``patient``
    :param pixel_cleaner: without one, whatever may have text in its pixels is withheld
    """
    try:
        syntax, _ = file_meta(data)
        file = read_dicom_file(data)
        dataset = _dataset(file)
    except (HeaderUnreadable, HeaderIncomplete, *UNREADABLE):
        return Withheld(Reason.UNREADABLE)
    compressed = "" if syntax in _NATIVE else syntax
    syntax = _EXPLICIT if syntax == DEFLATED else syntax
    outcome = deidentify(
        dataset, profile, pseudonyms, transfer_syntax_uid=syntax, known_texts=known_texts, patient=patient
    )
    if isinstance(outcome, Withheld):
        return outcome
    cleaned = outcome.dataset
    try:
        pixels = _pixels(file, cleaned, compressed)
    except (HeaderUnreadable, HeaderIncomplete, *UNREADABLE):
        return Withheld(Reason.UNREADABLE)
    if not outcome.look_for_text or not pixels:
        return CleanFile(cleaned, file_start(cleaned, syntax), pixels)
    done = None
    if pixel_cleaner is not None and sum(map(len, pixels)) <= MOST_CLEANED_BYTES:
        done = pixel_cleaner.clean(cleaned, b"".join(pixels), syntax)
    return Withheld(Reason.BURNED_IN_TEXT) if done is None else _with_pixels(outcome, done, pixels)


def _with_pixels(outcome: Deidentified, done: CleanPixels, pixels: Pieces) -> CleanFile:
    dataset = outcome.dataset
    note_clean_pixels(dataset)
    if not done.changed:
        return CleanFile(dataset, file_start(dataset, done.transfer_syntax_uid), pixels, looked_at=True)
    if done.photometric_interpretation:
        dataset.PhotometricInterpretation = done.photometric_interpretation
        dataset.PlanarConfiguration = 0
    vr = b"OW" if int(dataset.BitsAllocated) > 8 else b"OB"
    value = done.pixels + b"\0" * (len(done.pixels) & 1)
    element = struct.pack("<HH", 0x7FE0, 0x0010) + vr + b"\0\0" + struct.pack("<I", len(value)) + value
    return CleanFile(dataset, file_start(dataset, done.transfer_syntax_uid), (memoryview(element),), True, True)


def _dataset(file: DicomFile) -> Dataset:
    encoded = BytesIO(file.encoding.written(file.elements))
    return read_dataset(encoded, not file.encoding.explicit, file.encoding.order == "<")


def _pixels(file: DicomFile, described: Dataset, compressed: str) -> Pieces:
    lying = memoryview(file.pixels)
    data = lying.obj
    if not isinstance(data, bytes | mmap.mmap):
        raise HeaderUnreadable("the pixels lie nowhere")
    return declared_pixels(data, len(data) - len(lying), file.encoding, described, compressed)


def file_start(dataset: Dataset, syntax: str) -> bytes:
    """Preamble, meta information and attributes, as they stand before the pixels."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    buffer = DicomBytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta, enforce_standard=True)
    buffer.is_little_endian = syntax != "1.2.840.10008.1.2.2"
    buffer.is_implicit_VR = syntax == "1.2.840.10008.1.2"
    write_dataset(buffer, dataset)
    return buffer.getvalue()
