"""Recognise the patient a message speaks of, or add them; the caller's transaction.

Whoever adds something to a patient locks them first (:func:`record_patient`, :func:`present_patient`) and so cannot
add it to one who is being merged into another meanwhile.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import IdentityConflict, InvalidValue, NotFound
from ris_core.identifiers import PatientIdentifier
from ris_core.names import folded
from ris_core.patients import models
from ris_core.patients.identifier_kinds import is_sealed_kind
from ris_core.patients.models import IDENTIFIER_PURPOSE, Patient
from ris_core.patients.rules import PatientDetails, completed_birth_date, contradiction, phone_key
from ris_core.sealing.values import findable_forms
from ris_core.statements import Param, Select, insert

_COLUMNS = (
    "id", "full_name", "dicom_name", "search_key", "birth_date", "sex", "phone", "phone_key", "address",
    "merged_into_id",
)  # fmt: skip
_SEALED = ("phone", "phone_key", "address")
"""Of these the audit tells that they changed, not what they were: it is never changed, and they are sealed anew."""
_FORMS = ("form1", "form2", "form3", "form4")
"""An identifier as it may stand in the database: under each of the sealing keys, or plainly."""

_find_by_identifier = Select(
    models.PatientIdentifier.objects.filter(
        value__in=[Param(form) for form in _FORMS], issuer=Param("issuer"), kind=Param("kind")
    )
    .order_by("id")
    .values_list(*(f"patient__{name}" for name in _COLUMNS)),
    locking=Patient,
)
_find_identifiers = Select(
    models.PatientIdentifier.objects.filter(patient_id=Param("patient_id"), retired_at__isnull=True)
    .order_by("id")
    .values_list("id", "value", "issuer", "kind", "is_primary")
)


def record_patient(
    details: PatientDetails, actor: Actor
) -> tuple[Patient, list[models.PatientIdentifier], tuple[str, ...]]:
    """The patient of ``details`` with all their identifiers, added or brought up to date, and what was changed.

    Identifiers are what recognises a person; all of a message must lead to one patient, whose name, birth date and
    sex must not contradict the message's (:func:`~ris_core.patients.rules.contradiction`). A merged patient leads to
    the survivor. Identifiers that were not known are added. What contradicts is taken over when a person has confirmed
    it (``details.confirmed``), and the audit says so.

    :raises IdentityConflict: when the identifiers are those of two patients, or of somebody else
    """
    if not details.identifiers:
        raise InvalidValue("a patient needs an identifier", field="patient_identifier")
    found: dict[int, Patient] = {}
    unknown: list[PatientIdentifier] = []
    for identifier in dict.fromkeys(details.identifiers):
        patient = find_patient(identifier)
        if patient:
            found[patient.id] = patient
        else:
            unknown.append(identifier)
    if len(found) > 1:
        raise IdentityConflict(
            "the identifiers belong to different patients here; a person has to decide whether they are one",
            field="patient_identifier",
        )
    if not found:
        return (*_add(details), ())
    (patient,) = found.values()
    difference = contradiction(
        details, known_name=patient.full_name, known_birth_date=patient.birth_date, known_sex=patient.sex
    )
    if difference and details.confirmed:
        record(
            actor,
            "patient.identity_confirmed",
            subject=f"patient:{patient.id}",
            patient_id=patient.id,
            contradiction=difference.name,
        )
    elif difference:
        raise IdentityConflict(
            f"the identifier belongs to a patient with {difference}; correct it at the sender, or correct the "
            "patient's data first",
            field="patient_identifier",
        )
    changed = correct_patient(patient, details, actor)
    return patient, _learn_identifiers(patient, unknown), changed


def expect_patient(details: PatientDetails) -> None:
    """Send ahead what :func:`record_patient` reads first (:meth:`~ris_core.statements.Select.expect`)."""
    for identifier in details.identifiers:
        _find_by_identifier.expect(**_looked_up(identifier))


def find_patient(identifier: PatientIdentifier) -> Patient | None:
    """Who has this identifier (also one that is no longer used), locked; of a merged patient the survivor."""
    row = _find_by_identifier.row(**_looked_up(identifier))
    return _survivor(Patient(**dict(zip(_COLUMNS, row, strict=True)))) if row else None


def _looked_up(identifier: PatientIdentifier) -> dict[str, str]:
    forms = [identifier.value]
    if is_sealed_kind(identifier.kind):
        forms = findable_forms(identifier.value, IDENTIFIER_PURPOSE) + forms
    forms += forms[:1] * (len(_FORMS) - len(forms))
    return {**dict(zip(_FORMS, forms, strict=True)), "issuer": identifier.issuer, "kind": identifier.kind}


def present_patient(patient_id: int) -> Patient:
    """The patient with this key, locked, or whom they were merged into.

    :raises NotFound: no such patient
    """
    found = Patient.objects.select_for_update(no_key=True).filter(pk=patient_id).first()
    if found is None:
        raise NotFound("there is no such patient", field="patient")
    return _survivor(found)


def correct_patient(
    patient: Patient, details: PatientDetails, actor: Actor, *, reason: str = "", exactly: bool = False
) -> tuple[str, ...]:
    """Take over what ``details`` correct of a locked patient; the names of the fields that changed.

    Nothing is cleared but what they say to delete; identifiers are not touched. The audit keeps the old values.

    :param exactly: a birth date that tells less of the same date is taken over too, not for want of knowledge
    """
    birth_date = details.birth_date or ""
    wanted = {
        "full_name": details.full_name,
        "dicom_name": details.dicom_name,
        "search_key": folded(details.full_name),
        "birth_date": birth_date if exactly else completed_birth_date(patient.birth_date, birth_date),
        "sex": patient.sex if details.sex is None else details.sex,
        "phone": patient.phone if details.phone is None else details.phone,
        "phone_key": patient.phone_key if details.phone is None else phone_key(details.phone),
        "address": patient.address if details.address is None else details.address,
    }
    before = {name: getattr(patient, name) for name, value in wanted.items() if getattr(patient, name) != value}
    if before:
        changes = {name: wanted[name] for name in before}
        for name, value in changes.items():
            setattr(patient, name, value)
        Patient.objects.filter(id=patient.id).update(**changes, updated_at=timezone.now())
        told = {name: value for name, value in before.items() if name not in _SEALED}
        details_told: dict[str, Any] = {"before": told, "reason": reason[:255]} if reason else {"before": told}
        if sealed := [name for name in before if name in _SEALED and name != "phone_key"]:
            details_told["changed"] = sealed
        record(actor, "patient.updated", subject=f"patient:{patient.id}", patient_id=patient.id, **details_told)
    return tuple(name for name in before if name != "phone_key")


def identifiers_of(patient_id: int) -> list[models.PatientIdentifier]:
    """Every identifier of a patient that is in use, in the order in which they became known."""
    return [
        models.PatientIdentifier(id=key, patient_id=patient_id, value=value, issuer=issuer, kind=kind, is_primary=first)
        for key, value, issuer, kind, first in _find_identifiers.rows(patient_id=patient_id)
    ]


def _survivor(patient: Patient) -> Patient:
    while patient.merged_into_id is not None:
        patient = Patient.objects.select_for_update(no_key=True).get(id=patient.merged_into_id)
    return patient


def _add(details: PatientDetails) -> tuple[Patient, list[models.PatientIdentifier]]:
    patient = Patient(
        full_name=details.full_name,
        dicom_name=details.dicom_name,
        search_key=folded(details.full_name),
        birth_date=details.birth_date or "",
        sex=details.sex or "",
        phone=details.phone or "",
        phone_key=phone_key(details.phone or ""),
        address=details.address or "",
    )
    insert(patient)
    identifiers = [
        _add_identifier(patient, identifier, is_primary=place == 0)
        for place, identifier in enumerate(dict.fromkeys(details.identifiers))
    ]
    return patient, identifiers


def _add_identifier(patient: Patient, identifier: PatientIdentifier, *, is_primary: bool) -> models.PatientIdentifier:
    row = models.PatientIdentifier(
        patient_id=patient.id,
        value=identifier.value,
        issuer=identifier.issuer,
        kind=identifier.kind,
        is_primary=is_primary,
    )
    insert(row)
    return row


def _learn_identifiers(patient: Patient, unknown: list[PatientIdentifier]) -> list[models.PatientIdentifier]:
    """All of a patient's identifiers, with those that nobody had."""
    known = identifiers_of(patient.id)
    return [*known, *(_add_identifier(patient, identifier, is_primary=False) for identifier in unknown)]
