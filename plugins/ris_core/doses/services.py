"""Use cases of whoever performed an exam: count films and exposures, put a time right. One transaction each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.devices.models import ImagingService
from ris_core.doses.models import ExamCount, ExamDose, Moment, TimeCorrection
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.performed.attributes import exposure
from ris_core.performed.models import PerformedProcedureStep
from ris_core.reports.holding import clean_reason, person, refuse_unless_may
from ris_core.reports.models import ReportVersion
from ris_core.studies.models import StudyLink

MOST: Final = 9999
_ONE_BY_ONE: Final = frozenset({"CR", "DX", "DR", "MG", "PX", "IO"})
"""Modalities of which each image is an exposure."""
EARLIEST: Final = timedelta(days=366)
"""So far from what was recorded a time may be put."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Films and exposures of an exam."""

    films: int
    exposures: int
    counted: ExamCount | None
    """None: nobody has counted; these are what device, images and catalogue say."""


def counts_of(procedure: RequestedProcedure) -> Counts:
    """As a person has counted, else as the device reported, else as the images say; films else as is usual for the
    service."""
    counted = ExamCount.objects.select_related("counted_by").filter(procedure=procedure).first()
    if counted is not None:
        return Counts(counted.films, counted.exposures, counted)
    steps = PerformedProcedureStep.objects.filter(performed_for__procedure=procedure).distinct()
    reported = [exposure(step.attributes) for step in steps]
    films = sum(each.films for each in reported) or _usual_films(procedure)
    exposures = sum(int(each.exposures) for each in reported if each.exposures.isdecimal() and len(each.exposures) < 6)
    if not exposures:
        known = ExamDose.objects.filter(procedure=procedure).values_list("exposures", flat=True).first()
        exposures = known or (_images_of(procedure) if procedure.modality in _ONE_BY_ONE else 0)
    return Counts(films, exposures, None)


def _usual_films(procedure: RequestedProcedure) -> int:
    service = ImagingService.objects.filter(
        code=procedure.service_code, coding_system=procedure.service_coding_system
    )  # fmt: skip
    return service.values_list("usual_films", flat=True).first() or 0


def _images_of(procedure: RequestedProcedure) -> int:
    linked = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True)
    return linked.aggregate(images=Sum("study__instance_count"))["images"] or 0


@transaction.atomic
def set_counts(procedure_id: int, films: int, exposures: int, actor: Actor) -> ExamCount:
    """What a person has counted; counting again replaces it, the audit trail keeps both.

    :raises NotPermitted: the actor's role counts nothing
    :raises NotFound: no such exam
    :raises InvalidValue: not 0 to 9999
    """
    user_id = person(actor)
    refuse_unless_may(user_id, Function.RECORD_ACQUISITION)
    procedure = _locked(procedure_id)
    for name, number in (("films", films), ("exposures", exposures)):
        if not 0 <= number <= MOST:
            raise InvalidValue(f"a number from 0 to {MOST}", field=name)
    before = counts_of(procedure)
    count, _ = ExamCount.objects.update_or_create(
        procedure=procedure,
        defaults={"films": films, "exposures": exposures, "counted_by_id": user_id, "counted_at": timezone.now()},
    )
    record(
        actor, "exam.counted", subject=f"exam:{procedure.pk}", patient_id=procedure.patient_id, films=films,
        exposures=exposures, films_before=before.films, exposures_before=before.exposures,
    )  # fmt: skip
    announce("exam", procedure.pk)
    return count


def recorded_at(procedure: RequestedProcedure, moment: str) -> datetime | None:
    """The time as the suite has recorded it; none when it has not happened."""
    if moment == Moment.ACQUIRED:
        return procedure.images_arrived_at
    first = ReportVersion.objects.filter(reading__procedure=procedure, reading__ordinal=1).order_by("number")
    return first.values_list("approved_at", flat=True).first()


@transaction.atomic
def correct_time(procedure_id: int, moment: str, corrected_to: datetime, reason: str, actor: Actor) -> TimeCorrection:
    """Say when it really was; what was recorded stays, statistics count the correction.

    :param corrected_to: aware
    :raises NotPermitted: who performs corrects when it was performed, who approves when it was read
    :raises NotFound: no such exam, or it has not happened yet
    :raises InvalidValue: in the future, more than a year off, or no reason
    """
    user_id = person(actor)
    if moment not in Moment.values:
        raise InvalidValue("there is no such time", field="moment")
    refuse_unless_may(user_id, Function.RECORD_ACQUISITION if moment == Moment.ACQUIRED else Function.APPROVE_REPORT)
    reason = clean_reason(reason)
    procedure = _locked(procedure_id)
    recorded = recorded_at(procedure, moment)
    if recorded is None:
        raise NotFound("this has not happened yet", field="moment")
    now = timezone.now()
    if corrected_to > now or abs(corrected_to - recorded) > EARLIEST:
        raise InvalidValue("not in the future, and at most a year from what was recorded", field="corrected_to")
    correction = TimeCorrection.objects.create(
        procedure=procedure, moment=moment, recorded_at=recorded, corrected_to=corrected_to, reason=reason,
        corrected_by_id=user_id, corrected_at=now,
    )  # fmt: skip
    record(
        actor, "exam.time_corrected", subject=f"exam:{procedure.pk}", patient_id=procedure.patient_id, moment=moment,
        recorded_at=recorded.isoformat(), corrected_to=corrected_to.isoformat(), reason=reason,
    )  # fmt: skip
    announce("exam", procedure.pk)
    return correction


def _locked(procedure_id: int) -> RequestedProcedure:
    procedure = RequestedProcedure.objects.select_for_update().filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such exam", field="procedure")
    return procedure
