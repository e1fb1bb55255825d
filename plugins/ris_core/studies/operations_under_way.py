"""Operations whose images the worker has still to carry, and what their end brings with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.jobs.services import enqueue
from ris_core.studies.corrections import is_being_corrected
from ris_core.studies.models import OperationKind, OperationState, Study, StudyOperation


def operations_waiting_for(study: Study) -> QuerySet[StudyOperation]:
    """Operations that end when the images of ``study`` have been arranged: it has the images that are to go, or that
    are to come back."""
    back = Q(other_study=study) | Q(other_study=None, study=study)
    return StudyOperation.objects.filter(
        Q(state=OperationState.RUNNING, study=study) | Q(back, state=OperationState.UNDOING)
    ).order_by("pk")


def is_stuck(operation: StudyOperation) -> bool:
    """Whether an operation is under way and nothing works on it any more: its job was given up, or is lost."""
    if operation.state not in (OperationState.RUNNING, OperationState.UNDOING):
        return False
    return not any(is_being_corrected(study_id) for study_id in operation.study_ids)


def are_being_moved(studies: Collection[Study]) -> bool:
    """Whether persons have changed what belongs to one of them, and its files do not say so yet."""
    mine = Q(study__in=studies) | Q(other_study__in=studies)
    under_way = (OperationState.RUNNING, OperationState.UNDOING)
    return StudyOperation.objects.filter(mine, state__in=under_way).exists()


def taken_from_since(study_ids: Collection[int], since: datetime) -> set[int]:
    """Of these studies those from which images have been taken since then, or may have been."""
    at_work = Q(state=OperationState.RUNNING) | Q(started_at__gt=since) | Q(finished_at__gt=since)
    taken = StudyOperation.objects.filter(at_work, study__in=study_ids).values_list("study_id", flat=True)
    coming_back = Q(state=OperationState.UNDOING) | Q(undone_at__gt=since)
    taken_back = StudyOperation.objects.filter(coming_back, other_study__in=study_ids)
    return {*taken, *taken_back.values_list("other_study_id", flat=True)}


def end_operations(begun: Collection[tuple[int, str]]) -> None:
    """What persons had asked for and was waiting for these files is done."""
    for key, state in begun:
        operation = StudyOperation.objects.get(pk=key)
        if operation.state != state:
            continue
        if operation.state == OperationState.RUNNING:
            operation.state, operation.finished_at = OperationState.DONE, timezone.now()
        else:
            operation.state = OperationState.UNDONE
        operation.save(update_fields=["state", "finished_at"])
        if operation.rejection:
            enqueue("keep_rejection_note", operation.pk)


def merge_of(study: Study) -> StudyOperation | None:
    """The merge by which a study has gone into another, while it holds."""
    merges = StudyOperation.objects.filter(study=study, kind=OperationKind.MERGE, undone_at__isnull=True)
    return merges.select_related("other_study").order_by("-pk").first()
