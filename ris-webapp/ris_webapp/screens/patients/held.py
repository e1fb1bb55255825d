"""Messages held because they would make one person of another: what was sent beside who is here."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from ris_core.accounts.models import User
from ris_core.errors import InvalidValue, QuangError
from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.intake.patient import read_patient
from ris_core.intake.senders import read_message
from ris_core.intake.services import reading_of
from ris_core.messages.models import InboundMessage, MessageState
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.rules import PatientDetails, contradiction
from ris_core.sight.errors import OutOfSight
from ris_core.sight.seeing import seen_patients
from ris_webapp.screens.patients.differences import Row, rows, values_of, values_sent

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Held:
    """One message with the person it would change."""

    message: InboundMessage
    details: PatientDetails | None
    """What it says of the patient; none when it cannot be read as one patient."""
    known: list[Patient]
    """Who has its identifiers: one who would become another person, or two who may be one."""
    compared: list[Row]
    """The known patient against what was sent, when there is one."""
    may_be_confirmed: bool
    """Only the person's details are in question: "the same person" lets it through."""


def held_messages() -> QuerySet[InboundMessage]:
    """Messages whose patient a person has to decide about, the longest waiting first."""
    return InboundMessage.objects.filter(
        state=MessageState.HELD,
        error_code=str(ErrorCode.DUPLICATE_KEY_IDENTIFIER.value),
        resolved_at__isnull=True,
        replay_of__isnull=True,
    ).order_by("received_at", "pk")


def held_count() -> int:
    """How many wait."""
    return held_messages().count()


def held_of(user: User, patient_id: int | None = None) -> list[Held]:
    """The waiting messages side by side with who is here, as far as ``user`` sees everybody whom they name; with
    ``patient_id``, those about that patient."""
    found = _seen([_side_by_side(message) for message in held_messages()[:SHOWN]], user)
    if patient_id is None:
        return found
    return [held for held in found if any(patient.pk == patient_id for patient in held.known)]


def refuse_unseen(user: User, held_id: int) -> None:
    """:raises OutOfSight: the message names somebody whom ``user`` does not see"""
    if not all(_seen([_side_by_side(message)], user) for message in InboundMessage.objects.filter(pk=held_id)):
        raise OutOfSight("the message is about a patient outside what this account sees", field="sight")


def _seen(found: list[Held], user: User) -> list[Held]:
    """A message itself tells nothing of whom it is about until it has had an effect: who has its identifiers does."""
    known = {patient.pk for held in found for patient in held.known}
    seen = set(seen_patients(Patient.objects.filter(pk__in=known), user).values_list("pk", flat=True))
    return [held for held in found if all(patient.pk in seen for patient in held.known)]


def _side_by_side(message: InboundMessage) -> Held:
    details = _details(message)
    known = _known(details) if details else []
    compared: list[Row] = []
    differs = False
    if details and len(known) == 1:
        patient = known[0]
        compared = rows(values_of(patient), values_sent(details))
        differs = bool(
            contradiction(
                details, known_name=patient.full_name, known_birth_date=patient.birth_date, known_sex=patient.sex
            )
        )
    return Held(message, details, known, compared, differs)


def _details(message: InboundMessage) -> PatientDetails | None:
    try:
        parsed = read_message(bytes(message.raw))
        pids = list(parsed.all("PID"))
        return read_patient(pids[0], reading_of(parsed), parsed.segments) if len(pids) == 1 else None
    except (InvalidValue, QuangError):
        return None


def _known(details: PatientDetails) -> list[Patient]:
    found: dict[int, Patient] = {}
    for identifier in details.identifiers:
        row = (
            PatientIdentifier.objects.filter(value=identifier.value, issuer=identifier.issuer, kind=identifier.kind)
            .select_related("patient")
            .first()
        )
        if row is not None:
            found[row.patient_id] = row.patient
    return list(found.values())
