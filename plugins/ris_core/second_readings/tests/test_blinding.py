"""While an exam is read blinded, nothing that one reader makes of it reaches another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role, User
from ris_core.annotations.rules import Refusal
from ris_core.annotations.services import keep_annotation
from ris_core.annotations.tests.test_services import an_annotation
from ris_core.audit.services import Actor
from ris_core.critical_results.models import CriticalResult
from ris_core.critical_results.services import acknowledge, flag, open_criticals, run_escalate, shown_to
from ris_core.errors import NotFound
from ris_core.exam_lists.services import tag_exams
from ris_core.key_images.choosing import describe
from ris_core.key_images.errors import NoSuchImage
from ris_core.key_images.seeing import chosen_of
from ris_core.key_images.tests.test_versions import chosen
from ris_core.key_images.versions import images_chosen_now, images_of
from ris_core.notices.models import Notice
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.reports.errors import ReadAlready
from ris_core.reports.holding import claim, hand_over, release, take_over
from ris_core.reports.models import Reading, VersionStatus
from ris_core.reports.services import approve, open_reading, save_draft
from ris_core.second_readings.blinding import is_closed
from ris_core.second_readings.models import ReadingRule
from ris_core.second_readings.services import conclude
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import a_reader, an_exam
from ris_testing.storing_engine import StoringEngine

pytestmark = pytest.mark.django_db


def _exam(*, blinded: bool = True, readings: int = 2) -> RequestedProcedure:
    exam = an_exam()
    ReadingRule.objects.create(modality=exam.modality, readings=readings, blinded=blinded)
    open_reading(exam.pk)
    return exam


def _typed(exam: RequestedProcedure, reader: Actor, text: str) -> Reading:
    reading = claim(open_reading(exam.pk).pk, reader)
    save_draft(reading.pk, reading.draft_revision, plain_content("", "", text), reader)
    reading.refresh_from_db()
    return reading


def _concluded(exam: RequestedProcedure, reader: Actor, text: str = "Ý kiến") -> Reading:
    reading = _typed(exam, reader, text)
    conclude(reading.pk, reading.draft_revision, reader)
    reading.refresh_from_db()
    return reading


def _user(actor: Actor) -> User:
    return User.objects.get(username=actor.name)


# --- drafts ---------------------------------------------------------------------------------------


def test_who_has_seen_a_blinded_draft_takes_no_other_reading() -> None:
    exam, writer, curious = _exam(), a_reader(), a_reader()
    reading = _typed(exam, writer, "U phổi")
    release(reading.pk, writer)
    claim(reading.pk, curious)
    release(reading.pk, curious)
    _concluded(exam, writer)
    with pytest.raises(ReadAlready):
        claim(open_reading(exam.pk).pk, curious)


def test_who_wrote_a_blinded_draft_that_another_concludes_takes_no_other_reading() -> None:
    exam, writer, senior = _exam(), a_reader(), a_reader(role=Role.SENIOR)
    reading = _typed(exam, writer, "U phổi")
    take_over(reading.pk, "Hết ca trực", senior)
    reading.refresh_from_db()
    conclude(reading.pk, reading.draft_revision, senior)
    with pytest.raises(ReadAlready):
        claim(open_reading(exam.pk).pk, writer)


def test_a_blinded_draft_is_not_handed_to_a_reader_and_back_as_another_reading() -> None:
    exam, writer, other = _exam(readings=3), a_reader(), a_reader()
    reading = _typed(exam, writer, "U phổi")
    hand_over(reading.pk, other.user_id or 0, writer)
    reading.refresh_from_db()
    conclude(reading.pk, reading.draft_revision, other)
    with pytest.raises(ReadAlready):
        claim(open_reading(exam.pk).pk, writer)


def test_an_empty_reading_given_back_tells_nothing() -> None:
    exam, first, second = _exam(), a_reader(), a_reader()
    release(claim(open_reading(exam.pk).pk, second).pk, second)
    _concluded(exam, first)
    assert claim(open_reading(exam.pk).pk, second).ordinal == 1


# --- key images, annotations, tags ----------------------------------------------------------------


def test_key_images_are_seen_by_who_chose_them_until_all_have_concluded() -> None:
    exam, first, second = _exam(), a_reader(), a_reader()
    theirs = chosen(exam, first)
    _concluded(exam, first)
    assert list(chosen_of(exam.pk, second.user_id)) == []
    assert images_chosen_now(exam.pk, second.user_id or 0) == []
    with pytest.raises(NoSuchImage):
        describe(exam.pk, theirs.pk, "x", second)
    same, other = chosen(exam, second), chosen(exam, second, 2)
    assert same.pk != theirs.pk
    reading = _concluded(exam, second)
    assert {image.pk for image in chosen_of(exam.pk, second.user_id)} == {theirs.pk, same.pk, other.pk}
    version = approve(reading.pk, reading.draft_revision, VersionStatus.FINAL, second)
    assert len(images_of(version.pk)) == 2, "what both chose is printed once"


@pytest.mark.parametrize(("blinded", "refusal"), [(True, Refusal.READ_BLINDED), (False, None)])
def test_viewers_store_nothing_into_a_study_that_is_read_blinded(blinded: bool, refusal: Refusal | None) -> None:
    exam, engine = _exam(blinded=blinded), StoringEngine()
    uid = exam.study_instance_uid
    engine.receive(a_dicom_file(PatientID="BN001", StudyInstanceUID=uid, SeriesInstanceUID="1.2.1"))
    kept = keep_annotation(an_annotation("2 cm", StudyInstanceUID=uid), frozenset({uid}), engine, a_reader())
    assert kept.refusal is refusal
    assert len(engine.files) == (1 if blinded else 2)


def test_an_exam_read_blinded_gets_no_tag() -> None:
    exam, reader = _exam(), a_reader()
    assert tag_exams("nghi u", [exam.pk], reader)[1] == []
    _concluded(exam, reader)
    assert tag_exams("nghi u", [exam.pk], reader)[1] == []
    _concluded(exam, a_reader())
    assert not is_closed(exam.pk)
    assert tag_exams("nghi u", [exam.pk], reader)[1] == [exam.pk]


# --- before anybody has opened it -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "closed"),
    [
        ([], False),
        ([("CT", "", True)], True),
        ([("CT", "", False)], False),
        ([("MR", "", True)], False),
        ([("", "", True), ("CT", "", False)], False),
        ([("CT", "", True), ("", "CT.SONAO", False)], False),
        ([("CT", "", False), ("", "CT.SONAO", True)], True),
        ([("", "CT.SONAO", False), ("CT", "CT.SONAO", True)], True),
        ([("", "CT.KHAC", True)], False),
    ],
)
def test_an_exam_is_closed_from_its_images_as_the_rules_will_plan_it(
    rules: list[tuple[str, str, bool]], closed: bool
) -> None:
    exam = an_exam()
    for modality, service_code, blinded in rules:
        ReadingRule.objects.create(modality=modality, service_code=service_code, readings=2, blinded=blinded)
    assert is_closed(exam.pk) is closed
    open_reading(exam.pk)
    assert is_closed(exam.pk) is closed, "the plan decides as the rules did"


def test_what_somebody_finds_before_the_first_reader_opens_a_blinded_exam_is_kept_from_readers() -> None:
    exam, finder, other, clinician = an_exam(), a_reader(), a_reader(), a_reader(role=Role.CLINICIAN)
    ReadingRule.objects.create(modality="CT", readings=2, blinded=True)
    critical = flag(exam.pk, "RED", "Tràn khí màng phổi", finder)
    assert not Notice.objects.filter(procedure=exam).exists()
    assert list(shown_to(_user(other), open_criticals())) == []
    assert list(shown_to(_user(clinician), open_criticals())) == [critical]
    assert tag_exams("nghi u", [exam.pk], other)[1] == []


def test_an_exam_without_images_or_begun_before_the_rule_is_open() -> None:
    begun, waiting = an_exam(), an_exam(state=ExamState.ORDERED, images=False)
    release(_typed(begun, reader := a_reader(), "U phổi").pk, reader)
    ReadingRule.objects.create(modality="CT", readings=2, blinded=True)
    assert not is_closed(waiting.pk)
    open_reading(begun.pk)
    assert not is_closed(begun.pk)


# --- critical findings ----------------------------------------------------------------------------


def test_a_critical_finding_is_hidden_from_other_readers_until_it_is_escalated() -> None:
    exam, first, second, clinician = _exam(), a_reader(), a_reader(), a_reader(role=Role.CLINICIAN)
    critical = flag(exam.pk, "RED", "Tràn khí màng phổi", first)
    assert not Notice.objects.filter(procedure=exam).exists()
    seen = {reader: list(shown_to(_user(reader), open_criticals())) for reader in (first, second, clinician)}
    assert seen == {first: [critical], second: [], clinician: [critical]}
    with pytest.raises(NotFound):
        acknowledge(critical.pk, "", second)
    CriticalResult.objects.filter(pk=critical.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    run_escalate(str(critical.pk))
    assert Notice.objects.filter(procedure=exam).exists()
    assert list(shown_to(_user(second), open_criticals())) == [critical]
    assert acknowledge(critical.pk, "", second).acknowledged_by_id == second.user_id


def test_a_critical_finding_is_shown_when_all_have_concluded() -> None:
    exam, first, second, third = _exam(), a_reader(), a_reader(), a_reader()
    critical = flag(exam.pk, "RED", "Tràn khí màng phổi", first)
    _concluded(exam, first)
    _concluded(exam, second)
    assert list(shown_to(_user(third), open_criticals())) == [critical]
