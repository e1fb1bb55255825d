"""What a result link or a launch may open: the studies of one exam that may be shown, and its report in force."""

from __future__ import annotations

from collections.abc import Iterable

from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Document, ReportVersion
from ris_core.studies.models import Study, StudyLink, StudyState

HIDDEN_STATES = (StudyState.CONFLICT, StudyState.UNMATCHED, StudyState.REJECTED)


def shown_studies(procedure_id: int) -> list[Study]:
    """The studies linked to an exam that may be shown, in the order of their arrival (invariants 1 and 4).

    A study is withheld when it waits in a queue or was rejected, and also when another study under the same
    StudyInstanceUID does: DICOMweb knows studies by UID only, and would show both patients.
    """
    studies = Study.objects.filter(links__procedure_id=procedure_id, links__undone_at__isnull=True).distinct()
    found = list(studies.exclude(state__in=HIDDEN_STATES).order_by("first_received_at", "id"))
    withheld = _withheld_uids(found)
    return [study for study in found if study.study_instance_uid not in withheld]


def _withheld_uids(studies: Iterable[Study]) -> set[str]:
    uids = [study.study_instance_uid for study in studies]
    queued = Study.objects.filter(study_instance_uid__in=uids, state=StudyState.CONFLICT)
    return set(queued.values_list("study_instance_uid", flat=True))


def has_conflict(procedure_id: int) -> bool:
    """Whether images of the exam are withheld because two patients' data meet in them."""
    linked = StudyLink.objects.filter(procedure_id=procedure_id, undone_at__isnull=True)
    return Study.objects.filter(
        study_instance_uid__in=linked.values("study__study_instance_uid"), state=StudyState.CONFLICT
    ).exists()


def report_pdf(version: ReportVersion) -> bytes | None:
    """The document made from ``version``; none while the worker has not made it yet."""
    document = Document.objects.filter(version=version, kind=Document.Kind.PDF).first()
    return bytes(document.content) if document else None


def procedure_of(procedure_id: int) -> RequestedProcedure | None:
    return RequestedProcedure.objects.select_related("patient", "request").filter(pk=procedure_id).first()
