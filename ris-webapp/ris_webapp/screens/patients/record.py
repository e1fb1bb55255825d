"""Everything about one patient that the page shows, loaded by a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.errors import NotFound
from ris_core.notices.services import open_notices
from ris_core.orders.models import RequestedProcedure, Visit
from ris_core.patients.identifier_kinds import Bearer, Oddity, oddities
from ris_core.patients.links import links_of
from ris_core.patients.models import Patient, PatientIdentifier, PatientMerge
from ris_core.patients.survivors import merges_into
from ris_core.sight.errors import OutOfSight
from ris_core.sight.models import ConfidentialPatient
from ris_core.sight.seeing import sees_patient
from ris_webapp.screens.notices.sentences import ShownNotice, shown
from ris_webapp.screens.worklist.exams import ExamRow, rows_of

MOST_EXAMS = 100
MOST_VISITS = 50
MOST_EVENTS = 60


@dataclass(frozen=True, slots=True)
class ShownIdentifier:
    """An identifier with what is odd about it."""

    row: PatientIdentifier
    odd: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """A change of identity, with the values before it as people read them."""

    event: AuditEvent
    before: list[tuple[str, str]]
    reason: str


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """One patient with what belongs to them."""

    patient: Patient
    confidential: bool
    """Only those see them who have the function, who read an exam of theirs, or who open them in an emergency."""
    identifiers: list[ShownIdentifier]
    visits: list[Visit]
    exams: list[ExamRow]
    merges: list[PatientMerge]
    """Records merged into this one, however indirectly."""
    merged_by: PatientMerge | None
    """The merge by which this record went into another; none for a patient."""
    linked: list[Patient]
    notices: list[ShownNotice]
    events: list[ShownEvent]

    @property
    def primary(self) -> str:
        return next((each.row.value for each in self.identifiers if each.row.is_primary), "")


def patient_or_refuse(patient_id: int) -> Patient:
    """:raises NotFound: no such patient"""
    found = Patient.objects.select_related("merged_into").filter(pk=patient_id).first()
    if found is None:
        raise NotFound("there is no such patient", field="patient")
    return found


def second_patient(patient_id: int, user: User) -> Patient:
    """One who is named beside the patient of the address, and so has not been asked about at its door.

    :raises NotFound: no such patient
    :raises OutOfSight: hidden from the user
    """
    found = patient_or_refuse(patient_id)
    if not sees_patient(user, found.pk):
        raise OutOfSight("outside what this account sees", field="sight")
    return found


def record_of(patient: Patient) -> PatientRecord:
    """The whole record of ``patient``."""
    exams = RequestedProcedure.objects.filter(patient=patient).order_by("-scheduled_at", "-pk")
    merges = merges_into(patient.pk)
    links = links_of(patient.pk)
    return PatientRecord(
        patient=patient,
        confidential=ConfidentialPatient.objects.filter(patient=patient).exists(),
        identifiers=shown_identifiers(patient),
        visits=list(Visit.objects.filter(patient=patient).order_by("-pk")[:MOST_VISITS]),
        exams=rows_of(list(exams.values_list("pk", flat=True)[:MOST_EXAMS])),
        merges=merges,
        merged_by=PatientMerge.objects.filter(merged=patient, undone_at__isnull=True)
        .select_related("survivor")
        .first(),
        linked=[link.second if link.first_id == patient.pk else link.first for link in links],
        notices=shown(open_notices(patient_ids=[patient.pk])),
        events=_events([patient.pk, *(merge.merged_id for merge in merges)]),
    )


def shown_identifiers(patient: Patient) -> list[ShownIdentifier]:
    """Every identifier, retired ones last."""
    rows = list(patient.identifiers.order_by("-is_primary", "kind", "pk"))
    bearer = Bearer(patient.birth_date, patient.sex)
    rows.sort(key=lambda row: row.retired_at is not None)
    return [ShownIdentifier(row, oddities(row.kind, row.value, bearer)) for row in rows]


def _events(patient_ids: list[int]) -> list[ShownEvent]:
    """What was done to the identity of these records; who only looked is in the audit trail, not here."""
    identity = Q(action__startswith="patient.") | Q(action__startswith="visit.") | Q(action="notice.acknowledged")
    events = AuditEvent.objects.filter(identity, patient_id__in=patient_ids).exclude(action="patient.viewed")
    return [
        ShownEvent(event, _before(event.details), event.reason)
        for event in events.select_related("user").order_by("-at", "-pk")[:MOST_EVENTS]
    ]


def _before(details: dict[str, Any]) -> list[tuple[str, str]]:
    before = details.get("before")
    if not isinstance(before, dict):
        return []
    return [(name, str(value)) for name, value in before.items() if name not in ("dicom_name", "search_key")]
