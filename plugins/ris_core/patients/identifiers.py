"""Give a patient an identifier, retire one, exchange one for another; each one transaction."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import PatientIdentifier as Identifier
from ris_core.patients.belongings import have_a_primary
from ris_core.patients.consequences import identifiers_changed
from ris_core.patients.errors import IdentifierTaken, UnknownPatient
from ris_core.patients.models import PatientIdentifier
from ris_core.patients.services import find_patient, identifiers_of, present_patient


@transaction.atomic
def add_identifier(patient_id: int, identifier: Identifier, actor: Actor) -> PatientIdentifier:
    """``identifier`` recognises the patient from now on. One that a patient was given by mistake and that is retired
    there may be given to the right one. The same again changes nothing.

    :raises NotFound: no such patient
    :raises IdentifierTaken: another patient has it
    """
    patient = present_patient(patient_id)
    row = _row(identifier)
    if row is None:
        row = PatientIdentifier.objects.create(
            patient=patient, value=identifier.value, issuer=identifier.issuer, kind=identifier.kind
        )
    elif row.patient_id == patient.pk and row.retired_at is None:
        return row
    elif row.patient_id != patient.pk and row.retired_at is None:
        raise IdentifierTaken("another patient has this identifier; merge the two if they are one", field="identifier")
    else:
        giver = row.patient_id
        row.patient, row.retired_at = patient, None
        row.save(update_fields=["patient", "retired_at"])
        if giver != patient.pk:
            record(actor, "patient.identifier_given_away", subject=f"identifier:{row.pk}", patient_id=giver)
    have_a_primary(patient.pk, row.pk)
    record(actor, "patient.identifier_added", subject=f"identifier:{row.pk}", patient_id=patient.pk, kind=row.kind)
    identifiers_changed(patient.pk)
    return row


@transaction.atomic
def retire_identifier(identifier_id: int, actor: Actor, *, reason: str) -> None:
    """An identifier is no longer sent to anybody; what comes under it late is still recognised.

    :raises NotFound: no such identifier
    :raises InvalidValue: no reason given, or it is the patient's only one
    """
    if not reason.strip():
        raise InvalidValue("say why the identifier is retired", field="reason")
    found = PatientIdentifier.objects.filter(pk=identifier_id).first()
    if found is None:
        raise NotFound("there is no such identifier", field="identifier")
    patient = present_patient(found.patient_id)
    found.refresh_from_db()
    if found.retired_at is None:
        _retire(found, actor, reason)
        identifiers_changed(patient.pk)


@transaction.atomic
def prefer_identifier(identifier: Identifier, actor: Actor) -> None:
    """Devices are told this identifier from now on.

    :raises UnknownPatient: nobody has it
    """
    patient = find_patient(identifier)
    row = _row(identifier)
    if patient is None or row is None:
        raise UnknownPatient("no patient has this identifier", field="patient_identifier")
    if row.is_primary:
        return
    PatientIdentifier.objects.filter(patient_id=patient.pk, is_primary=True).update(is_primary=False)
    PatientIdentifier.objects.filter(pk=row.pk).update(is_primary=True, retired_at=None)
    record(actor, "patient.identifier_preferred", subject=f"identifier:{row.pk}", patient_id=patient.pk)
    identifiers_changed(patient.pk, shown=True)


@transaction.atomic
def exchange_identifier(prior: Identifier, new: Identifier, actor: Actor) -> None:
    """The patient of ``prior`` is known as ``new`` from now on (HL7 A47); the same again changes nothing.

    :raises UnknownPatient: nobody has ``prior``
    :raises IdentifierTaken: another patient has ``new``: whether the two are one, a person decides
    """
    patient = find_patient(prior)
    old = _row(prior)
    if patient is None or old is None:
        raise UnknownPatient("no patient has the prior identifier", field="prior_identifier")
    holder = find_patient(new)
    if holder is not None and holder.pk != patient.pk:  # also one that is retired there: a person may give it away
        raise IdentifierTaken("another patient has, or had, the new identifier", field="identifier")
    was_primary = old.is_primary
    add_identifier(patient.pk, new, actor)
    if was_primary:
        prefer_identifier(new, actor)
        old.refresh_from_db()
    if old.retired_at is None and prior != new:
        _retire(old, actor, "exchanged for another")
        identifiers_changed(patient.pk)


def _retire(row: PatientIdentifier, actor: Actor, reason: str) -> None:
    if len(identifiers_of(row.patient_id)) < 2:
        raise InvalidValue("a patient needs an identifier; add the right one first", field="identifier")
    PatientIdentifier.objects.filter(pk=row.pk).update(retired_at=timezone.now(), is_primary=False)
    have_a_primary(row.patient_id)
    record(
        actor,
        "patient.identifier_retired",
        subject=f"identifier:{row.pk}",
        patient_id=row.patient_id,
        reason=reason.strip()[:255],
    )


def _row(identifier: Identifier) -> PatientIdentifier | None:
    return PatientIdentifier.objects.filter(
        value=identifier.value, issuer=identifier.issuer, kind=identifier.kind
    ).first()
