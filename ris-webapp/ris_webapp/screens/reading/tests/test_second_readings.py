"""Exams that several read, on the reading page."""

from __future__ import annotations

import pytest
from django.test import Client

from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.second_readings.models import Opinion, ReadingRule
from ris_webapp.screens.reading.tests.exams import a_study, a_user, an_exam, client_of
from ris_webapp.screens.reading.tests.test_actions import post

pytestmark = pytest.mark.django_db


def _exam(*, blinded: bool) -> RequestedProcedure:
    exam = an_exam()
    a_study(exam)
    ReadingRule.objects.create(modality=exam.modality, readings=2, blinded=blinded)
    return exam


def _typed(client: Client, exam: RequestedProcedure, conclusion: str) -> int:
    status = post(client, exam, "claim").json()
    content = plain_content("", "", conclusion).as_json()
    saved = post(client, exam, "draft", revision=status["revision"], content=content)
    assert saved.status_code == 200, saved.content
    return int(saved.json()["revision"])


@pytest.mark.parametrize("blinded", [True, False])
def test_a_blinded_reader_gets_no_word_of_another_before_all_are_done(blinded: bool) -> None:
    exam = _exam(blinded=blinded)
    first, second = client_of(a_user()), client_of(a_user())
    revision = _typed(first, exam, "U phổi phải nghi ngờ")
    waiting = second.get(f"/exams/{exam.pk}/status").content.decode()
    assert ("nghi ng" in waiting) is not blinded
    concluded = post(first, exam, "conclude", revision=revision)
    assert concluded.status_code == 200
    assert not concluded.json()["rights"]["claim"]
    revision = _typed(second, exam, "Viêm phổi")
    status = second.get(f"/exams/{exam.pk}/status").json()
    assert ("U phổi phải" in status["head"]) is not blinded
    assert (status["rights"]["conclude"], status["rights"]["approve_final"]) == (blinded, not blinded)
    if blinded:
        assert post(second, exam, "approve", revision=revision, status="F").status_code == 409
        assert "U phổi phải" in post(second, exam, "conclude", revision=revision).json()["head"]
    assert post(second, exam, "approve", revision=revision, status="F").status_code == 200
    opinion = Opinion.objects.get(position=1)
    assert post(second, exam, "judge", opinion=str(opinion.pk), agreement="MINOR").status_code == 200
    read = client_of(a_user("CLINICIAN")).get(f"/exams/{exam.pk}/status").json()
    assert read["texts"]["conclusion"] == "Viêm phổi"
    assert "U phổi phải" not in str(read)


def test_the_worklist_says_which_reading_is_due() -> None:
    exam, reader = _exam(blinded=False), client_of(a_user())
    post(reader, exam, "conclude", revision=_typed(reader, exam, "Ý kiến"))
    assert "đọc lần 2" in client_of(a_user()).get("/").content.decode()
    assert post(reader, exam, "claim").status_code == 409
