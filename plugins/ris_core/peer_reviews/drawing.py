"""Draws final reports for review as they are approved."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from django.utils import timezone

from ris_core.peer_reviews.models import PeerReview, PeerReviewRule
from ris_core.peer_reviews.rules import Rule, is_drawn, rule_for

if TYPE_CHECKING:
    from ris_core.orders.models import RequestedProcedure
    from ris_core.reports.models import ReportVersion


def draw(version: ReportVersion, procedure: RequestedProcedure) -> None:
    """Have a first final version reviewed if its lot falls so, in the caller's transaction.

    Its reader is not told: a report is written the same whether it is drawn or not.
    """
    fields = ("modality", "service_code", "percent", "blinded", "told_to_reader")
    rules = [Rule(*values) for values in PeerReviewRule.objects.values_list(*fields)]
    rule = rule_for(rules, modality=procedure.modality, service_code=procedure.service_code)
    if rule is None or not is_drawn(rule, random.random()):  # noqa: S311 - a lot, guards nothing
        return
    PeerReview.objects.create(
        version=version,
        reader_id=version.approved_by_id,
        blinded=rule.blinded,
        told_to_reader=rule.told_to_reader,
        drawn_at=timezone.now(),
    )
