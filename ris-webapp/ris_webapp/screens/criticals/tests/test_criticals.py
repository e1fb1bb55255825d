"""Critical results on the screens."""

from __future__ import annotations

import pytest

from ris_core.critical_results.models import CriticalResult
from ris_core.second_readings.models import ReadingRule
from ris_testing.exams import an_exam
from ris_webapp.rail import RAIL
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db


def test_a_finding_goes_from_the_exam_to_the_inbox_and_is_acknowledged_there() -> None:
    exam, reader, clinician = an_exam(), client_as(), client_as("CLINICIAN")
    assert f"/exams/{exam.pk}/critical" in reader.get(f"/exams/{exam.pk}/").content.decode()
    assert reader.post(f"/exams/{exam.pk}/critical", {"urgency": "RED", "finding": ""}).status_code == 422
    assert reader.post(f"/exams/{exam.pk}/critical", {"urgency": "RED", "finding": "Tràn khí"}).status_code == 302
    assert "Tràn khí" in clinician.get("/criticals/").content.decode()
    critical = CriticalResult.objects.get()
    clinician.post(f"/criticals/{critical.pk}/acknowledge", {"received_by": "ĐD. trực"})
    critical.refresh_from_db()
    assert critical.received_by == "ĐD. trực"
    assert "ĐD. trực" in clinician.get("/criticals/").content.decode()


def test_the_number_in_the_rail_counts_what_its_reader_may_see() -> None:
    exam, finder = an_exam(), a_user()
    ReadingRule.objects.create(modality="CT", readings=2, blinded=True)
    client_as(user=finder).post(f"/exams/{exam.pk}/critical", {"urgency": "RED", "finding": "Tràn khí"})
    entry = next(each for each in RAIL if each.url_name == "criticals:inbox")
    assert entry.waiting_for is not None
    assert [entry.waiting_for(user) for user in (finder, a_user(), a_user("CLINICIAN"))] == [1, 0, 1]
