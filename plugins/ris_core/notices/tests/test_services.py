"""Users are told what changed under their hands until somebody says that they know (P6)."""

from __future__ import annotations

import pytest

from ris_core.audit.models import AuditEvent
from ris_core.changes.models import Change
from ris_core.notices.models import Notice
from ris_core.notices.services import acknowledge, notify, open_notices, open_notices_by_exam
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.corrections import edit_patient
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam()


def test_what_is_told_twice_is_one_notice_with_everything(exam: RequestedProcedure) -> None:
    notify("patient.updated", patient_id=exam.patient_id, fields=["sex"])
    notify("patient.updated", patient_id=exam.patient_id, fields=["full_name", "sex"])
    assert Notice.objects.get().params == {"fields": ["sex", "full_name"]}


def test_an_acknowledged_notice_is_shown_no_more_and_the_next_is_new(exam: RequestedProcedure) -> None:
    reader = a_reader()
    first = notify("patient.merged", patient_id=exam.patient_id)
    acknowledge(first.pk, reader)
    acknowledge(first.pk, reader)
    assert not open_notices(patient_ids=[exam.patient_id]).exists()
    assert AuditEvent.objects.filter(action="notice.acknowledged").count() == 1
    assert notify("patient.merged", patient_id=exam.patient_id).pk != first.pk


def test_notices_are_found_by_patient_exam_and_linked_study(exam: RequestedProcedure) -> None:
    other = an_exam()
    study = exam.links.get().study
    kinds = {
        notify("patient.updated", patient_id=exam.patient_id, fields=[]).kind,
        notify("exam.note", procedure_id=exam.pk).kind,
        notify("study.note", study_id=study.pk).kind,
    }
    found = open_notices_by_exam({exam.pk: exam.patient_id, other.pk: other.patient_id})
    assert {notice.kind for notice in found[exam.pk]} == kinds
    assert other.pk not in found


def test_live_screens_learn_of_a_notice(exam: RequestedProcedure) -> None:
    Change.objects.all().delete()
    notify("study.note", study_id=exam.links.get().study_id)
    assert Change.objects.filter(topic="exam", subject_id=exam.pk).exists()


def test_readers_are_told_of_a_new_name_and_not_of_a_new_telephone_number(exam: RequestedProcedure) -> None:
    values = {"birth_date": "19801121", "sex": "F", "reason": "đọc sai giấy tờ"}
    edit_patient(exam.patient_id, a_reader(), full_name="NGUYỄN THỊ ĐÀO", phone="0903", **values)
    assert not Notice.objects.exists()
    edit_patient(exam.patient_id, a_reader(), full_name="NGUYỄN THỊ ĐÀO ANH", **values)
    assert Notice.objects.get().params == {"fields": ["full_name"]}


def test_nobody_is_told_before_there_is_anything_to_read() -> None:
    exam = an_exam(state="ORDERED", images=False)
    edit_patient(exam.patient_id, a_reader(), full_name="LÊ A", birth_date="", sex="", reason="sửa")
    assert not Notice.objects.exists()
