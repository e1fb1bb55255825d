"""Exams that several read: whose turn it is, who sees what, what is kept and what is returned."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.services import Actor
from ris_core.delivery.models import Delivery
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.reports.errors import ReadAlready, ReadingsOutstanding
from ris_core.reports.holding import claim, hand_over, release, take_over
from ris_core.reports.models import Reading, ReportVersion, VersionStatus
from ris_core.reports.services import amend, approve, open_reading, save_draft
from ris_core.second_readings.models import Opinion, ReadingPlan, ReadingRule
from ris_core.second_readings.plans import progress_of
from ris_core.second_readings.rules import Progress, Rule, rule_for
from ris_core.second_readings.services import agreement_counts, conclude, judge, set_rule
from ris_testing.exams import a_reader, a_receiver, an_exam, approved

pytestmark = pytest.mark.django_db


def _several(readings: int = 2, *, blinded: bool = False) -> RequestedProcedure:
    exam = an_exam()
    ReadingRule.objects.create(modality=exam.modality, readings=readings, blinded=blinded)
    return exam


def _typed(exam: RequestedProcedure, reader: Actor, conclusion: str) -> Reading:
    reading = claim(open_reading(exam.pk).pk, reader)
    save_draft(reading.pk, reading.draft_revision, plain_content("", "", conclusion), reader)
    reading.refresh_from_db()
    return reading


def _opinion(exam: RequestedProcedure, reader: Actor, conclusion: str = "Ý kiến") -> Opinion:
    reading = _typed(exam, reader, conclusion)
    return conclude(reading.pk, reading.draft_revision, reader)


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "blinded", "concluded", "due", "position", "approvable", "open_"),
    [
        (2, False, 0, 2, 1, False, True),
        (2, False, 1, 1, 2, True, True),
        (2, True, 0, 2, 1, False, False),
        (2, True, 1, 1, 2, False, False),
        (2, True, 2, 1, 2, True, True),
        (3, False, 1, 3, 2, False, True),
        (3, True, 2, 1, 3, False, False),
        (3, True, 3, 1, 3, True, True),
    ],
)
def test_whose_turn_it_is_and_who_sees_what(
    readings: int, blinded: bool, concluded: int, due: int, position: int, approvable: bool, open_: bool
) -> None:
    progress = Progress(readings, blinded, concluded)
    assert (progress.due_ordinal, progress.position) == (due, position)
    assert (progress.report_may_be_approved, progress.opinions_are_open) == (approvable, open_)


def test_the_most_particular_rule_counts() -> None:
    rules = [Rule("", "", 2, False), Rule("MG", "", 2, True), Rule("MG", "MG.SL", 3, True), Rule("CT", "", 3, False)]
    assert rule_for(rules, modality="MG", service_code="MG.SL") == rules[2]
    assert rule_for(rules, modality="MG", service_code="MG.CD") == rules[1]
    assert rule_for(rules, modality="US", service_code="x") == rules[0]
    assert rule_for(rules[1:], modality="US", service_code="x") is None


# --- one final version ----------------------------------------------------------------------------


def test_open_readings_keep_the_first_opinion_and_return_only_the_last_readers_version() -> None:
    exam, first, second = _several(), a_reader(), a_reader()
    receiver = a_receiver()
    opinion = _opinion(exam, first, "Theo dõi u phổi.")
    exam.refresh_from_db()
    assert (exam.exam_state, ReportVersion.objects.count(), Delivery.objects.count()) == ("READY_TO_READ", 0, 0)
    reading = _typed(exam, second, "Viêm phổi.")
    version = approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, second)
    assert (version.reading.ordinal, ReportVersion.objects.count()) == (1, 1)
    assert [delivery.receiver_id for delivery in Delivery.objects.filter(version=version)] == [receiver.pk]
    opinion.refresh_from_db()
    assert (opinion.position, opinion.reader_id) == (1, first.user_id)
    assert "Theo dõi u phổi." in opinion.plain_text


def test_nobody_reads_an_exam_twice() -> None:
    exam, first = _several(), a_reader()
    _opinion(exam, first)
    with pytest.raises(ReadAlready):
        claim(open_reading(exam.pk).pk, first)
    holder = a_reader()
    reading = claim(open_reading(exam.pk).pk, holder)
    with pytest.raises(ReadAlready):
        hand_over(reading.pk, first.user_id or 0, holder)


def test_a_senior_who_has_read_takes_over_no_further_reading() -> None:
    exam, senior = _several(), a_reader(role=Role.SENIOR)
    _opinion(exam, senior)
    reading = claim(open_reading(exam.pk).pk, a_reader())
    with pytest.raises(ReadAlready):
        take_over(reading.pk, "Hết ca trực", senior)


def test_a_report_waits_for_the_opinions_before_it() -> None:
    exam, first = _several(3), a_reader()
    open_reading(exam.pk)
    report = Reading.objects.get(procedure=exam, ordinal=1)
    with pytest.raises(ReadingsOutstanding):
        claim(report.pk, first)
    reading = _typed(exam, first, "Ý kiến")
    with pytest.raises(ReadingsOutstanding):
        approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, first)


def test_blinded_readers_all_conclude_before_the_last_approves() -> None:
    exam, first, second = _several(blinded=True), a_reader(), a_reader()
    _opinion(exam, first)
    reading = _typed(exam, second, "Bình thường.")
    with pytest.raises(ReadingsOutstanding):
        approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, second)
    own = conclude(reading.pk, reading.draft_revision, second)
    reading.refresh_from_db()
    assert (reading.claimed_by_id, own.position) == (second.user_id, 2)
    with pytest.raises(TransitionRefused):
        conclude(reading.pk, reading.draft_revision, second)
    save_draft(reading.pk, reading.draft_revision, plain_content("", "", "Sau khi so."), second)
    assert approve(reading.pk, reading.draft_revision + 1, VersionStatus.FINAL, second).conclusion == "Sau khi so."
    own.refresh_from_db()
    assert "Bình thường." in own.plain_text


def test_a_concluded_opinion_is_not_typed_over() -> None:
    exam, first = _several(), a_reader()
    opinion = _opinion(exam, first)
    with pytest.raises(TransitionRefused):
        save_draft(opinion.reading_id, opinion.reading.draft_revision, plain_content("", "", "Khác"), first)


def test_secretaries_conclude_nothing() -> None:
    exam, secretary = _several(), a_reader(role=Role.SECRETARY)
    reading = _typed(exam, secretary, "Đánh máy")
    with pytest.raises(NotPermitted):
        conclude(reading.pk, reading.draft_revision, secretary)


def test_a_given_back_draft_of_one_reading_waits_for_the_same_reading() -> None:
    exam, first = _several(), a_reader()
    reading = _typed(exam, first, "Dở dang")
    release(reading.pk, first)
    assert open_reading(exam.pk).pk == reading.pk


def test_a_rule_changed_later_does_not_change_an_exam_that_has_been_opened() -> None:
    exam = _several()
    open_reading(exam.pk)
    set_rule(Actor("admin"), modality=exam.modality, service_code="", readings=3, blinded=True)
    assert progress_of(exam.pk) == Progress(2, False, 0)


def test_an_exam_that_somebody_has_begun_stays_with_one_reader() -> None:
    exam, reader = an_exam(), a_reader()
    claim(open_reading(exam.pk).pk, reader)
    set_rule(Actor("admin"), modality=exam.modality, service_code="", readings=2, blinded=False)
    open_reading(exam.pk)
    assert not ReadingPlan.objects.exists()


def test_a_report_of_several_readings_is_corrected_like_any_other() -> None:
    exam, first, second = _several(), a_reader(), a_reader()
    _opinion(exam, first)
    version = approved(exam, second)
    amend(version.reading_id, first)


# --- agreement ------------------------------------------------------------------------------------


def test_the_final_reader_judges_the_opinions_before() -> None:
    exam, first, second = _several(), a_reader(), a_reader()
    opinion = _opinion(exam, first)
    with pytest.raises(NotPermitted):
        judge(opinion.pk, "AGREES", second)
    approved(exam, second)
    judge(opinion.pk, "MAJOR", second)
    now = timezone.now()
    assert agreement_counts(now - timedelta(hours=1), now + timedelta(hours=1)) == {"MAJOR": 1}
    with pytest.raises(NotPermitted):
        judge(opinion.pk, "AGREES", first)


def test_a_blinded_opinion_is_not_judged_before_all_are_done() -> None:
    exam, first, second = _several(blinded=True), a_reader(), a_reader()
    opinion = _opinion(exam, first)
    claim(open_reading(exam.pk).pk, second)
    with pytest.raises(NotFound):
        judge(opinion.pk, "AGREES", second)
