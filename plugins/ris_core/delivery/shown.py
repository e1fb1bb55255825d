"""Which images of an exam may be shown and given out, and which reports in them may not: asked by every viewer, link,
share and export at each look (domain invariants 1 and 4)."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db.models import Q, QuerySet

from ris_core.delivery.holding import has_open_hold
from ris_core.matching.identity import one_patient
from ris_core.orders.models import OrderLink
from ris_core.reports.encapsulated import report_series_uid
from ris_core.studies.links import received_of
from ris_core.studies.models import OperationKind, OperationState, Placement, Study, StudyLink, StudyState

HIDDEN_STATES = (StudyState.CONFLICT, StudyState.UNMATCHED, StudyState.REJECTED)


def shown_studies(procedure_id: int) -> list[Study]:
    """The studies linked to an exam that may be shown, in the order of their arrival (invariants 1 and 4).

    A study is withheld when it waits in a queue or was rejected, and also when another patient's under the same
    StudyInstanceUID does or was: DICOMweb knows studies by UID only, and would show both patients.
    """
    studies = Study.objects.filter(links__procedure_id=procedure_id, links__undone_at__isnull=True).distinct()
    found = list(studies.exclude(state__in=HIDDEN_STATES).order_by("first_received_at", "id"))
    withheld = _withheld_uids(found)
    return [study for study in found if study.study_instance_uid not in withheld]


def _withheld_uids(studies: Collection[Study]) -> set[str]:
    """UIDs under which images of another patient wait in a queue, or were rejected: a rejected study stays under its
    UID in the engine until it has one of its own."""
    rejected = Q(
        state=StudyState.REJECTED,
        reason__in=(OperationKind.REJECT_STUDY, OperationKind.CHANGE_PATIENT),
        gone_from_engine_at__isnull=True,
    ) & ~Q(pk__in=_placed_elsewhere())
    same_uid = Study.objects.filter(study_instance_uid__in={study.study_instance_uid for study in studies})
    return {
        other.study_instance_uid
        for other in same_uid.filter(Q(state=StudyState.CONFLICT) | rejected)
        if other.state == StudyState.CONFLICT or _is_of_another_patient(other, studies)
    }


def _placed_elsewhere() -> QuerySet[Placement, int]:
    """Studies of which nothing lies under their UID any more: all was put into another study, and is there."""
    whole = Placement.objects.filter(undone=False, series_instance_uid="", operation__state=OperationState.DONE)
    return whole.values_list("origin_id", flat=True)


def _is_of_another_patient(other: Study, studies: Collection[Study]) -> bool:
    received = received_of(other)
    return any(
        study.study_instance_uid == other.study_instance_uid and not one_patient(received_of(study), received)
        for study in studies
    )


def closed_reports(study_uids: Collection[str], shown_of: Collection[int] | None = None) -> list[str]:
    """SeriesInstanceUIDs of the reports that lie in these studies (ADR 25) and are not for whoever looks at the images:
    held back, or of another exam. Of a recalled one there is only the notice, which everybody may see.

    :param shown_of: of which exams the report may be shown at all; none: of all
    """
    links = StudyLink.objects.filter(study__study_instance_uid__in=study_uids).order_by().distinct()
    lying = links.values_list("procedure_id", "procedure__filler_order_number", "study__study_instance_uid")
    closed = [
        (exam_id, number, uid)
        for exam_id, number, uid in lying
        if (shown_of is not None and exam_id not in shown_of) or has_open_hold(exam_id)
    ]
    if not closed:
        return []
    root, former = settings.QUANG.site.uid_root, _former_numbers({exam_id for exam_id, _, _ in closed})
    return [
        report_series_uid(f"{each}|1", uid, root)
        for exam_id, number, uid in closed
        for each in {number, *former.get(exam_id, ())}
    ]


def _former_numbers(exam_ids: Collection[int]) -> dict[int, set[str]]:
    """Filler order numbers that exams had before orders were linked, or have exchanged since: reports that were stored
    then lie under them."""
    found: dict[int, set[str]] = {}
    exchanged = OrderLink.objects.filter(Q(procedure__in=exam_ids) | Q(absorbed__in=exam_ids))
    for link in exchanged.select_related("procedure", "absorbed"):
        for exam, other in ((link.procedure, link.absorbed), (link.absorbed, link.procedure)):
            found.setdefault(exam.pk, set()).add(other.filler_order_number)
    return found


def has_conflict(procedure_id: int) -> bool:
    """Whether images of the exam are withheld because two patients' data meet in them."""
    linked = Study.objects.filter(links__procedure_id=procedure_id, links__undone_at__isnull=True).distinct()
    return bool(_withheld_uids(list(linked)))
