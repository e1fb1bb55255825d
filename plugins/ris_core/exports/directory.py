"""A DICOMDIR (PS3.3 F, PS3.10 8.6): records written one behind the other, then their offsets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

_ITEM_HEADER_BYTES: Final = 8


@dataclass(slots=True)
class Entry:
    """A directory record with the records below it."""

    record: Dataset
    below: list[Entry] = field(default_factory=list)


def write_directory(path: Path, patients: Sequence[Entry], file_set_id: str) -> None:
    """:param file_set_id: up to 16 capitals, digits and ``_`` (PS3.3 F.3.2.1)"""
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.FileSetID = file_set_id
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = []
    empty = io.BytesIO()
    directory.save_as(empty, enforce_file_format=True)
    entries = list(_in_order(patients))
    at = len(empty.getvalue())  # the empty sequence's header is the last thing in it
    offsets: dict[int, int] = {}
    for entry in entries:
        entry.record.OffsetOfTheNextDirectoryRecord = 0  # a record may stand on several discs
        entry.record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
        offsets[id(entry)] = at
        at += _ITEM_HEADER_BYTES + _encoded_length(entry.record)
    _connect(patients, offsets)
    for entry in entries:
        if entry.below:
            _connect(entry.below, offsets)
            entry.record.OffsetOfReferencedLowerLevelDirectoryEntity = offsets[id(entry.below[0])]
    if patients:
        directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = offsets[id(patients[0])]
        directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = offsets[id(patients[-1])]
    directory.DirectoryRecordSequence = [entry.record for entry in entries]
    directory.save_as(path, enforce_file_format=True)


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    found = []
    for entry in entries:
        found.append(entry)
        found += _in_order(entry.below)
    return found


def _connect(siblings: Sequence[Entry], offsets: dict[int, int]) -> None:
    for entry, following in pairwise(siblings):
        entry.record.OffsetOfTheNextDirectoryRecord = offsets[id(following)]


def _encoded_length(record: Dataset) -> int:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, record, parent_encoding="utf8")
    return len(buffer.getvalue())
