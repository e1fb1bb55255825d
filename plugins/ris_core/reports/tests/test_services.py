"""Reading and reporting, on the real database."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.changes.models import Change
from ris_core.delivery.models import Delivery
from ris_core.errors import NotFound, NotPermitted, QuangError, TransitionRefused
from ris_core.jobs.models import Job
from ris_core.reports.content import Content, Field, Section, Text, plain_content
from ris_core.reports.definition import Definition, Item, TemplateSection
from ris_core.reports.errors import AlreadyClaimed, ConclusionMissing, DraftConflict, ExamNotReady, ReportIncomplete
from ris_core.reports.holding import claim, release, take_over
from ris_core.reports.models import Reading, ReadingState, ReportVersion, VersionStatus
from ris_core.reports.rendering import texts_of
from ris_core.reports.services import (
    amend,
    apply_template,
    approve,
    open_reading,
    save_draft,
)
from ris_core.reports.template_services import TemplateFacts, create_template
from ris_core.reports.texts import content_of
from ris_testing.exams import a_reader, a_receiver, an_exam, approved

pytestmark = pytest.mark.django_db

TEXT = plain_content(findings="Nhu mô não bình thường.", conclusion="Không thấy bất thường.")


def test_a_reading_is_made_once() -> None:
    exam = an_exam()
    assert open_reading(exam.pk).pk == open_reading(exam.pk).pk
    assert Reading.objects.count() == 1


def test_no_reading_of_an_unknown_exam() -> None:
    with pytest.raises(NotFound):
        open_reading(987654)


def test_claiming_shows_in_the_exam_list_and_again_changes_nothing() -> None:
    exam, reader = an_exam(), a_reader()
    reading = claim(open_reading(exam.pk).pk, reader)
    claim(reading.pk, reader)
    exam.refresh_from_db()
    assert (reading.state, exam.exam_state, reading.claimed_by_id) == ("CLAIMED", "CLAIMED", reader.user_id)
    assert AuditEvent.objects.filter(action="reading.claimed", patient=exam.patient).count() == 1
    assert Change.objects.filter(topic="exam", subject_id=exam.pk).exists()


def test_who_comes_second_is_told_who_holds_the_reading() -> None:
    reading = open_reading(an_exam().pk)
    first, second = a_reader(), a_reader()
    claim(reading.pk, first)
    with pytest.raises(AlreadyClaimed) as refused:
        claim(reading.pk, second)
    assert refused.value.holder_id == first.user_id
    assert refused.value.holder_name == "Trần Minh Quân"


@pytest.mark.django_db(transaction=True)
def test_of_readers_who_claim_at_once_exactly_one_wins() -> None:
    reading = open_reading(an_exam().pk)
    readers = [a_reader() for _ in range(4)]
    start = threading.Barrier(len(readers))
    won, refused = [], []

    def try_claim(reader: object) -> None:
        try:
            start.wait()
            won.append(claim(reading.pk, reader))  # type: ignore[arg-type]
        except AlreadyClaimed as error:
            refused.append(error.holder_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_claim, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading.refresh_from_db()
    assert len(won) == 1
    assert refused == [reading.claimed_by_id] * 3


@pytest.mark.parametrize("state", ["ORDERED", "IN_PROGRESS", "CANCELLED"])
def test_an_exam_without_images_or_cancelled_cannot_be_claimed(state: str) -> None:
    reading = open_reading(an_exam(state=state).pk)
    with pytest.raises(ExamNotReady):
        claim(reading.pk, a_reader())


def test_a_system_cannot_read() -> None:
    with pytest.raises(NotPermitted):
        claim(open_reading(an_exam().pk).pk, SYSTEM)


def test_taking_over_keeps_the_draft_and_names_both() -> None:
    exam, first, second = an_exam(), a_reader("bs_mot"), a_reader("bs_hai", Role.SENIOR)
    reading = claim(open_reading(exam.pk).pk, first)
    save_draft(reading.pk, 0, TEXT, first)
    taken = take_over(reading.pk, "Bác sĩ một nghỉ ốm", second)
    assert (taken.claimed_by_id, taken.conclusion, taken.state) == (second.user_id, "Không thấy bất thường.", "DRAFT")
    assert AuditEvent.objects.get(action="reading.taken_over").details["taken_from"] == "bs_mot"
    with pytest.raises(AlreadyClaimed):
        save_draft(reading.pk, 1, TEXT, first)


def test_a_released_draft_waits_to_be_read_with_its_text() -> None:
    exam, reader = an_exam(), a_reader()
    reading = claim(open_reading(exam.pk).pk, reader)
    save_draft(reading.pk, 0, TEXT, reader)
    released = release(reading.pk, reader)
    exam.refresh_from_db()
    assert (released.state, released.claimed_by_id, released.conclusion) == ("DRAFT", None, "Không thấy bất thường.")
    assert exam.exam_state == "READY_TO_READ"
    claim(reading.pk, a_reader())
    exam.refresh_from_db()
    assert exam.exam_state == "DRAFT"


def test_a_draft_is_saved_over_its_own_revision_only() -> None:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    assert save_draft(reading.pk, 0, TEXT, reader) == 1
    with pytest.raises(DraftConflict) as conflict:
        save_draft(reading.pk, 0, plain_content(conclusion="Khác"), reader)
    assert (conflict.value.revision, conflict.value.content) == (1, TEXT)


def test_a_save_repeated_because_its_answer_was_lost_is_no_conflict() -> None:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    assert save_draft(reading.pk, 0, TEXT, reader) == save_draft(reading.pk, 0, TEXT, reader) == 1


def test_a_draft_needs_a_claim() -> None:
    reading = open_reading(an_exam().pk)
    with pytest.raises(TransitionRefused):
        save_draft(reading.pk, 0, TEXT, a_reader())


def test_a_template_fills_what_is_empty_and_tells_what_it_left() -> None:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    save_draft(reading.pk, 0, plain_content(conclusion="Của tôi"), reader)
    texts = (("findings", "Mẫu mô tả"), ("conclusion", "Mẫu kết luận"))
    definition = Definition.of(tuple(TemplateSection(code, items=(Item(Text(text)),)) for code, text in texts))
    template = create_template(TemplateFacts("t", "t"), definition, reader)
    applied = apply_template(reading.pk, template.pk, 1, reader)
    assert applied.content == plain_content(findings="Mẫu mô tả", conclusion="Của tôi")
    assert applied.not_replaced == ("conclusion",)
    replaced = apply_template(reading.pk, template.pk, applied.revision, reader, frozenset({"conclusion"}))
    assert texts_of(replaced.content)["conclusion"] == "Mẫu kết luận"


def test_approval_writes_version_delivery_job_state_and_audit_together() -> None:
    exam, reader = an_exam(), a_reader()
    wanted = [a_receiver(), a_receiver(source=exam.source)]
    a_receiver(source="OTHER|HIS")
    a_receiver(active=False)
    version = approved(exam, reader)
    exam.refresh_from_db()
    reading = version.reading
    reading.refresh_from_db()
    assert (version.number, version.status, exam.exam_state, reading.state) == (1, "F", "FINAL", "FINAL")
    assert reading.claimed_by_id is None
    assert {d.receiver_id for d in Delivery.objects.filter(version=version)} == {r.pk for r in wanted}
    assert Job.objects.filter(kind="render_document", subject_id=str(version.pk)).count() == 1
    event = AuditEvent.objects.get(action="report.approved")
    assert (event.user_id, event.patient_id, event.details["version"]) == (reader.user_id, exam.patient_id, 1)


def _without_conclusion() -> tuple[int, int, object]:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    return reading.pk, save_draft(reading.pk, 0, plain_content(findings="x", conclusion=" \n"), reader), reader


def _old_revision() -> tuple[int, int, object]:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    save_draft(reading.pk, 0, TEXT, reader)
    return reading.pk, 0, reader


def _held_by_another() -> tuple[int, int, object]:
    reader = a_reader()
    reading = claim(open_reading(an_exam().pk).pk, reader)
    return reading.pk, save_draft(reading.pk, 0, TEXT, reader), a_reader()


def _value_missing() -> tuple[int, int, object]:
    exam, reader = an_exam(), a_reader()
    reading = claim(open_reading(exam.pk).pk, reader)
    asked = Section("findings", blocks=(Field("bpd", "BPD", "number", "mm", required=True),))
    content = Content.of((asked, Section("conclusion", blocks=(Text("Một thai."),))))
    return reading.pk, save_draft(reading.pk, 0, content, reader), reader


def _images_taken_away() -> tuple[int, int, object]:
    exam, reader = an_exam(), a_reader()
    reading = claim(open_reading(exam.pk).pk, reader)
    revision = save_draft(reading.pk, 0, TEXT, reader)
    exam.links.update(undone_at="2026-01-01T00:00:00Z")
    return reading.pk, revision, reader


@pytest.mark.parametrize(
    ("situation", "error"),
    [
        (_without_conclusion, ConclusionMissing),
        (_value_missing, ReportIncomplete),
        (_old_revision, DraftConflict),
        (_held_by_another, AlreadyClaimed),
        (_images_taken_away, ExamNotReady),
    ],
)
def test_a_refused_approval_leaves_nothing_behind(
    situation: Callable[[], tuple[int, int, object]], error: type[QuangError]
) -> None:
    a_receiver()
    reading_id, revision, reader = situation()
    with pytest.raises(error):
        approve(reading_id, revision, VersionStatus.FINAL, reader)  # type: ignore[arg-type]
    assert not ReportVersion.objects.exists()
    assert not Delivery.objects.exists()
    assert not Job.objects.exists()


def test_a_final_report_is_not_approved_twice() -> None:
    reader = a_reader()
    version = approved(an_exam(), reader)
    with pytest.raises(TransitionRefused):
        claim(version.reading_id, reader)
    with pytest.raises(TransitionRefused):
        approve(version.reading_id, version.reading.draft_revision, VersionStatus.FINAL, reader)


def test_a_preliminary_report_is_finished_by_another_reader() -> None:
    exam = an_exam()
    approved(exam, a_reader(), status=VersionStatus.PRELIMINARY)
    exam.refresh_from_db()
    assert exam.exam_state == "PRELIMINARY"
    final = approved(exam, a_reader(), conclusion="Khác một chút.")
    assert (final.number, final.status) == (2, "F")


def test_a_correction_is_a_new_version_and_the_first_stays_word_for_word() -> None:
    exam, reader = an_exam(), a_reader()
    first = approved(exam, reader, conclusion="Bản một")
    second = approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Bản hai")
    first.refresh_from_db()
    assert (first.conclusion, first.status) == ("Bản một", "F")
    assert (second.conclusion, second.status, second.number) == ("Bản hai", "C", 2)
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"


def test_while_a_report_is_corrected_the_exam_stays_reported() -> None:
    exam, reader = an_exam(), a_reader()
    version = approved(exam, reader)
    reading = amend(version.reading_id, reader)
    save_draft(reading.pk, reading.draft_revision, plain_content(conclusion="dở dang"), reader)
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"
    with pytest.raises(AlreadyClaimed):
        amend(reading.pk, a_reader())


def test_a_correction_given_up_restores_the_text_in_force() -> None:
    exam, reader = an_exam(), a_reader()
    version = approved(exam, reader, conclusion="Bản đã duyệt")
    reading = amend(version.reading_id, reader)
    save_draft(reading.pk, reading.draft_revision, plain_content(conclusion="dở dang"), reader)
    released = release(reading.pk, reader)
    assert (released.state, released.conclusion) == (ReadingState.FINAL, "Bản đã duyệt")


def test_a_correction_whose_holder_is_away_can_be_taken_over() -> None:
    version = approved(an_exam(), a_reader())
    amend(version.reading_id, a_reader())
    second = a_reader(role=Role.SENIOR)
    assert take_over(version.reading_id, "Hết ca trực", second).claimed_by_id == second.user_id


def test_a_version_cannot_be_changed_through_the_model() -> None:
    version = approved(an_exam(), a_reader())
    version.conclusion = "giả"
    with pytest.raises(TransitionRefused):
        version.save()


def test_a_version_cannot_be_changed_past_the_model() -> None:
    version = approved(an_exam(), a_reader())
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        ReportVersion.objects.filter(pk=version.pk).update(conclusion="giả")
    version.refresh_from_db()
    assert version.conclusion != "giả"


def test_what_is_hashed_is_the_typed_content_and_its_texts_are_kept_beside() -> None:
    exam, reader = an_exam(), a_reader()
    reading = claim(open_reading(exam.pk).pk, reader)
    measured = Field("bpd", "BPD", "number", "mm", values=("85,5",))
    content = Content.of((Section("findings", blocks=(measured,)), Section("conclusion", blocks=(Text("Một thai."),))))
    revision = save_draft(reading.pk, 0, content, reader)
    version = approve(reading.pk, revision, VersionStatus.FINAL, reader)
    version.refresh_from_db()
    assert content_of(version) == content
    assert version.content_sha256 == hashlib.sha256(content.canonical_bytes()).hexdigest()
    assert version.findings == "- BPD: 85,5 mm"
    assert version.plain_text == "MÔ TẢ HÌNH ẢNH\n- BPD: 85,5 mm\n\nKẾT LUẬN\nMột thai."


def test_a_row_of_four_texts_alone_is_read_without_loss() -> None:
    row = ReportVersion(technique="a", findings="b", conclusion="c", recommendation="d")
    assert content_of(row) == plain_content("a", "b", "c", "d")
