"""Tag rules: what they change, what they may not, and that they come before matching."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.engine.answers import EngineStudy
from ris_core.errors import EditConflict, InvalidValue
from ris_core.identifiers import OrthancId
from ris_core.studies.models import Study
from ris_core.studies.received import read_header
from ris_core.studies.services import note_study
from ris_core.studies.wanted import plan_for
from ris_core.tag_rules.rules import TagRules, apply_rules, rules_from_json
from ris_core.tag_rules.services import change_rules, dry_run, rules_in_force, rules_number
from ris_testing.dicom_files import a_dicom_file

ADMINISTRATOR = Actor("admin")
KEY: dict[str, Any] = {
    "name": "exam key from the comments",
    "conditions": [
        {"attribute": "Device", "test": "equals", "value": "us1"},
        {"attribute": "AccessionNumber", "test": "missing"},
    ],
    "changes": [
        {"action": "copy", "attribute": "AccessionNumber", "source": "PatientComments", "pattern": r"KEY=(\w{4,12})"}
    ],
}


def _rules(*rules: dict[str, Any]) -> TagRules:
    return rules_from_json({"rules": list(rules)})


def _change(**change: str) -> dict[str, Any]:
    return {"name": "x", "changes": [change]}


def test_a_key_is_copied_where_the_conditions_hold() -> None:
    comments = {"PatientComments": "please, KEY=AB12CD"}
    assert apply_rules(_rules(KEY), comments, "US1").changes == {"AccessionNumber": "AB12CD"}
    assert apply_rules(_rules(KEY), comments, "CT1").changes == {}
    assert apply_rules(_rules(KEY), {**comments, "AccessionNumber": "A1"}, "US1").changes == {}
    assert apply_rules(_rules({**KEY, "on": False}), comments, "US1").changes == {}


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"action": "set", "value": "Siêu âm"}, "US", "Siêu âm"),
        ({"action": "replace", "pattern": r"^XX-", "value": ""}, "XX-42", "42"),
        ({"action": "replace", "pattern": "a", "value": r"g<0>"}, "bab", "bg<0>b"),
        ({"action": "empty"}, "US", ""),
        ({"action": "copy", "source": "StudyID"}, "US", "S1"),
        ({"action": "set", "value": "x" * 65}, "kept", "kept"),
    ],
)
def test_each_action(change: dict[str, str], before: str, after: str) -> None:
    rules = _rules(_change(attribute="StudyDescription", **change))
    changed = apply_rules(rules, {"StudyDescription": before, "StudyID": "S1"}, "").changes
    assert changed == ({"StudyDescription": after} if after != before else {})


def test_later_rules_see_what_earlier_ones_did() -> None:
    first = _change(action="set", attribute="StudyID", value="7")
    second = {**_change(action="copy", attribute="AccessionNumber", source="StudyID"), "name": "y"}
    applied = apply_rules(_rules(first, second), {}, "")
    assert (applied.changes, applied.rules) == ({"AccessionNumber": "7", "StudyID": "7"}, ("x", "y"))


@pytest.mark.parametrize(
    "rule",
    [
        _change(action="set", attribute="StudyInstanceUID", value="1.2.3"),
        _change(action="set", attribute="SpecificCharacterSet", value="ISO_IR 100"),
        _change(action="set", attribute="TransferSyntaxUID", value="1"),
        _change(action="set", attribute="PixelData", value="x"),
        _change(action="set", attribute="PatientID", value="x"),
        _change(action="copy", attribute="StudyID", source="PixelData"),
        _change(action="replace", attribute="StudyID"),
        _change(action="replace", attribute="StudyID", pattern=r"(a)\1"),
        _change(action="replace", attribute="StudyID", pattern="("),
        _change(action="set", attribute="StudyID", value="a\\b"),
        _change(action="run", attribute="StudyID"),
        {"name": "", "changes": [{"action": "empty", "attribute": "StudyID"}]},
        {"name": "x", "changes": []},
        {**KEY, "unknown": 1},
    ],
)
def test_what_rules_may_not(rule: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        _rules(rule)


def test_identity_is_changed_only_by_a_rule_that_says_so() -> None:
    rule = {**_change(action="replace", attribute="PatientID", pattern="^0+", value=""), "changes_identity": True}
    assert apply_rules(_rules(rule), {"PatientID": "0042"}, "").changes == {"PatientID": "42"}


@pytest.mark.django_db
def test_versions_and_their_conflict() -> None:
    assert (rules_number(), rules_in_force()) == (0, TagRules())
    change_rules(_rules(KEY), over=0, note="ultrasound has no worklist", actor=ADMINISTRATOR)
    with pytest.raises(EditConflict):
        change_rules(_rules(), over=0, note="", actor=ADMINISTRATOR)
    assert (rules_number(), rules_in_force()) == (1, _rules(KEY))


def _arrived(**attributes: Any) -> Study:
    found = EngineStudy(
        OrthancId("11111111-22222222-33333333-44444444-55555555"), "1.2.3", (), 1, ("US",), True, timezone.now(), {}
    )
    return note_study(found, [read_header(a_dicom_file(**attributes))], "US1")


@pytest.mark.django_db
def test_rules_are_applied_when_a_study_arrives_and_what_came_is_kept() -> None:
    change_rules(_rules(KEY), over=0, note="", actor=ADMINISTRATOR)
    study = _arrived(PatientComments="KEY=AB12CD")
    assert study.restated == {"00080050": "AB12CD"}
    assert plan_for(study).wanted[0x00080050] == "AB12CD"
    assert "00080050" not in study.as_received
    event = AuditEvent.objects.get(action="study.restated")
    assert event.details["rules"] == ["exam key from the comments"]
    assert "AB12CD" not in str(event.details)


@pytest.mark.django_db
def test_a_dry_run_shows_before_and_after_and_writes_nothing() -> None:
    study = _arrived(PatientComments="KEY=AB12CD", AccessionNumber="")
    (preview,) = dry_run(_rules(KEY), Study.objects.all())
    assert (preview.before, preview.applied.changes) == ({"AccessionNumber": ""}, {"AccessionNumber": "AB12CD"})
    study.refresh_from_db()
    assert study.restated == {}
