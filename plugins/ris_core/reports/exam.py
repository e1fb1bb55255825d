"""What the printed report and the result's message both tell of an exam: its studies, its time, its viewer link."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone

from ris_core.access.signing import Keyring
from ris_core.access.tokens import MAXIMUM_STUDIES, ResultLink, issue_result_link
from ris_core.identifiers import StudyInstanceUID
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.definition import ExamFacts
from ris_core.reports.models import ReportVersion
from ris_core.settings import Settings
from ris_core.studies.models import StudyLink


def linked_study_uids(procedure: RequestedProcedure) -> tuple[str, ...]:
    """The studies that are linked to an exam now, oldest link first; at most as many as one viewer link can open."""
    links = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).order_by("linked_at", "pk")
    uids = dict.fromkeys(links.values_list("study__study_instance_uid", flat=True))
    return tuple(uids)[:MAXIMUM_STUDIES]


def viewer_url(
    procedure: RequestedProcedure,
    version: ReportVersion,
    study_uids: tuple[str, ...],
    receiver_code: str,
    expires_at: datetime,
    settings: Settings,
) -> str:
    """The signed link that opens exactly these studies until ``expires_at``; empty when there are none."""
    if not study_uids:
        return ""
    link = ResultLink(
        receiver=receiver_code,
        procedure_id=procedure.pk,
        version_number=version.number,
        study_uids=frozenset(map(StudyInstanceUID, study_uids)),
        expires_at=expires_at,
        patient_id=procedure.patient_id,
    )
    return f"{settings.public_url.rstrip('/')}/open/{issue_result_link(Keyring.from_settings(settings), link)}"


def printed_viewer_url(version: ReportVersion, settings: Settings) -> str:
    """The link in the QR code of the printed report; its time runs from the approval, so that it is always the same."""
    expires_at = version.approved_at + timedelta(hours=settings.access.result_link_hours)
    procedure = version.reading.procedure
    return viewer_url(procedure, version, linked_study_uids(procedure), "print", expires_at, settings)


def observed_at(procedure: RequestedProcedure) -> datetime:
    """When the exam was made, as well as it is known: the device's start, else the images' arrival, else the plan."""
    started = procedure.steps.filter(started_at__isnull=False).order_by("started_at").first()
    return (started.started_at if started else None) or procedure.images_arrived_at or procedure.scheduled_at


def facts_of(procedure: RequestedProcedure) -> ExamFacts:
    """What a template's conditions are decided by; the age in completed years at the exam."""
    patient, on = procedure.patient, timezone.localdate(observed_at(procedure))
    return ExamFacts(
        sex=patient.sex,
        age_years=completed_years(patient.birth_date, on),
        service_code=procedure.service_code,
        modality=procedure.modality,
    )


def completed_years(birth_date: str, on: date) -> int | None:
    """The age on a day from a birth date of 4, 6 or 8 digits; none when it has none. A year alone counts as a birthday
    at its end, a month alone likewise: somebody of whom only the year is known is taken for the younger."""
    if not birth_date.isdigit() or len(birth_date) not in (4, 6, 8):
        return None
    year, month, day = int(birth_date[:4]), int(birth_date[4:6] or 12), int(birth_date[6:8] or 31)
    years = on.year - year - ((on.month, on.day) < (month, day))
    return max(years, 0)
