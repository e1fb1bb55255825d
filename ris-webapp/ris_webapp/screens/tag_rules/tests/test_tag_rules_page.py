"""The page of the tag rules: what is wrong is said, a dry run writes nothing, saving makes a version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from ris_core.accounts.models import Role
from ris_core.studies.models import Study
from ris_core.tag_rules.models import TagRulesVersion
from ris_testing.exams import an_exam, link_images
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

RULE: dict[str, Any] = {
    "rules": [
        {"name": "Tên máy", "changes": [{"action": "set", "attribute": "StudyDescription", "value": "Siêu âm bụng"}]}
    ]
}


@pytest.fixture
def administrator() -> Client:
    return client_as(Role.ADMINISTRATOR)


def _post(client: Client, act: str, rules: object = RULE, over: int = 0) -> Any:
    text = rules if isinstance(rules, str) else json.dumps(rules)
    return client.post("/tag-rules/save", {"rules": text, "act": act, "over": over, "note": "máy mới"}, follow=True)


def test_without_rules_there_is_an_example(administrator: Client) -> None:
    page = administrator.get("/tag-rules/").content.decode()
    assert "PatientComments" in page
    assert "Chưa có phiên bản nào" in page


def test_a_dry_run_shows_before_and_after_and_writes_nothing(administrator: Client) -> None:
    study = link_images(an_exam(images=False), study_description="US").study
    page = _post(administrator, "try").content.decode()
    assert "Siêu âm bụng" in page
    assert f"/studies/{study.pk}/" in page
    assert not TagRulesVersion.objects.exists()
    assert Study.objects.get(pk=study.pk).restated == {}


def test_saved_rules_are_a_version_and_an_older_page_overwrites_nothing(administrator: Client) -> None:
    assert "Phiên bản 1" in _post(administrator, "save").content.decode()
    answer = _post(administrator, "save", over=0)
    assert answer.status_code == 422
    assert "Có người vừa lưu" in answer.content.decode()
    assert TagRulesVersion.objects.get().note == "máy mới"
    assert "Tên máy" in administrator.get("/tag-rules/?version=1").content.decode()
    assert administrator.get("/tag-rules/?version=9").status_code == 404


@pytest.mark.parametrize(
    ("rules", "told"), [("{", "JSON"), ({"rules": [{"name": "x", "changes": []}]}, "rules[0]"), ({"x": 1}, "x")]
)
def test_what_is_wrong_is_said_beside_the_field(administrator: Client, rules: object, told: str) -> None:
    answer = _post(administrator, "save", rules)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not TagRulesVersion.objects.exists()
