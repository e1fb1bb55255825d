"""Peer review: what is drawn, who may review it, who learns of it; the report stays as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.peer_reviews.models import PeerReview
from ris_core.peer_reviews.rules import Rule, Score, is_drawn, rule_for
from ris_core.peer_reviews.services import remove_rule, review, set_rule, told_to, waiting_for
from ris_core.peer_reviews.statistics import by_reader, reviews
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db
ADMIN = Actor("admin")


def _drawn(reader: Actor | None = None, *, told_to_reader: bool = True) -> PeerReview:
    """A review of a new report of ``reader``."""
    rule = set_rule(ADMIN, modality="ct", service_code="", percent=100, blinded=True, told_to_reader=told_to_reader)
    version = approved(an_exam(), reader or a_reader())
    rule.delete()
    return PeerReview.objects.get(version=version)


# --- drawing --------------------------------------------------------------------------------------


def test_the_most_particular_rule_draws_its_share() -> None:
    rules = [Rule("", "", 5, True, True), Rule("CT", "", 10, True, True), Rule("CT", "CT.SONAO", 50, False, True)]
    assert rule_for(rules, modality="CT", service_code="CT.SONAO") == rules[2]
    assert rule_for(rules, modality="CT", service_code="x") == rules[1]
    assert rule_for(rules, modality="MR", service_code="x") == rules[0]
    assert [is_drawn(rules[1], chance) for chance in (0.0, 0.0999, 0.1, 0.99)] == [True, True, False, False]
    assert is_drawn(Rule("", "", 100, True, True), 0.999999)


def test_final_reports_alone_are_drawn_once_and_stay_as_they_are() -> None:
    set_rule(ADMIN, modality="", service_code="", percent=100, blinded=True, told_to_reader=True)
    exam, reader = an_exam(), a_reader()
    approved(exam, reader, status=VersionStatus.PRELIMINARY)
    assert not PeerReview.objects.exists()
    final = approved(exam, reader)
    approved(exam, reader, status=VersionStatus.CORRECTED)
    drawn = PeerReview.objects.get()
    assert (drawn.version, drawn.reader_id) == (final, reader.user_id)
    before = list(ReportVersion.objects.order_by("pk").values())
    review(drawn.pk, "3b", "Bỏ sót ổ xuất huyết", a_reader())
    assert list(ReportVersion.objects.order_by("pk").values()) == before


def test_without_a_rule_nothing_is_drawn() -> None:
    rule = set_rule(ADMIN, modality="MR", service_code="", percent=100, blinded=True, told_to_reader=True)
    approved(an_exam(), a_reader())
    remove_rule(rule.pk, ADMIN)
    approved(an_exam(modality="MR"), a_reader())
    assert not PeerReview.objects.exists()


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_is_one_to_a_hundred(percent: int) -> None:
    with pytest.raises(InvalidValue):
        set_rule(ADMIN, modality="", service_code="", percent=percent, blinded=True, told_to_reader=True)


# --- reviewing ------------------------------------------------------------------------------------


def test_nobody_reviews_their_own() -> None:
    reader = a_reader()
    drawn = _drawn(reader)
    assert not waiting_for(reader.user_id or 0).exists()
    with pytest.raises(NotFound):
        review(drawn.pk, "1", "", reader)
    with pytest.raises(IntegrityError), transaction.atomic():
        PeerReview.objects.filter(pk=drawn.pk).update(reviewer_id=reader.user_id)


def test_who_corrected_or_wrote_a_version_of_it_does_not_review_it() -> None:
    resident, senior = a_reader(role=Role.RESIDENT), a_reader(role=Role.SENIOR)
    exam = an_exam()
    approved(exam, resident, status=VersionStatus.PRELIMINARY)
    set_rule(ADMIN, modality="", service_code="", percent=100, blinded=True, told_to_reader=True)
    approved(exam, senior)
    corrector = a_reader()
    approved(exam, corrector, status=VersionStatus.CORRECTED)
    assert not waiting_for(corrector.user_id or 0).exists()
    assert waiting_for(a_reader().user_id or 0).count() == 1


def test_a_report_of_a_confidential_patient_waits_for_those_who_see_them() -> None:
    drawn, reader = _drawn(), a_reader()
    assert waiting_for(reader.user_id or 0).get() == drawn
    set_confidential(drawn.version.reading.procedure.patient_id, True, ADMIN)
    assert not waiting_for(reader.user_id or 0).exists()
    with pytest.raises(NotFound):
        review(drawn.pk, "1", "", reader)


@pytest.mark.parametrize("role", Role.values)
def test_who_reviews(role: str) -> None:
    drawn, actor = _drawn(), a_reader(role=role)
    if role in {"RADIOLOGIST", "SENIOR"}:
        assert review(drawn.pk, "1", "", actor).reviewer_id == actor.user_id
    else:
        with pytest.raises(NotPermitted):
            review(drawn.pk, "1", "", actor)


def test_a_review_is_given_once_and_audited_without_its_words() -> None:
    drawn = _drawn()
    review(drawn.pk, "2b", "  Có thể thấy trên lát 12 ", a_reader())
    with pytest.raises(TransitionRefused):
        review(drawn.pk, "1", "", a_reader())
    drawn.refresh_from_db()
    assert (drawn.score, drawn.reason) == ("2b", "Có thể thấy trên lát 12")
    details = AuditEvent.objects.get(action="peer_review.given").details
    assert details["score"] == "2b"
    assert "lát" not in str(details)


@pytest.mark.parametrize(("score", "reason"), [("4", "x"), ("", ""), ("2a", " "), ("3b", ""), ("1", "x" * 2001)])
def test_a_discrepancy_needs_a_reason(score: str, reason: str) -> None:
    with pytest.raises(InvalidValue):
        review(_drawn().pk, score, reason, a_reader())


@pytest.mark.parametrize("told", [True, False])
def test_the_reader_learns_of_it_as_chosen(told: bool) -> None:
    reader = a_reader()
    drawn = _drawn(reader, told_to_reader=told)
    assert not told_to(reader.user_id or 0).exists(), "not that it was drawn"
    review(drawn.pk, "2a", "Lý do", a_reader())
    assert told_to(reader.user_id or 0).exists() is told


# --- statistics -----------------------------------------------------------------------------------


def test_scores_are_counted_by_reader() -> None:
    reader = a_reader()
    for score in ("1", "1", "2b", "3a"):
        review(_drawn(reader).pk, score, "Lý do", a_reader())
    _drawn(reader)
    now = timezone.now()
    [counted] = by_reader(now - timedelta(hours=1), now + timedelta(hours=1))
    assert (counted.drawn, counted.reviewed) == (5, 4)
    assert {score: count for score, count in counted.scores.items() if count} == {"1": 2, "2b": 1, "3a": 1}
    assert (counted.discrepant_percent, counted.significant_percent) == (50.0, 25.0)
    assert len(list(reviews(now - timedelta(hours=1), now + timedelta(hours=1)))) == 4
    assert by_reader(now - timedelta(hours=2), now - timedelta(hours=1)) == []


def test_each_score_says_what_it_needs() -> None:
    assert [score.value for score in Score if not score.needs_reason] == ["1"]
    assert [score.value for score in Score if score.is_significant] == ["2b", "3b"]
