"""Whether two files under one SOP Instance UID are the same image, and if not, in what they differ."""

from __future__ import annotations

from enum import StrEnum

from ris_core.studies.dicom_file import read_dicom_file
from ris_core.studies.elements import FileData, HeaderIncomplete, HeaderUnreadable, file_meta
from ris_core.studies.rewriting import same_attributes, same_bytes


class Difference(StrEnum):
    """What a person should look at."""

    PIXELS = "PIXELS"
    ENCODING = "ENCODING"
    """Another transfer syntax: the pictures may be equal, their bytes cannot be compared."""
    ATTRIBUTES = "ATTRIBUTES"
    """Equal pixels, described otherwise (laterality, orientation, spacing …)."""
    UNREADABLE = "UNREADABLE"
    """One of the files makes no sense to us."""


def difference(stored: FileData, arrived: FileData) -> Difference | None:
    """None when both are the same image: equal bytes, or equal pixels and equal attributes beside those of the
    patient, the study and the order, which corrections change (ours, or the technologist's at the console).
    """
    if same_bytes(stored, arrived):
        return None
    try:
        one, other = read_dicom_file(stored), read_dicom_file(arrived)
        if file_meta(stored)[0] != file_meta(arrived)[0]:
            return Difference.ENCODING
    except (HeaderUnreadable, HeaderIncomplete):
        return Difference.UNREADABLE
    if not same_bytes(one.pixels, other.pixels):
        return Difference.PIXELS
    return None if same_attributes(one, other) else Difference.ATTRIBUTES
