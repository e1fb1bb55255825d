"""Identifiers as distinct types: an accession number is never passed where a placer order number is meant.

Each is a ``str`` that cannot be constructed with a value DICOM or the database could not hold.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import ClassVar, Self

from ris_core.errors import InvalidValue

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class Identifier(str):
    """A non-empty, trimmed string of at most ``max_length`` characters without control characters or backslash."""

    max_length: ClassVar[int] = 64
    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        text = value.strip()
        if not text or len(text) > cls.max_length or _CONTROL.search(text):
            raise InvalidValue(
                f"{cls.__name__} must have 1 to {cls.max_length} characters, no control characters and no backslash",
                field=cls.__name__,
            )
        return super().__new__(cls, text)


class AccessionNumber(Identifier):
    """(0008,0050), SH: identifies the imaging service request at this institution."""

    max_length = 16
    __slots__ = ()


class PlacerOrderNumber(Identifier):
    """ORC-2: the order's number at the system that placed it."""

    max_length = 128
    __slots__ = ()


class FillerOrderNumber(Identifier):
    """ORC-3: the order's number here."""

    max_length = 128
    __slots__ = ()


class RequestedProcedureID(Identifier):
    """(0040,1001), SH."""

    max_length = 16
    __slots__ = ()


class ScheduledProcedureStepID(Identifier):
    """(0040,0009), SH."""

    max_length = 16
    __slots__ = ()


class AETitle(Identifier):
    """Application entity title, PS3.5 6.2: 1 to 16 characters."""

    max_length = 16
    __slots__ = ()


class OrthancId(str):
    """Orthanc's own identifier of a patient, study, series or instance: five groups of eight hexadecimal digits."""

    _FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        if not cls._FORM.fullmatch(value):
            raise InvalidValue("an Orthanc identifier has five groups of eight hexadecimal digits", field="OrthancId")
        return super().__new__(cls, value)


class StudyInstanceUID(str):
    """(0020,000D), UI: at most 64 characters, digits and dots."""

    _FORM = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        text = value.strip().strip("\0")
        if len(text) > 64 or not cls._FORM.fullmatch(text):
            raise InvalidValue("a UID has digits and dots, at most 64 characters (PS3.5 9.1)", field="StudyInstanceUID")
        return super().__new__(cls, text)

    @classmethod
    def new(cls, uid_root: str = "2.25") -> Self:
        """A fresh UID under ``uid_root`` (PS3.5 B.2: a UUID as a decimal integer)."""
        number = uuid.uuid4().int
        if uid_root == "2.25":
            return cls(f"2.25.{number}")
        return cls(f"{uid_root.rstrip('.')}.{number % 10 ** max(8, 62 - len(uid_root))}")


@dataclass(frozen=True, slots=True)
class PatientIdentifier:
    """A patient's identifier and who issued it (CX, PID-3; (0010,0020) with (0010,0021))."""

    value: str
    issuer: str = ""
    kind: str = "MR"
    """HL7 table 0203: MR medical record number, NI national id (CCCD), HC health card (BHYT) …"""

    def __post_init__(self) -> None:
        if not self.value.strip() or len(self.value) > 64 or _CONTROL.search(self.value):
            raise InvalidValue("a patient identifier has 1 to 64 characters (LO)", field="PID-3")
