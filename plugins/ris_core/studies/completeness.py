"""The gate before an exam is ready to read: what devices say they made is compared with what has arrived.

The worker's job ``check_images``: asks the engine first, then one transaction. The decision itself is
:func:`ris_core.performed.rules.readiness`. An exam for which no device reports anything never comes here: its studies'
stability decides (:func:`ris_core.studies.effects.images_are_complete`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.jobs.services import enqueue
from ris_core.performed.models import ImageCheck, PerformedProcedureStep, PerformedStatus
from ris_core.performed.rules import READY, PerformedSeries, Readiness, Reported, readiness
from ris_core.studies import effects
from ris_core.studies.links import locked_procedure
from ris_core.studies.models import Study

WORKER = Actor("worker")


def run_check_images(subject_id: str) -> None:
    """The job ``check_images``; its subject is the requested procedure."""
    procedure_id = int(subject_id)
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        check_images(engine, procedure_id, timezone.now())


def check_images(engine: Engine, procedure_id: int, now: datetime) -> None:
    """Compare, and let the exam be read if everything is here or has been waited for long enough."""
    arrived: set[str] = set()
    for study in _studies_that_count(procedure_id):
        try:
            arrived.update(stored.sop_instance_uid for stored in engine.stored_objects(study.orthanc_id))
        except NotInEngine:
            continue
    with transaction.atomic():
        _note(procedure_id, arrived, now)


def _note(procedure_id: int, arrived: set[str], now: datetime) -> None:
    procedure = locked_procedure(procedure_id)
    performed = _performed(procedure_id)
    studies = list(Study.objects.filter(links__procedure=procedure, links__undone_at__isnull=True))
    waited_from = max(
        [*(study.last_received_at for study in studies), *(step.finished_at or step.created_at for step in performed)],
        default=now,
    )
    until = waited_from + timedelta(minutes=settings.QUANG.mpps.wait_for_images_minutes)
    found, missing = readiness(
        [
            Reported(
                finished=step.status != PerformedStatus.IN_PROGRESS,
                series=tuple(PerformedSeries.from_json(stored) for stored in step.series),
            )
            for step in performed
        ],
        has_images=bool(studies),
        stable=not effects.still_receiving(procedure).exists(),
        arrived=arrived,
        overdue=now >= until,
    )
    before = ImageCheck.objects.filter(procedure=procedure).values_list("readiness", flat=True).first()
    ImageCheck.objects.update_or_create(
        procedure=procedure,
        defaults={"readiness": found, "missing": [series.as_json() for series in missing], "checked_at": now},
    )
    if found != before:
        record(
            WORKER,
            "exam.images_checked",
            subject=f"procedure:{procedure_id}",
            patient_id=procedure.patient_id,
            success=found is not Readiness.OVERDUE,
            readiness=str(found),
            missing_series=len(missing),
        )
        announce("exam", procedure_id)
    if found is Readiness.OVERDUE:
        effects.device_is_waited_for_no_longer(procedure, now)
    if found in READY:
        effects.exam_is_ready(procedure)
    elif found in (Readiness.INCOMPLETE, Readiness.DEVICE_WORKING):
        enqueue("check_images", procedure_id, run_at=until)


def _performed(procedure_id: int) -> list[PerformedProcedureStep]:
    steps = PerformedProcedureStep.objects.filter(performed_for__procedure_id=procedure_id)
    return list(steps.order_by("pk").distinct())


def _studies_that_count(procedure_id: int) -> QuerySet[Study]:
    """Those of every procedure that the same device's work fulfils: it may have put its series into any of them."""
    together = PerformedProcedureStep.objects.filter(performed_for__procedure_id=procedure_id)
    studies = Study.objects.filter(
        links__procedure__performed_for__performed__in=together,
        links__undone_at__isnull=True,
        gone_from_engine_at__isnull=True,
    )
    return Study.objects.filter(pk__in=studies.values("pk")).order_by("pk")
