"""Dose, films, exposures and times of an exam on the screen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.doses.models import ExamCount, ExamDose, TimeCorrection
from ris_core.studies.models import StudyLink
from ris_testing.exams import an_exam
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_a_technologist_counts_and_puts_the_time_right() -> None:
    exam, client = an_exam(), client_as(Role.TECHNOLOGIST)
    ExamDose.objects.create(procedure=exam, source="REPORT", dlp_mgy_cm=512.4, read_at=timezone.now())
    address = f"/exams/{exam.pk}/acquisition/"
    assert "DLP 512.4 mGy·cm" in client.get(address).content.decode()
    assert "DLP 512.4 mGy·cm" in client.get(f"/worklist/{exam.pk}/").content.decode()
    assert client.post(f"{address}counts", {"films": "2", "exposures": "x"}).status_code == 422
    assert client.post(f"{address}counts", {"films": "2", "exposures": "5"}).status_code == 302
    assert (ExamCount.objects.get().films, ExamCount.objects.get().exposures) == (2, 5)
    at = timezone.localtime(timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    wrong = client.post(f"{address}time", {"moment": "ACQUIRED", "corrected_to": at, "reason": ""})
    assert wrong.status_code == 422
    assert "ACQUIRED-reason-error" in wrong.content.decode()
    assert client.post(f"{address}time", {"moment": "ACQUIRED", "corrected_to": "", "reason": "x"}).status_code == 422
    fields = {"moment": "ACQUIRED", "corrected_to": at, "reason": "Máy sai giờ"}
    assert client.post(f"{address}time", fields).status_code == 302
    assert TimeCorrection.objects.get().reason == "Máy sai giờ"
    assert "Máy sai giờ" in client.get(address).content.decode()


def test_each_exam_of_a_shared_study_says_with_which_other() -> None:
    head, neck, client = an_exam(), an_exam(), client_as(Role.TECHNOLOGIST)
    assert "Chụp chung" not in client.get(f"/exams/{head.pk}/acquisition/").content.decode()
    StudyLink.objects.create(study=head.links.get().study, procedure=neck, how="PERSON", linked_at=timezone.now())
    for exam, other in ((head, neck), (neck, head)):
        page = client.get(f"/exams/{exam.pk}/acquisition/").content.decode()
        assert "Chụp chung một lần với:" in page
        assert other.request.accession_number in page
        assert "chung với" in client.get(f"/worklist/{exam.pk}/").content.decode()


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.SECRETARY, Role.RESIDENT])
def test_others_only_look(role: str) -> None:
    exam, client = an_exam(), client_as(role)
    page = client.get(f"/exams/{exam.pk}/acquisition/")
    assert page.status_code == 200
    assert 'type="datetime-local"' not in page.content.decode()
    assert client.post(f"/exams/{exam.pk}/acquisition/counts", {"films": "1", "exposures": "1"}).status_code == 403


def test_the_reception_does_not_see_it() -> None:
    assert client_as(Role.RECEPTION).get(f"/exams/{an_exam().pk}/acquisition/").status_code == 403
