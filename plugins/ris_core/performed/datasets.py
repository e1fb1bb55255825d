"""A device's dataset as it came over the network: read, and kept as a DICOM file, which says its transfer syntax."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, TypeVar

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.dsutils import decode
from pynetdicom.sop_class import ModalityPerformedProcedureStep  # type: ignore[attr-defined]

from ris_core.performed.errors import InvalidAttributeValue

Taken = TypeVar("Taken")
_PREAMBLE: Final = b"\0" * 128 + b"DICM"
_AFTER_GROUP_LENGTH: Final = 144
"""Where in a DICOM file the first element, File Meta Information Group Length, ends."""


def as_json(dataset: bytes, transfer_syntax_uid: str) -> dict[str, Any]:
    """A dataset in the DICOM JSON model (PS3.18 F); single values that make no sense are left out.

    :raises InvalidAttributeValue: it cannot be read at all
    """
    return _read(dataset, transfer_syntax_uid, lambda read: dict(read.to_json_dict(suppress_invalid_tags=True)))


def as_text(dataset: bytes, transfer_syntax_uid: str) -> str:
    """A dataset as people read it, one element a line; of one that cannot be read, why."""
    try:
        return _read(dataset, transfer_syntax_uid, str)
    except InvalidAttributeValue as error:
        return error.detail


def _read(dataset: bytes, transfer_syntax_uid: str, taken: Callable[[Dataset], Taken]) -> Taken:
    try:
        return taken(decode(BytesIO(dataset), transfer_syntax_uid == ImplicitVRLittleEndian, True))
    except Exception as error:  # pydicom raises whatever a malformed element leads to
        raise InvalidAttributeValue(f"the dataset cannot be read ({type(error).__name__})") from error


def packed(dataset: bytes, transfer_syntax_uid: str) -> bytes:
    """The bytes as they are behind preamble and file meta information (PS3.10 7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0
    meta.MediaStorageSOPClassUID = ModalityPerformedProcedureStep
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    file.write(_PREAMBLE)
    write_file_meta_info(file, meta, enforce_standard=False)
    return file.getvalue() + dataset


def unpacked(file: bytes) -> tuple[bytes, str]:
    """Dataset and transfer syntax of what :func:`packed` made."""
    start = _AFTER_GROUP_LENGTH + int.from_bytes(file[_AFTER_GROUP_LENGTH - 4 : _AFTER_GROUP_LENGTH], "little")
    return file[start:], str(dcmread(BytesIO(file[:start])).file_meta.TransferSyntaxUID)
