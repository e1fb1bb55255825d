"""Critical results on the screens."""

from __future__ import annotations

import pytest

from ris_core.critical_results.models import CriticalResult
from ris_testing.exams import an_exam
from ris_webapp.tests.people import client_as

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
