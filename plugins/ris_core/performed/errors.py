"""Why a device's report is refused; each has its DIMSE status (PS3.7 C, PS3.4 F.7.2)."""

from __future__ import annotations

from typing import ClassVar

from ris_core.errors import QuangError


class ReportRefused(QuangError):
    """Root of the refusals of N-CREATE and N-SET; ``field`` is the tag that is wrong."""

    code = "QUANG-4200"
    status: ClassVar[int] = 0x0110
    error_id: ClassVar[int | None] = None


class InvalidAttributeValue(ReportRefused):
    """A value that the attribute may not have."""

    code = "QUANG-4201"
    status = 0x0106


class DuplicateInstance(ReportRefused):
    """A performed step with this SOP Instance UID is here."""

    code = "QUANG-4202"
    status = 0x0111


class NoSuchInstance(ReportRefused):
    """No performed step with this SOP Instance UID is here."""

    code = "QUANG-4203"
    status = 0x0112


class InvalidInstance(ReportRefused):
    """The SOP Instance UID is missing or is no UID."""

    code = "QUANG-4204"
    status = 0x0117


class MissingAttribute(ReportRefused):
    """An attribute that is required now is not there."""

    code = "QUANG-4205"
    status = 0x0120


class MissingAttributeValue(ReportRefused):
    """An attribute that needs a value now is empty."""

    code = "QUANG-4206"
    status = 0x0121


class NoLongerUpdated(ReportRefused):
    """The performed step is completed or discontinued: it may no longer be updated (PS3.4 F.7.2.2.4)."""

    code = "QUANG-4207"
    status = 0x0110
    error_id = 0xA710


class NotAuthorised(ReportRefused):
    """The calling AE title is no active device of the registry."""

    code = "QUANG-4208"
    status = 0x0124


class NotTheCreator(ReportRefused):
    """The performed step was begun by a device that shares no group with the calling one."""

    code = "QUANG-4210"
    status = 0x0124


class TooLarge(ReportRefused):
    """The dataset is larger than ``mpps.max_dataset_bytes``."""

    code = "QUANG-4209"
    status = 0x0213
