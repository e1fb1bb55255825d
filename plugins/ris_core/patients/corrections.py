"""A person corrects who a patient is."""

from __future__ import annotations

from django.db import transaction

from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue
from ris_core.hl7.timestamps import read_date
from ris_core.names import dicom_person_name
from ris_core.patients.consequences import details_changed
from ris_core.patients.models import Sex
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import correct_patient, identifiers_of, present_patient


@transaction.atomic
def edit_patient(
    patient_id: int,
    actor: Actor,
    *,
    full_name: str,
    birth_date: str,
    sex: str,
    phone: str = "",
    address: str = "",
    reason: str,
) -> tuple[str, ...]:
    """The patient is called, was born and is reached as given; the names of the fields that changed.

    Devices, stored images and readers learn of it. The first word of a Vietnamese name is the family name.

    :param birth_date: ``YYYY``, ``YYYYMM``, ``YYYYMMDD`` or empty
    :raises NotFound: no such patient
    :raises InvalidValue: naming the field: a name, a reason or a real date is missing, or the name is too long for
        devices
    """
    family, _, given = " ".join(full_name.split()).partition(" ")
    dicom_name = dicom_person_name(family, given)
    if not dicom_name or len(dicom_name) > 64:
        raise InvalidValue("a name has 1 to 64 characters", field="full_name")
    if birth_date:
        try:
            birth_date = read_date(birth_date)
        except InvalidValue as error:
            raise InvalidValue(error.detail, field="birth_date") from error
    if sex not in Sex.values:
        raise InvalidValue("sex is M, F, O or empty", field="sex")
    if not reason.strip():
        raise InvalidValue("say why it is corrected", field="reason")
    patient = present_patient(patient_id)
    details = PatientDetails(
        identifiers=(),
        full_name=f"{family} {given}".strip(),
        dicom_name=dicom_name,
        birth_date=birth_date,
        sex=sex,
        phone=phone.strip()[:64],
        address=address.strip()[:255],
    )
    changed = correct_patient(patient, details, actor, reason=reason.strip(), exactly=True)
    if changed:
        details_changed(patient, identifiers_of(patient.pk), changed)
    return changed
