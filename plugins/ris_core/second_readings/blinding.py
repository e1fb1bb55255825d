"""What readers of an exam must not learn of each other while it is read blinded.

An exam is *closed* from its plan until every blinded reader has concluded. As long as it is, whatever a reader makes of
it is shown to nobody else who reads: drafts, opinions, key images, critical findings. What cannot be hidden from some
and shown to others is not taken: objects that a viewer saves into the study, and tags.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, F, QuerySet

from ris_core.reports.models import Reading
from ris_core.second_readings.models import DraftKnown, ReadingPlan


def closed_exams() -> QuerySet[ReadingPlan]:
    """The plans of exams that are read blinded and that not all have concluded."""
    blinded = ReadingPlan.objects.filter(blinded=True)
    return blinded.annotate(concluded=Count("procedure__opinions")).filter(concluded__lt=F("readings"))


def is_closed(procedure_id: int) -> bool:
    """Whether readers see only their own of this exam."""
    return closed_exams().filter(procedure_id=procedure_id).exists()


def closed_among(procedure_ids: Collection[int]) -> set[int]:
    """Those of the exams that are closed; one query."""
    return set(closed_exams().filter(procedure_id__in=procedure_ids).values_list("procedure_id", flat=True))


def study_is_closed(study_instance_uid: str) -> bool:
    """Whether a study is linked to a closed exam."""
    linked = closed_exams().filter(
        procedure__links__study__study_instance_uid=study_instance_uid, procedure__links__undone_at__isnull=True
    )
    return linked.exists()


def remember_draft_known(reading: Reading, user_id: int) -> None:
    """Who holds, or has held, a blinded reading that says something knows it, and takes no other of that exam.

    In the caller's transaction, which holds the reading's lock; nothing is written for a reading without text.
    """
    if reading.plain_text.strip() and is_closed(reading.procedure_id):
        DraftKnown.objects.get_or_create(reading=reading, user_id=user_id)
