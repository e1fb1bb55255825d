"""PID and PV1: the patient and the visit of an order."""

from __future__ import annotations

from collections.abc import Sequence

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.hl7.er7 import NULL, Segment
from ris_core.hl7.timestamps import read_date
from ris_core.identifiers import PatientIdentifier
from ris_core.intake.places import Place, Places, Segments
from ris_core.intake.profile import IdentifierPlace, PatientPlaces, Profile
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded_at, missing_at, refused, refused_here
from ris_core.names import dicom_person_name
from ris_core.orders.models import PaymentState
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


def read_identifiers(pid: Segment, reading: Reading, others: Sequence[Segment] = ()) -> tuple[PatientIdentifier, ...]:
    """Every repetition of every field with identifiers; the first that is a medical record number comes first.

    An identifier without an assigning authority is one of the profile's default issuer, or of the sender's facility.

    :param others: the message's segments, for a sender that has identifiers elsewhere than in PID
    :raises MessageRefused: 102 when one is too long or has characters that DICOM cannot hold
    """
    found: dict[PatientIdentifier, None] = {}
    for source in reading.profile.patient.identifiers:
        place = source.place
        for segment in (pid, *others) if place.segment != "PID" else (pid,):
            if not place.is_in(segment):
                continue
            for repetition in segment.repetitions(place.field):
                identifier = read_identifier(source, segment, repetition, reading)
                if identifier:
                    found[identifier] = None
    return tuple(sorted(found, key=lambda identifier: identifier.kind != "MR"))


def read_identifier(
    source: IdentifierPlace, segment: Segment, repetition: str, reading: Reading
) -> PatientIdentifier | None:
    """One repetition of a field with identifiers; none when it is empty.

    :raises MessageRefused: 102 as :func:`read_identifiers`
    """
    profile = reading.profile
    parts = [*segment.components(repetition), *[""] * 5]
    value = parts[max(source.place.component - 1, 0)].strip('"')
    if not value:
        return None
    word = (source.kind or parts[4]).upper()
    kind = profile.words.identifier_kinds.get(word) or ("MR" if word in _MEDICAL_RECORD_KINDS else word[:16])
    authority = next((part for part in segment.subcomponents(repetition, 4) if part), "")
    issuer = (
        source.issuer
        or profile.words.issuers.get(authority.upper(), authority)
        or ("VN" if kind in _NATIONAL_KINDS else profile.patient.default_issuer or reading.facility)
    )
    try:
        return PatientIdentifier(value, issuer[:64], kind)
    except InvalidValue as error:
        raise refused(error.detail, ErrorCode.DATA_TYPE_ERROR, segment, source.place.field) from error


def read_patient(pid: Segment, reading: Reading, others: Sequence[Segment] = ()) -> PatientDetails:
    """The patient of a message.

    :param others: as of :func:`read_identifiers`
    :raises MessageRefused: 101 without PID-3 or PID-5; 102, 103 for values that cannot be
    """
    places = reading.profile.patient
    segments = Segments((pid, *others))
    identifiers = read_identifiers(pid, reading, others)
    if not identifiers:
        raise missing_at("the patient identifier", tuple(source.place for source in places.identifiers), segments)
    full_name, dicom_name = _name(segments, places)
    address = segments.saying(places.address)
    return PatientDetails(
        identifiers=identifiers,
        full_name=full_name,
        dicom_name=dicom_name,
        birth_date=_birth_date(segments, places.birth_date),
        sex=_sex(segments, reading.profile),
        phone=_cut(_given(segments, places.phone), 64),
        address=_address(*address) if address else None,
        confirmed=reading.identity_confirmed,
    )


def read_visit(pv1: Segment | None, reading: Reading, others: Sequence[Segment] = ()) -> VisitDetails | None:
    """The visit when the message names one (PV1-19, or where the sender has its number).

    :param others: as of :func:`read_identifiers`
    """
    profile = reading.profile
    segments = Segments((pv1, *others) if pv1 else others)
    places = profile.visit
    found = segments.find(places.visit_number)
    if found is None:
        return None
    number = bounded_at(found, 64)
    issuer = "" if found.place.component else found.segment.value(found.place.field, 4)
    issuer = profile.words.issuers.get(issuer.upper(), issuer) or profile.patient.default_issuer or reading.facility
    class_word = segments.value(places.patient_class).upper()
    ward = segments.saying(places.ward)
    payment_word = segments.value(places.payment_state).upper() if places.payment_state else ""
    return VisitDetails(
        visit_number=number,
        issuer=issuer[:64],
        patient_class=profile.words.patient_classes.get(class_word, _PATIENT_CLASS.get(class_word, "")),
        ward=_ward(*ward) if ward else None,
        payment_state=profile.words.payment_states.get(
            payment_word, payment_word if payment_word in PaymentState.values else ""
        ),
    )


