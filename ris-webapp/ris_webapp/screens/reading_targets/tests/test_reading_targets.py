"""The screen of target times."""

from __future__ import annotations

import pytest

from ris_core.exam_lists.models import ReadingTarget
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/reading-targets/"


def test_an_administrator_sets_and_removes_targets() -> None:
    client = client_as("ADMINISTRATOR")
    values = {"priority": "STAT", "patient_class": "E", "modality": "ct", "service_code": "", "minutes": "45"}
    assert client.post(ADDRESS, values).status_code == 302
    target = ReadingTarget.objects.get()
    assert (target.priority, target.modality, target.minutes) == ("STAT", "CT", 45)
    assert "45" in client.get(ADDRESS).content.decode()
    assert client.post(f"{ADDRESS}{target.pk}/remove").status_code == 302
    assert not ReadingTarget.objects.exists()


def test_mistakes_are_told_beside_their_field() -> None:
    page = client_as("ADMINISTRATOR").post(ADDRESS, {"minutes": "0", "modality": "C T"})
    assert page.status_code == 422
    text = page.content.decode()
    assert 'id="minutes-error"' in text
    assert 'id="modality-error"' in text


def test_nobody_else_opens_it() -> None:
    assert client_as().get(ADDRESS).status_code == 403
