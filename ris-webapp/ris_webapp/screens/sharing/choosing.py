"""Exams that can be shared, among those that whoever shares sees: those asked for, found by number, and the others of
the same patients."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from ris_core.accounts.models import User
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.sharing.rules import MOST_EXAMS
from ris_core.sight.seeing import seen_exams

MOST_OFFERED = 12


def chosen_exams(exam_ids: Iterable[int], user: User) -> list[RequestedProcedure]:
    """In the order in which they were asked for."""
    ids = list(dict.fromkeys(exam_ids))[:MOST_EXAMS]
    found = {exam.pk: exam for exam in _exams(user).filter(pk__in=ids)}
    return [found[key] for key in ids if key in found]


def exams_numbered(accession_number: str, user: User) -> list[RequestedProcedure]:
    """Of one order, by its accession number."""
    return (
        list(_exams(user).filter(request__accession_number=accession_number.strip()).order_by("pk"))
        if accession_number.strip()
        else []
    )


def others_of(exams: Iterable[RequestedProcedure], user: User) -> list[RequestedProcedure]:
    """Further exams with images of the same patients, the newest first."""
    chosen = list(exams)
    others = _exams(user).filter(patient__in={exam.patient_id for exam in chosen}, images_arrived_at__isnull=False)
    others = others.exclude(exam_state=ExamState.CANCELLED).exclude(pk__in=[exam.pk for exam in chosen])
    return list(others.order_by("-scheduled_at", "-pk")[:MOST_OFFERED])


def _exams(user: User) -> QuerySet[RequestedProcedure]:
    return seen_exams(RequestedProcedure.objects.select_related("patient", "request"), user)
