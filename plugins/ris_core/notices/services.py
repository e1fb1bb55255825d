"""Tell users what changed, list what nobody has acknowledged yet, acknowledge it.

A notice about a patient is shown with all their exams, one about a study with the exams that it is linked to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import NotFound
from ris_core.notices.models import Notice
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import StudyLink


def notify(
    kind: str,
    *,
    patient_id: int | None = None,
    procedure_id: int | None = None,
    study_id: int | None = None,
    **params: Any,
) -> Notice:
    """Users who open what this is about are told; in the caller's transaction.

    The same thing told again before anybody has acknowledged it is one notice, with the newest time; values that are
    lists are joined.
    """
    about: dict[str, Any] = {"patient_id": patient_id, "procedure_id": procedure_id, "study_id": study_id}
    open_ones = Notice.objects.select_for_update().filter(kind=kind, acknowledged_at__isnull=True, **about)
    notice = open_ones.order_by("pk").first() or Notice(kind=kind, **about)
    notice.params, notice.at = _joined(notice.params, params), timezone.now()
    notice.save()
    for exam in _exams_of(notice):
        announce("exam", exam)
    return notice


@transaction.atomic
def acknowledge(notice_id: int, actor: Actor) -> None:
    """Somebody has read it; it is shown no more. Acknowledging again changes nothing.

    :raises NotFound: no such notice
    """
    notice = Notice.objects.select_for_update().filter(pk=notice_id).first()
    if notice is None:
        raise NotFound("there is no such notice", field="notice")
    if notice.acknowledged_at is not None:
        return
    notice.acknowledged_at, notice.acknowledged_by_id = timezone.now(), actor.user_id
    notice.save(update_fields=["acknowledged_at", "acknowledged_by"])
    record(actor, "notice.acknowledged", subject=f"notice:{notice.pk}", patient_id=notice.patient_id, kind=notice.kind)
    for exam in _exams_of(notice):
        announce("exam", exam)


def open_notices(*, patient_ids: Collection[int] = (), procedure_ids: Collection[int] = ()) -> QuerySet[Notice]:
    """What nobody has acknowledged of these patients and exams, newest first."""
    studies = StudyLink.objects.filter(procedure_id__in=procedure_ids, undone_at__isnull=True).values("study_id")
    about = Q(procedure_id__in=procedure_ids) | Q(study_id__in=studies)
    if patient_ids:
        about |= Q(patient_id__in=patient_ids)
    return Notice.objects.filter(about, acknowledged_at__isnull=True).order_by("-at", "-pk")


def open_notices_by_exam(patients: Mapping[int, int]) -> dict[int, list[Notice]]:
    """What nobody has acknowledged, for each exam that there is something of; two queries at most.

    :param patients: of each exam its patient
    """
    notices = list(open_notices(patient_ids=set(patients.values()), procedure_ids=patients.keys()))
    studies = [notice.study_id for notice in notices if notice.study_id is not None]
    linked: set[tuple[int, int]] = set()
    if studies:
        links = StudyLink.objects.filter(study_id__in=studies, procedure_id__in=patients, undone_at__isnull=True)
        linked = set(links.values_list("study_id", "procedure_id"))
    found: dict[int, list[Notice]] = {}
    for exam, patient in patients.items():
        of_exam = [
            notice
            for notice in notices
            if exam == notice.procedure_id or patient == notice.patient_id or (notice.study_id, exam) in linked
        ]
        if of_exam:
            found[exam] = of_exam
    return found


MOST_EXAMS = 200
"""Exams whose rows on live screens are brought up to date."""


def _exams_of(notice: Notice) -> list[int]:
    about = Q(pk__in=())
    # each only when there is one: an unused join would have every exam looked at
    if notice.procedure_id is not None:
        about |= Q(pk=notice.procedure_id)
    if notice.patient_id is not None:
        about |= Q(patient_id=notice.patient_id)
    if notice.study_id is not None:
        about |= Q(links__study_id=notice.study_id, links__undone_at__isnull=True)
    exams = RequestedProcedure.objects.filter(about)
    return list(exams.order_by("-pk").values_list("pk", flat=True).distinct()[:MOST_EXAMS])


def _joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    joined = {**before, **now}
    for name, value in now.items():
        if isinstance(value, list) and isinstance(before.get(name), list):
            joined[name] = list(dict.fromkeys([*before[name], *value]))
    return joined
