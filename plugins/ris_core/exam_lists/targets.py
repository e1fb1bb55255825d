"""Target times, as administrators change them, and exams that have waited longer.

Which target an exam has, and so when it is due, is kept by the database (:mod:`ris_core.exam_search.urgency`).
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.exam_lists.models import ReadingTarget
from ris_core.exam_search.settling import settle_urgency
from ris_core.orders.models import ExamState, RequestedProcedure, Urgency

WAITING: Final = (ExamState.READY_TO_READ, ExamState.CLAIMED, ExamState.DRAFT)
"""States in which somebody waits for the report."""
MOST_MINUTES: Final = 60 * 24 * 30


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
    settle_urgency()
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
    settle_urgency()
    record(actor, "reading_target.removed", subject=f"reading_target:{target_id}", minutes=target.minutes)
    return target


def late_exams() -> QuerySet[RequestedProcedure]:
    """Exams whose images wait for a report for longer than their target."""
    return RequestedProcedure.objects.filter(
        urgency__lt=Urgency.FINISHED,
        exam_state__in=WAITING,
        images_arrived_at__isnull=False,
        due_at__lt=timezone.now(),
    )
