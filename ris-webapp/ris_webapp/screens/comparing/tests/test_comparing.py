"""A person's imaging history over merged records, and exams side by side."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.external_results.models import ExternalResult
from ris_core.patients.merging import merge_patients
from ris_core.reports.models import Reading
from ris_core.reports.recalling import recall
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_the_history_is_of_the_person_whatever_record_holds_it() -> None:
    one, other, stranger = an_exam(), an_exam(service_name="Chụp X-quang ngực thẳng", modality="DX"), an_exam()
    approved(one, a_reader(), conclusion="Nang thận phải.")
    merge_patients(one.patient_id, other.patient_id, Actor("test"), reason="một người")
    for patient_id in (one.patient_id, other.patient_id):
        page = client_as().get(f"/patients/{patient_id}/history/").content.decode()
        assert one.request.accession_number in page
        assert other.request.accession_number in page
        assert stranger.request.accession_number not in page
        assert "Nang thận phải." in page
    narrowed = client_as().get(f"/patients/{other.patient_id}/history/?region=CHEST").content.decode()
    assert other.request.accession_number in narrowed
    assert one.request.accession_number not in narrowed


def test_who_may_not_see_reports_sees_no_conclusion() -> None:
    exam = an_exam()
    approved(exam, a_reader(), conclusion="Nang thận phải.")
    page = client_as("RECEPTION").get(f"/patients/{exam.patient_id}/history/").content.decode()
    assert exam.request.accession_number in page
    assert "Nang thận" not in page


def test_two_exams_stand_side_by_side_with_reports_outside_results_and_images() -> None:
    now, before = an_exam(), an_exam()
    merge_patients(before.patient_id, now.patient_id, Actor("test"), reason="một người")
    approved(now, a_reader(), conclusion="Nang thận phải 20 mm.")
    ExternalResult.objects.create(
        procedure=before, source="PK|BVX", result_number="1", status="F", text="Nang 12 mm", digest="1",
        received_at=timezone.now(),
    )  # fmt: skip
    page = client_as().get(f"/compare/?exams={now.pk},{before.pk}").content.decode()
    for text in ("Nang thận phải 20 mm.", "Nang 12 mm", now.study_instance_uid, before.study_instance_uid):
        assert text in page
    assert page.count("<iframe") == 1  # one person: both in one viewer
    assert "người bệnh khác nhau" not in page
    events = AuditEvent.objects.filter(action="exam.compared")
    assert {event.subject for event in events} == {f"exam:{now.pk}", f"exam:{before.pk}"}


def test_exams_of_several_patients_say_so_and_have_a_viewer_each() -> None:
    one, other = an_exam(), an_exam()
    page = client_as().get(f"/compare/?exams={one.pk}&exams={other.pk}").content.decode()
    assert "Đây là ca của 2 người bệnh khác nhau." in page
    assert page.count("<iframe") == 2


def test_a_recalled_report_is_not_compared() -> None:
    one, other, reader = an_exam(), an_exam(), a_reader()
    approved(one, reader, conclusion="Nang thận trái.")
    recall(Reading.objects.get(procedure=one).pk, 1, "sai bên", reader)
    client = client_as()
    assert "Nang thận trái." not in client.get(f"/compare/?exams={one.pk},{other.pk}").content.decode()
    assert "Nang thận trái." not in client.get(f"/patients/{one.patient_id}/history/").content.decode()


def test_one_exam_is_no_comparison() -> None:
    exam = an_exam()
    for query in ("", f"?exams={exam.pk}", f"?exams={exam.pk},{exam.pk},999999,x"):
        assert client_as().get(f"/compare/{query}").status_code == 404
