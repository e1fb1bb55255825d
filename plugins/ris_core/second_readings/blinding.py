"""What readers of an exam must not learn of each other while it is read blinded.

An exam is *closed* from its first images, if the rule that is in force then has it read blinded, until every blinded
reader has concluded; from its plan on, what was planned decides. As long as it is, whatever a reader makes of it is
shown to nobody else who reads: drafts, opinions, key images, critical findings. What cannot be hidden from some and
shown to others is not taken: objects that a viewer saves into the study, and tags.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When

from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.models import Reading, ReadingState
from ris_core.second_readings.models import DraftKnown, ReadingPlan, ReadingRule
from ris_core.second_readings.rules import REPORT_ORDINAL

_TO_BE_OPENED: Final = (ExamState.IN_PROGRESS, ExamState.READY_TO_READ)


def closed_exams() -> QuerySet[RequestedProcedure]:
    """The exams that are read blinded and that not all have concluded, or will be as soon as somebody opens them."""
    plan = ReadingPlan.objects.filter(procedure=OuterRef("pk"))
    outstanding = (
        plan.filter(blinded=True).annotate(concluded=Count("procedure__opinions")).filter(concluded__lt=F("readings"))
    )
    begun = Reading.objects.filter(procedure=OuterRef("pk"), ordinal=REPORT_ORDINAL).exclude(state=ReadingState.UNREAD)
    # what rules.rule_for decides: by service, then by modality
    fitting = ReadingRule.objects.filter(
        Q(modality="") | Q(modality=OuterRef("modality")), Q(service_code="") | Q(service_code=OuterRef("service_code"))
    )
    particular = Case(When(service_code="", then=Value(0)), default=Value(2)) + Case(
        When(modality="", then=Value(0)), default=Value(1)
    )
    ruled = Subquery(fitting.order_by(particular.desc(), "pk").values("blinded")[:1])
    unplanned = Q(~Exists(plan), ~Exists(begun), exam_state__in=_TO_BE_OPENED, will_be_blinded=True)
    return RequestedProcedure.objects.annotate(will_be_blinded=ruled).filter(Exists(outstanding) | unplanned)


def is_closed(procedure_id: int) -> bool:
    """Whether readers see only their own of this exam."""
    return closed_exams().filter(pk=procedure_id).exists()


def closed_among(procedure_ids: Collection[int]) -> set[int]:
    """Those of the exams that are closed; one query."""
    return set(closed_exams().filter(pk__in=procedure_ids).values_list("pk", flat=True))


def study_is_closed(study_instance_uid: str) -> bool:
    """Whether a study is linked to a closed exam."""
    linked = closed_exams().filter(links__study__study_instance_uid=study_instance_uid, links__undone_at__isnull=True)
    return linked.exists()


def remember_draft_known(reading: Reading, user_id: int) -> None:
    """Who holds, or has held, a blinded reading that says something knows it, and takes no other of that exam.

    In the caller's transaction, which holds the reading's lock; nothing is written for a reading without text.
    """
    if reading.plain_text.strip() and is_closed(reading.procedure_id):
        DraftKnown.objects.get_or_create(reading=reading, user_id=user_id)
