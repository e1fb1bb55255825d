"""The form of tag rules: rows become rules, buttons arrange them, and what is wrong is named by its field."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.tag_rules.rules import rules_from_json
from ris_webapp.screens.tag_rules.form import Rule, new_rule, problems_of, rearranged, typed_rules


def as_posted(rules: list[Rule]) -> dict[str, str]:
    """What a browser sends for these rules."""
    posted: dict[str, str] = {}
    for number, rule in enumerate(rules):
        posted[f"{number}.name"] = rule["name"]
        posted |= {f"{number}.{name}": "on" for name in ("on", "changes_identity") if rule[name]}
        for rows in ("conditions", "changes"):
            for place, row in enumerate(rule[rows]):
                posted |= {f"{number}.{rows}.{place}.{part}": text for part, text in row.items()}
    return posted


def a_rule(name: str = "Tên máy", **parts: Any) -> Rule:
    change = {"action": "set", "attribute": "StudyDescription", "source": "", "pattern": "", "value": "Siêu âm"}
    return {"name": name, "on": True, "changes_identity": False, "conditions": [], "changes": [change], **parts}


def test_rows_become_rules_in_their_order_and_parts_that_do_not_belong_are_left_out() -> None:
    condition = {"attribute": "AccessionNumber", "test": "missing", "value": "typed before"}
    rules = [a_rule("b", conditions=[condition]), a_rule("a", on=False)]
    posted = {**as_posted(rules), "csrfmiddlewaretoken": "x", "act": "try", "note": "n", "1.changes.0.pattern": "left"}
    typed = typed_rules(posted)
    assert [rule["name"] for rule in typed] == ["b", "a"]
    assert typed[0]["conditions"][0]["value"] == ""
    assert typed[1]["changes"][0]["pattern"] == ""
    assert [rule.on for rule in rules_from_json({"rules": typed}).rules] == [True, False]


@pytest.mark.parametrize(
    ("act", "names", "focus"),
    [
        ("add", ["a", "b", "c", ""], "3.name"),
        ("1.up", ["b", "a", "c"], "0.up"),
        ("1.down", ["a", "c", "b"], "2.down"),
        ("0.up", ["a", "b", "c"], ""),
        ("2.down", ["a", "b", "c"], ""),
        ("1.remove", ["a", "c"], "1.name"),
        ("2.remove", ["a", "b"], "1.name"),
        ("9.remove", ["a", "b", "c"], ""),
        ("anything", ["a", "b", "c"], ""),
        ("", ["a", "b", "c"], ""),
    ],
)
def test_rules_are_added_moved_and_removed(act: str, names: list[str], focus: str) -> None:
    arranged, at = rearranged([a_rule("a"), a_rule("b"), a_rule("c")], act)
    assert ([rule["name"] for rule in arranged], at) == (names, focus)


def test_rows_of_a_rule_are_added_and_removed() -> None:
    rules, focus = rearranged([a_rule()], "0.add_condition")
    assert (len(rules[0]["conditions"]), focus) == (1, "0.conditions.0.attribute")
    rules, focus = rearranged(rules, "0.add_change")
    assert (len(rules[0]["changes"]), focus) == (2, "0.changes.1.action")
    rules, _focus = rearranged(rules, "0.changes.0.remove")
    rules, _focus = rearranged(rules, "0.conditions.0.remove")
    assert (len(rules[0]["changes"]), rules[0]["conditions"]) == (1, [])


def change(**parts: str) -> Rule:
    empty = {"action": "set", "attribute": "StudyID", "source": "", "pattern": "", "value": ""}
    return a_rule(changes=[{**empty, **parts}])


def condition(**parts: str) -> Rule:
    return a_rule(conditions=[{"attribute": "Device", "test": "equals", "value": "US1", **parts}])


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (a_rule(""), "0.name"),
        (a_rule(changes=[]), "0.changes"),
        (new_rule(), "0.name"),
        (condition(value=""), "0.conditions.0.value"),
        (condition(test="matches", value="("), "0.conditions.0.value"),
        (condition(test="resembles"), "0.conditions.0.test"),
        (condition(attribute="PixelData"), "0.conditions.0.attribute"),
        (change(), "0.changes.0.value"),
        (change(value="x" * 17), "0.changes.0.value"),
        (change(value="a\\b"), "0.changes.0.value"),
        (change(action="copy"), "0.changes.0.source"),
        (change(action="copy", source="PatientID", pattern=r"(a)\1"), "0.changes.0.pattern"),
        (change(action="replace", value="x"), "0.changes.0.pattern"),
        (change(action="run"), "0.changes.0.action"),
        (change(attribute="StudyInstanceUID", value="1.2"), "0.changes.0.attribute"),
        (change(attribute="PatientID", value="1"), "0.changes_identity"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(rule: Rule, path: str) -> None:
    assert path in problems_of([rule])


def test_what_the_form_takes_the_rules_take() -> None:
    rules = [
        a_rule(),
        condition(test="matches", value=r"^US\d$"),
        change(action="copy", source="PatientComments", pattern=r"KEY=(\w{4,12})"),
        change(action="replace", pattern="^0+", value=""),
        change(action="empty"),
        {**change(attribute="PatientID", value="1"), "changes_identity": True},
    ]
    assert problems_of(rules) == {}
    assert len(rules_from_json({"rules": typed_rules(as_posted(rules))}).rules) == len(rules)
