"""Target times: as they are, changed by administrators; exams that have waited longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.exam_lists.models import ReadingTarget
from ris_core.exam_lists.rules import Target, target_minutes
from ris_core.orders.models import ExamState, RequestedProcedure

WAITING: Final = (ExamState.READY_TO_READ, ExamState.CLAIMED, ExamState.DRAFT)
"""States in which somebody waits for the report."""
MOST_MINUTES: Final = 60 * 24 * 30
MOST_LATE: Final = 2000
"""So many of the longest waiting exams are looked at."""


def targets() -> list[Target]:
    """Every target."""
    columns = ("priority", "patient_class", "modality", "service_code", "minutes")
    return [Target(*values) for values in ReadingTarget.objects.order_by("pk").values_list(*columns)]


@transaction.atomic
def set_target(
    actor: Actor, *, priority: str, patient_class: str, modality: str, service_code: str, minutes: int
) -> ReadingTarget:
    """The target for exams of these conditions is ``minutes``.

    :raises InvalidValue: no sensible number of minutes
    """
    if not 0 < minutes <= MOST_MINUTES:
        raise InvalidValue(f"a target is 1 to {MOST_MINUTES} minutes", field="minutes")
    target, _ = ReadingTarget.objects.update_or_create(
        priority=priority,
        patient_class=patient_class,
        modality=modality.upper(),
        service_code=service_code,
        defaults={"minutes": minutes},
    )
    record(
        actor, "reading_target.set", subject=f"reading_target:{target.pk}", minutes=minutes, priority=priority,
        patient_class=patient_class, modality=target.modality, service_code=service_code,
    )  # fmt: skip
    return target


@transaction.atomic
def remove_target(target_id: int, actor: Actor) -> ReadingTarget:
    """Take a target away; what it was is returned, to be set again.

    :raises NotFound: it is gone already
    """
    target = ReadingTarget.objects.filter(pk=target_id).first()
    if target is None:
        raise NotFound("there is no such target", field="target")
    ReadingTarget.objects.filter(pk=target_id).delete()
    record(actor, "reading_target.removed", subject=f"reading_target:{target_id}", minutes=target.minutes)
    return target


def late_exams() -> list[int]:
    """Exams whose report is wanted for longer than their target, the longest waiting first."""
    now, known = timezone.now(), targets()
    columns = ("pk", "images_arrived_at", "priority", "request__visit__patient_class", "modality", "service_code")
    waiting = RequestedProcedure.objects.filter(exam_state__in=WAITING, images_arrived_at__isnull=False)
    found = waiting.order_by("images_arrived_at").values_list(*columns)[:MOST_LATE]
    return [
        key
        for key, arrived_at, priority, patient_class, modality, service_code in found
        if now - arrived_at
        > timedelta(
            minutes=target_minutes(
                known,
                priority=priority,
                patient_class=patient_class or "",
                modality=modality,
                service_code=service_code,
            )
        )
    ]
