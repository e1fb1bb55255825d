"""The page of the tag rules: errors beside their fields, nothing is saved unseen, saving makes a version."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from ris_core.accounts.models import Role
from ris_core.studies.models import Study
from ris_core.tag_rules.models import TagRulesVersion
from ris_testing.exams import an_exam, link_images
from ris_webapp.screens.tag_rules.form import Rule
from ris_webapp.screens.tag_rules.tests.test_form import a_rule, as_posted
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> Client:
    return client_as(Role.ADMINISTRATOR)


def _post(client: Client, act: str, *rules: Rule, over: int = 0, tried: str = "", **more: str) -> Any:
    form = {**as_posted(list(rules or (a_rule(),))), "act": act, "over": str(over), "note": "máy mới", "tried": tried}
    return client.post("/tag-rules/save", {**form, **more}, follow=True)


def _tried(answer: Any) -> str:
    found = re.search(r'name="tried" value="(\w*)"', answer.content.decode())
    assert found is not None
    return found[1]


def _saved(client: Client, *rules: Rule, over: int = 0) -> Any:
    return _post(client, "save", *rules, over=over, tried=_tried(_post(client, "try", *rules, over=over)))


def test_without_rules_there_is_an_example(administrator: Client) -> None:
    page = administrator.get("/tag-rules/").content.decode()
    assert "PatientComments" in page
    assert "Chưa có phiên bản nào" in page


def test_a_dry_run_shows_before_and_after_and_writes_nothing(administrator: Client) -> None:
    study = link_images(an_exam(images=False), study_description="US").study
    page = _post(administrator, "try").content.decode()
    assert "Siêu âm" in page
    assert f"/studies/{study.pk}/" in page
    assert not TagRulesVersion.objects.exists()
    assert Study.objects.get(pk=study.pk).restated == {}


def test_rules_are_saved_only_after_these_very_rules_were_tried(administrator: Client) -> None:
    first = _post(administrator, "save")
    assert "bấm lưu lần nữa" in first.content.decode()
    other = _post(administrator, "save", a_rule("another"), tried=_tried(first))
    assert "bấm lưu lần nữa" in other.content.decode(), "they were changed after the dry run"
    assert not TagRulesVersion.objects.exists()
    assert "Phiên bản 1" in _post(administrator, "save", a_rule("another"), tried=_tried(other)).content.decode()
    assert TagRulesVersion.objects.get().note == "máy mới"


def test_an_older_page_overwrites_nothing(administrator: Client) -> None:
    _saved(administrator)
    answer = _saved(administrator, a_rule("another"), over=0)
    assert answer.status_code == 409
    assert "Có người vừa lưu" in answer.content.decode()
    assert TagRulesVersion.objects.count() == 1


def test_versions_can_be_looked_at_and_say_what_they_changed(administrator: Client) -> None:
    _saved(administrator, a_rule("first"), a_rule("second"))
    _saved(administrator, a_rule("second"), a_rule("first", on=False), a_rule("third"), over=1)
    page = administrator.get("/tag-rules/").content.decode()
    for told in ("+ third", "≠ first", "đổi thứ tự"):
        assert told in page
    page = administrator.get("/tag-rules/?version=1").content.decode()
    assert "Đang xem phiên bản 1" in page
    assert "third" not in page.split("<aside")[0]
    assert administrator.get("/tag-rules/?version=9").status_code == 404


def test_rows_are_arranged_without_saving_and_even_when_something_is_wrong(administrator: Client) -> None:
    answer = _post(administrator, "1.up", a_rule(""), a_rule("b"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert re.findall(r'name="\d+\.name" value="(\w*)"', page) == ["b", ""]
    assert not TagRulesVersion.objects.exists()


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (a_rule(""), "0.name"),
        (a_rule(conditions=[{"attribute": "Device", "test": "matches", "value": "(a)\\1"}]), "0.conditions.0.value"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(administrator: Client, rule: Rule, path: str) -> None:
    for act in ("try", "save"):
        answer = _post(administrator, act, rule)
        assert answer.status_code == 422
        assert f'aria-describedby="e.{path}"' in answer.content.decode()
    assert not TagRulesVersion.objects.exists()
