"""The screen of exams that several read."""

from __future__ import annotations

import pytest

from ris_core.second_readings.models import ReadingRule
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/reading-rules/"


def test_an_administrator_sets_and_removes_rules() -> None:
    client = client_as("ADMINISTRATOR")
    values = {"modality": "mg", "service_code": "", "readings": "2", "blinded": "on"}
    assert client.post(ADDRESS, values).status_code == 302
    rule = ReadingRule.objects.get()
    assert (rule.modality, rule.readings, rule.blinded) == ("MG", 2, True)
    assert "MG" in client.get(ADDRESS).content.decode()
    assert client.post(f"{ADDRESS}{rule.pk}/remove").status_code == 302
    assert not ReadingRule.objects.exists()


def test_mistakes_are_told_beside_their_field() -> None:
    page = client_as("ADMINISTRATOR").post(ADDRESS, {"modality": "M G", "readings": "2"})
    assert page.status_code == 422
    assert 'id="modality-error"' in page.content.decode()