def _ward(place: Place, segment: Segment) -> str | None:
    """Point of care, room and bed (PL) as one text."""
    if segment.raw(place.field) == NULL:
        return ""
    if place.component:
        return place.value_in(segment)[:128] or None
    location = segment.repetitions(place.field)
    return "-".join(part for part in segment.components(location[0])[:3] if part)[:128] if location else None


def _name(segments: Segments, places: PatientPlaces) -> tuple[str, str]:
    """The legal name (PID-5.7 ``L``), else the first, as it is read and as PN.

    A Vietnamese name comes as family, given and middle name, with the middle name before the given one in PID-5.2,
    or as a whole in PID-5.1; its family name is the first word.
    """
    family, given, middle = _name_parts(segments, places)
    if places.name_order == "family_last":
        given, _, family = " ".join(part for part in (family, given, middle) if part).rpartition(" ")
        middle = ""
    elif places.name_order == "family_first" or (family and not (given or middle)):
        family, _, given = " ".join(part for part in (family, given, middle) if part).partition(" ")
        middle = ""
    full_name = " ".join(part for part in (family, middle, given) if part)
    dicom_name = dicom_person_name(family, given, middle)
    if not full_name or not dicom_name:
        raise missing_at("the patient's name", places.name, segments)
    if len(dicom_name) > _LONGEST_NAME:
        raise refused_here(
            f"the name is longer than {_LONGEST_NAME} characters, devices cannot hold it",
            ErrorCode.DATA_TYPE_ERROR, places.name, segments,
        )  # fmt: skip
    return full_name, dicom_name


def _name_parts(segments: Segments, places: PatientPlaces) -> tuple[str, str, str]:
    """Family, given and middle name as they were sent."""
    said = segments.saying(places.name)
    if said is None:
        return "", "", ""
    place, segment = said
    if place.component:
        return " ".join(place.value_in(segment).split()), "", ""
    repetitions = [one for one in segment.repetitions(place.field) if one != NULL]
    names = [[*segment.components(repetition), *[""] * 7] for repetition in repetitions]
    parts = next((name for name in names if name[6] == "L"), names[0] if names else [""] * 3)
    family, given, middle = (" ".join(part.strip('"').split()) for part in parts[:3])
    return family, given, middle


def _given(segments: Segments, places: Places) -> str | None:
    """The text at the first place that says anything; empty when it says "delete"."""
    said = segments.saying(places)
    if said is None:
        return None
    place, segment = said
    text = place.value_in(segment)
    return text if text or segment.raw(place.field) == NULL else None


def _birth_date(segments: Segments, places: Places) -> str | None:
    sent = _given(segments, places)
    if not sent:
        return sent
    try:
        return read_date(sent)
    except InvalidValue as error:
        raise refused_here(error.detail, ErrorCode.DATA_TYPE_ERROR, places, segments) from error


def _sex(segments: Segments, profile: Profile) -> str | None:
    places = profile.patient.sex
    sent = _given(segments, places)
    if sent is None:
        return None
    word = sent.upper()
    sex = profile.words.sexes.get(word, _SEX.get(word))
    if sex is None:
        raise refused_here(
            f"{sent[:16]!r} is not in HL7 table 0001; send M, F, O, A, U or N",
            ErrorCode.TABLE_VALUE_NOT_FOUND, places, segments,
        )  # fmt: skip
    return sex


def _address(place: Place, segment: Segment) -> str | None:
    if segment.raw(place.field) == NULL:
        return ""
    if place.component:
        return place.value_in(segment)[:255] or None
    repetitions = segment.repetitions(place.field)
    if not repetitions:
        return None
    return ", ".join(part for part in segment.components(repetitions[0])[:5] if part)[:255]


def _cut(text: str | None, limit: int) -> str | None:
    return text if text is None else text[:limit]
