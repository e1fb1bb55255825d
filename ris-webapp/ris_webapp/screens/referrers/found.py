"""A doctor's released results: which there are, which of them are new, how many exams still wait."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from ris_core.accounts.models import User
from ris_core.delivery.rules import RELEASED
from ris_core.names import folded
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import PatientIdentifier
from ris_core.referrers.models import OpenedResult
from ris_core.reports.models import ReportVersion
from ris_core.sight.seeing import named_in, seen_exams

_NOT_WAITING = (ExamState.FINAL, ExamState.RETURNED, ExamState.CANCELLED)


def results_of(user: User, query: str = "") -> QuerySet[RequestedProcedure]:
    """The exams with ``version_id``, ``approved_at`` and ``is_new``: what the doctor has not opened first, each the
    newest first.

    :param query: words of a name, with or without diacritics, or a whole number of the patient or the order
    """
    versions = ReportVersion.objects.filter(
        reading__procedure=OuterRef("pk"), status__in=RELEASED, recall__isnull=True
    ).order_by("-approved_at", "-number")
    opened = OpenedResult.objects.filter(user_id=user.pk, version_id=OuterRef("version_id"))
    found = seen_exams(RequestedProcedure.objects.select_related("patient", "request"), user)
    if query:
        wanted = Q(request__accession_number=query)
        wanted |= Q(patient__in=PatientIdentifier.objects.filter(value=query).values("patient"))
        words = Q()
        for word in folded(query).split():
            words &= Q(patient__search_key__contains=word)
        found = found.filter(wanted | words)
    with_version = found.annotate(
        version_id=Subquery(versions.values("pk")[:1]),
        approved_at=Subquery(versions.values("approved_at")[:1]),
        is_new=~Exists(opened),
    )
    # an exam that was granted besides is seen before it has a result
    return with_version.filter(Q(version_id__isnull=False)).order_by("-is_new", "-approved_at", "-pk")


def new_results(user: User) -> int:
    """How many the doctor has not opened."""
    return results_of(user).filter(Q(is_new=True)).count()


def waiting_of(user: User) -> int:
    """How many exams that name the doctor have no result yet."""
    return RequestedProcedure.objects.filter(named_in(user)).exclude(exam_state__in=_NOT_WAITING).count()
