"""PID and PV1: the patient and the visit of an order."""

from __future__ import annotations

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.hl7.er7 import NULL, Segment
from ris_core.hl7.timestamps import read_date
from ris_core.identifiers import PatientIdentifier
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded, missing, refused
from ris_core.names import dicom_person_name
from ris_core.orders.rules import VisitDetails
from ris_core.patients.rules import PatientDetails

_MEDICAL_RECORD_KINDS = frozenset({"", "MR", "PI", "PT", "PN", "U"})
"""PID-3.5 of the hospital's own number: senders call it now this, now that (HL7 table 0203)."""

_NATIONAL_KINDS = frozenset({"NI", "HC"})
"""Citizen identity card (CCCD) and health insurance card (BHYT): known by the country, not by the sender."""

_SEX = {
    "M": "M", "F": "F", "O": "O", "A": "O", "U": "", "N": "", "": "",
    "NAM": "M", "NỮ": "F", "NU": "F", "MALE": "M", "FEMALE": "F",
}  # fmt: skip

_PATIENT_CLASS = {"E": "E", "I": "I", "O": "O", "B": "I", "P": "O", "R": "O"}

_LONGEST_NAME = 64


def read_identifiers(pid: Segment, reading: Reading) -> tuple[PatientIdentifier, ...]:
    """PID-3, every repetition; the first that is a medical record number comes first.

    An identifier without an assigning authority is one of the sender's facility.

    :raises MessageRefused: 102 when one is too long or has characters that DICOM cannot hold
    """
    found: dict[PatientIdentifier, None] = {}
    for repetition in pid.repetitions(3):
        parts = [*pid.components(repetition), *[""] * 5]
        value, kind = parts[0].strip('"'), parts[4].upper()
        if not value:
            continue
        kind = "MR" if kind in _MEDICAL_RECORD_KINDS else kind[:16]
        authority = [part for part in pid.subcomponents(repetition, 4) if part]
        issuer = authority[0] if authority else ("VN" if kind in _NATIONAL_KINDS else reading.facility)
        try:
            found[PatientIdentifier(value, issuer[:64], kind)] = None
        except InvalidValue as error:
            raise refused(error.detail, ErrorCode.DATA_TYPE_ERROR, pid, 3) from error
    return tuple(sorted(found, key=lambda identifier: identifier.kind != "MR"))


def read_patient(pid: Segment, reading: Reading) -> PatientDetails:
    """The patient of a message.

    :raises MessageRefused: 101 without PID-3 or PID-5; 102, 103 for values that cannot be
    """
    identifiers = read_identifiers(pid, reading)
    if not identifiers:
        raise missing("the patient identifier", pid, 3)
    full_name, dicom_name = _name(pid)
    return PatientDetails(
        identifiers=identifiers,
        full_name=full_name,
        dicom_name=dicom_name,
        birth_date=_birth_date(pid),
        sex=_sex(pid),
        phone=_cut(pid.given(13), 64),
        address=_address(pid),
    )


def read_visit(pv1: Segment | None, reading: Reading) -> VisitDetails | None:
    """PV1 when it names a visit (PV1-19)."""
    number = bounded(pv1, 19, 64) if pv1 else ""
    if pv1 is None or not number:
        return None
    location = pv1.repetitions(3)
    ward = "-".join(part for part in pv1.components(location[0])[:3] if part)[:128] if location else None
    return VisitDetails(
        visit_number=number,
        issuer=(pv1.value(19, 4) or reading.facility)[:64],
        patient_class=_PATIENT_CLASS.get(pv1.value(2).upper(), ""),
        ward="" if pv1.raw(3) == NULL else ward,
    )


def _name(pid: Segment) -> tuple[str, str]:
    """The legal name (PID-5.7 ``L``), else the first, as it is read and as PN.

    A Vietnamese name comes as family, given and middle name, with the middle name before the given one in PID-5.2,
    or as a whole in PID-5.1; its family name is the first word.
    """
    names = [[*pid.components(repetition), *[""] * 7] for repetition in pid.repetitions(5) if repetition != NULL]
    if not names:
        raise missing("the patient's name", pid, 5)
    parts = next((name for name in names if name[6] == "L"), names[0])
    family, given, middle = (" ".join(part.strip('"').split()) for part in parts[:3])
    if family and not (given or middle):
        family, _, given = family.partition(" ")
    full_name = " ".join(part for part in (family, middle, given) if part)
    dicom_name = dicom_person_name(family, given, middle)
    if not full_name or not dicom_name:
        raise missing("the patient's name", pid, 5)
    if len(dicom_name) > _LONGEST_NAME:
        raise refused(
            f"the name is longer than {_LONGEST_NAME} characters, devices cannot hold it",
            ErrorCode.DATA_TYPE_ERROR, pid, 5,
        )  # fmt: skip
    return full_name, dicom_name


def _birth_date(pid: Segment) -> str | None:
    sent = pid.given(7)
    if not sent:
        return sent
    try:
        return read_date(sent)
    except InvalidValue as error:
        raise refused(error.detail, ErrorCode.DATA_TYPE_ERROR, pid, 7) from error


def _sex(pid: Segment) -> str | None:
    sent = pid.given(8)
    if sent is None:
        return None
    if sent.upper() not in _SEX:
        raise refused(
            f"{sent[:16]!r} is not in HL7 table 0001; send M, F, O, A, U or N", ErrorCode.TABLE_VALUE_NOT_FOUND, pid, 8
        )
    return _SEX[sent.upper()]


def _address(pid: Segment) -> str | None:
    if pid.raw(11) == NULL:
        return ""
    repetitions = pid.repetitions(11)
    if not repetitions:
        return None
    return ", ".join(part for part in pid.components(repetitions[0])[:5] if part)[:255]


def _cut(text: str | None, limit: int) -> str | None:
    return text if text is None else text[:limit]
