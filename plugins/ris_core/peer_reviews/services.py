"""Use cases of peer review: what waits for a reviewer, a score, the rules. One transaction each."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.peer_reviews.models import PeerReview, PeerReviewRule
from ris_core.peer_reviews.rules import Score
from ris_core.reports.holding import person, refuse_unless_may
from ris_core.second_readings.models import Opinion
from ris_core.sight.seeing import seen_exams, sight_of

LONGEST_REASON: Final = 2000


def waiting_for(user_id: int) -> QuerySet[PeerReview]:
    """Reports that ``user_id`` may review, drawn first first: none that they approved or had an opinion of, none of
    an exam that is hidden from them."""
    theirs = Opinion.objects.filter(reader_id=user_id).values("procedure_id")
    user = User.objects.get(pk=user_id)
    sight, reviews = sight_of(user), PeerReview.objects.filter(reviewed_at__isnull=True)
    if not sight.is_whole:
        seen = seen_exams(RequestedProcedure.objects.all(), user, sight)
        reviews = reviews.filter(version__reading__procedure__in=seen)
    return (
        reviews.exclude(reader_id=user_id)
        .exclude(version__reading__versions__approved_by_id=user_id)
        .exclude(version__reading__procedure_id__in=theirs)
        .select_related("version__reading__procedure", "reader")
        .order_by("drawn_at", "pk")
    )


def told_to(user_id: int) -> QuerySet[PeerReview]:
    """Reviews of the user's own reports that they are told of, newest first."""
    reviews = PeerReview.objects.filter(reader_id=user_id, told_to_reader=True, reviewed_at__isnull=False)
    return reviews.select_related("version__reading__procedure").order_by("-reviewed_at", "-pk")


@transaction.atomic
def review(review_id: int, score: str, reason: str, actor: Actor) -> PeerReview:
    """Say how far one agrees with a report; said once, for good.

    :raises NotPermitted: the actor's role reviews nothing
    :raises NotFound: there is no such review, or it is of the actor's own work
    :raises TransitionRefused: somebody has reviewed it already
    :raises InvalidValue: no such score, or a discrepancy without a reason
    """
    user_id = person(actor)
    refuse_unless_may(user_id, Function.REVIEW_PEERS)
    if score not in tuple(Score):
        raise InvalidValue("there is no such score", field="score")
    reason = reason.strip()
    if len(reason) > LONGEST_REASON or (Score(score).needs_reason and not reason):
        raise InvalidValue(f"say what is seen otherwise, in {LONGEST_REASON} characters at most", field="reason")
    found = PeerReview.objects.select_for_update(of=("self",)).filter(pk=review_id).first()
    if found is not None and found.reviewed_at is not None:
        raise TransitionRefused("somebody has reviewed this report already", field="review")
    if found is None or not waiting_for(user_id).filter(pk=review_id).exists():
        raise NotFound("there is no such review for you", field="review")
    found.reviewer_id, found.score, found.reason, found.reviewed_at = user_id, score, reason, timezone.now()
    found.save()
    procedure = found.version.reading.procedure
    record(
        actor, "peer_review.given", subject=f"peer_review:{found.pk}", patient_id=procedure.patient_id,
        procedure=procedure.pk, version=found.version.number, score=score,
    )  # fmt: skip
    return found


@transaction.atomic
def set_rule(
    actor: Actor, *, modality: str, service_code: str, percent: int, blinded: bool, told_to_reader: bool
) -> PeerReviewRule:
    """Of the reports of these conditions approved from now on, ``percent`` of a hundred are reviewed.

    :raises InvalidValue: not 1 to 100
    """
    if not 1 <= percent <= 100:
        raise InvalidValue("a share of 1 to 100 %", field="percent")
    rule, _ = PeerReviewRule.objects.update_or_create(
        modality=modality.upper(), service_code=service_code,
        defaults={"percent": percent, "blinded": blinded, "told_to_reader": told_to_reader},
    )  # fmt: skip
    record(
        actor, "peer_review_rule.set", subject=f"peer_review_rule:{rule.pk}", modality=rule.modality,
        service_code=service_code, percent=percent, blinded=blinded, told_to_reader=told_to_reader,
    )  # fmt: skip
    return rule


@transaction.atomic
def remove_rule(rule_id: int, actor: Actor) -> None:
    """Nothing more is drawn by this rule; what is drawn stays.

    :raises NotFound: it is gone already
    """
    if not PeerReviewRule.objects.filter(pk=rule_id).delete()[0]:
        raise NotFound("there is no such rule", field="rule")
    record(actor, "peer_review_rule.removed", subject=f"peer_review_rule:{rule_id}")
