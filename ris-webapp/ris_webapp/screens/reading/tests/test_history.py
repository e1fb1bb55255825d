"""The history of a report: versions and earlier drafts compared, taken again; words kept on a reader's computer."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import settings
from msgspec.structs import replace

from ris_core.audit.services import Actor
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.reports.holding import claim
from ris_core.reports.models import VersionStatus
from ris_core.reports.services import amend, approve, open_reading, save_draft
from ris_webapp.screens.reading.tests.exams import a_study, a_user, an_exam, client_of

pytestmark = pytest.mark.django_db


def corrected_exam() -> tuple[RequestedProcedure, Any]:
    """Two versions and an earlier draft, and who wrote them."""
    exam, user = an_exam(), a_user()
    a_study(exam)
    actor = Actor(user.username, user.pk)
    reading = claim(open_reading(exam.pk).pk, actor)
    save_draft(reading.pk, 0, plain_content(conclusion="Nang thận."), actor, "one")
    revision = save_draft(reading.pk, 1, plain_content(conclusion="Nang gan."), actor, "other")
    approve(reading.pk, revision, VersionStatus.FINAL, actor)
    amend(reading.pk, actor)
    revision = save_draft(reading.pk, revision, plain_content(conclusion="Nang gan trái."), actor, "other")
    approve(reading.pk, revision, VersionStatus.CORRECTED, actor)
    return exam, user


def test_versions_and_drafts_say_who_and_when() -> None:
    exam, user = corrected_exam()
    page = client_of(user).get(f"/exams/{exam.pk}/versions").content.decode()
    assert page.count('class="version"') == 2
    assert "Bản nháp trước" in page
    assert page.count('value="v1"') == 2
    assert user.full_name in page


def test_any_two_states_are_compared_the_earlier_one_first() -> None:
    exam, user = corrected_exam()
    client = client_of(user)
    for query in ("older=v1&newer=v2", "older=v2&newer=v1"):
        page = client.get(f"/exams/{exam.pk}/versions/compare?{query}").content.decode()
        assert "<ins> trái</ins>" in page
    page = client.get(f"/exams/{exam.pk}/versions/compare?older=d1&newer=v2").content.decode()
    assert "<del>thận</del>" in page
    assert client.get(f"/exams/{exam.pk}/versions/compare?older=v1&newer=v9").status_code == 404


def test_who_does_not_read_sees_versions_and_no_drafts() -> None:
    exam, _user = corrected_exam()
    clinician = client_of(a_user("CLINICIAN"))
    page = clinician.get(f"/exams/{exam.pk}/versions").content.decode()
    assert "Bản nháp trước" not in page
    assert clinician.get(f"/exams/{exam.pk}/versions/compare?older=v1&newer=v2").status_code == 200
    assert clinician.get(f"/exams/{exam.pk}/versions/compare?older=d1&newer=v2").status_code == 404
    assert clinician.get(f"/exams/{exam.pk}/drafts/1").status_code == 403


def test_an_earlier_draft_comes_with_what_stands_against_it() -> None:
    exam, user = corrected_exam()
    answer = client_of(user).get(f"/exams/{exam.pk}/drafts/1").json()
    assert answer["mine"]["sections"][2]["blocks"][0]["text"] == "Nang thận."
    assert answer["theirs"]["texts"]["conclusion"] == "Nang gan trái."
    assert [each["section"] for each in answer["theirs"]["differences"] if each["changed"]] == ["conclusion"]


def test_words_from_a_computer_are_compared_and_change_nothing() -> None:
    exam, user = corrected_exam()
    body = {"content": plain_content(conclusion="Nang gan phải.").as_json()}
    answer = client_of(user).post(f"/exams/{exam.pk}/differences", body, content_type="application/json").json()
    assert answer["texts"]["conclusion"] == "Nang gan trái."
    assert answer["window"] == "other"
    assert [each["changed"] for each in answer["differences"]] == [True]


def test_the_key_of_kept_words_is_each_users_own_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = a_user(), a_user()
    keys = [client_of(user).get("/exams/local-keep").json()["key"] for user in (one, one, other)]
    assert len(base64.b64decode(keys[0])) == 32
    assert keys[0] == keys[1] != keys[2]
    off = replace(settings.QUANG, reading=replace(settings.QUANG.reading, local_keep_hours=0))
    monkeypatch.setattr(settings, "QUANG", off)
    assert client_of(one).get("/exams/local-keep").json()["key"] == ""


def test_the_microphone_is_closed_until_dictation_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    exam, client = an_exam(), client_of(a_user())
    page = client.get(f"/exams/{exam.pk}/")
    assert "microphone=()" in page.headers["Permissions-Policy"]
    assert b'id="dictation"' not in page.content
    on = replace(settings.QUANG, reading=replace(settings.QUANG.reading, dictation=True))
    monkeypatch.setattr(settings, "QUANG", on)
    page = client.get(f"/exams/{exam.pk}/")
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    assert b'id="dictation"' in page.content
    assert "microphone=()" in client.get("/").headers["Permissions-Policy"]
