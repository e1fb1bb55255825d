"""Tag rules as a form: what a browser sends as rows, how rows are added, moved and removed, what is wrong beside which.

A field is named by its place: ``0.name``, ``0.conditions.1.value``, ``0.changes.0.attribute``. The same paths name
what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from ris_core.errors import InvalidValue
from ris_core.patterns import PatternRefused, check_pattern
from ris_core.tag_rules.rules import DEVICE, IDENTITY, LONGEST, READABLE, WRITABLE

Rule = dict[str, Any]
"""A rule as JSON has it; a row that is being typed may be incomplete."""

CONDITION_PARTS: Final = ("attribute", "test", "value")
CHANGE_PARTS: Final = ("action", "attribute", "source", "pattern", "value")
TESTS: Final = ("equals", "contains", "matches", "missing", "present")
TESTS_WITHOUT_VALUE: Final = ("missing", "present")
PARTS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "set": ("value",), "copy": ("source", "pattern"), "replace": ("pattern", "value"), "empty": (),
}  # fmt: skip
"""Which parts an action has, beside the attribute that it changes."""
LONGEST_LINE: Final = 200
MOST_FIELDS: Final = 900
"""Of a form, below the thousand that Django takes."""
_PATH: Final = re.compile(r"(\d{1,3})(?:\.(conditions|changes)\.(\d{1,3}))?\.(\w+)")
_NEW_CONDITION: Final = {"attribute": DEVICE, "test": "equals", "value": ""}
_NEW_CHANGE: Final = {"action": "set", "attribute": "StudyDescription", "source": "", "pattern": "", "value": ""}


def new_rule() -> Rule:
    """A rule to fill in: of one device, one change."""
    return {
        "name": "", "on": True, "changes_identity": False,
        "conditions": [dict(_NEW_CONDITION)], "changes": [dict(_NEW_CHANGE)],
    }  # fmt: skip


def typed_rules(posted: Mapping[str, str]) -> list[Rule]:
    """The rules in a form that was sent, in its order."""
    rules: dict[int, Rule] = {}
    for name, text in posted.items():
        found = _PATH.fullmatch(name)
        if found is None:
            continue
        number, rows, row, part = found.groups()
        rule = rules.setdefault(int(number), {"conditions": {}, "changes": {}})
        if rows:
            rule[rows].setdefault(int(row), {})[part] = str(text).strip()[:LONGEST_LINE]
        else:
            rule[part] = str(text).strip()[:LONGEST_LINE]
    return [_completed(rule) for _number, rule in sorted(rules.items())]


def _completed(rule: Rule) -> Rule:
    """A rule with every part, and nothing that its tests and actions do not have."""
    conditions = [{part: row.get(part, "") for part in CONDITION_PARTS} for row in _in_order(rule["conditions"])]
    for condition in conditions:
        if condition["test"] in TESTS_WITHOUT_VALUE:
            condition["value"] = ""
    changes = [{part: row.get(part, "") for part in CHANGE_PARTS} for row in _in_order(rule["changes"])]
    for change in changes:
        for part in ("source", "pattern", "value"):
            if part not in PARTS_OF.get(change["action"], ()):
                change[part] = ""
    return {
        "name": rule.get("name", ""),
        "on": rule.get("on") == "on",
        "changes_identity": rule.get("changes_identity") == "on",
        "conditions": conditions,
        "changes": changes,
    }


def _in_order(rows: Mapping[int, dict[str, str]]) -> list[dict[str, str]]:
    return [row for _number, row in sorted(rows.items())]


def rearranged(rules: list[Rule], act: str) -> tuple[list[Rule], str]:
    """The rules after a button was pressed, and the path of the field to go on with.

    ``add``; ``<rule>.up``, ``.down``, ``.remove``, ``.add_condition``, ``.add_change``;
    ``<rule>.conditions.<row>.remove``, ``<rule>.changes.<row>.remove``. Anything else changes nothing.
    """
    if act == "add":
        return [*rules, new_rule()], f"{len(rules)}.name"
    found = _PATH.fullmatch(act)
    number = int(found[1]) if found else -1
    if found is None or number >= len(rules):
        return rules, ""
    rules = list(rules)
    rule = rules[number]
    match found[2] or "", found[4]:
        case ("conditions" | "changes") as rows, "remove":
            rule[rows] = [row for place, row in enumerate(rule[rows]) if place != int(found[3])]
            return rules, f"{number}.name"
        case "", "add_condition":
            rule["conditions"].append(dict(_NEW_CONDITION))
            return rules, f"{number}.conditions.{len(rule['conditions']) - 1}.attribute"
        case "", "add_change":
            rule["changes"].append(dict(_NEW_CHANGE))
            return rules, f"{number}.changes.{len(rule['changes']) - 1}.action"
        case "", "remove":
            del rules[number]
            return rules, f"{min(number, len(rules) - 1)}.name" if rules else ""
        case "", ("up" | "down") as direction:
            other = number - 1 if direction == "up" else number + 1
            if 0 <= other < len(rules):
                rules[number], rules[other] = rules[other], rules[number]
                return rules, f"{other}.{direction}"
    return rules, ""


def fields_of(rules: list[Rule]) -> int:
    """How many fields their form sends."""
    return sum(3 + 3 * len(rule["conditions"]) + 5 * len(rule["changes"]) for rule in rules)


@dataclass(slots=True)
class Problems:
    """What is wrong, by the path of the field."""

    found: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, told: str) -> None:
        self.found.setdefault(path, told)

    def pattern(self, path: str, text: str) -> None:
        try:
            check_pattern(text, path)
        except PatternRefused as error:
            self.add(path, _("Mẫu không dùng được: %(why)s") % {"why": f"{error.detail} ({error.code})"})


def problems_of(rules: list[Rule]) -> dict[str, str]:
    """What is wrong in rules that were typed, beside its field and in the user's words."""
    problems = Problems()
    for number, rule in enumerate(rules):
        if not rule["name"]:
            problems.add(f"{number}.name", _("Hãy đặt tên cho quy tắc."))
        if not rule["changes"]:
            problems.add(f"{number}.changes", _("Quy tắc này chưa đổi gì: hãy thêm một thay đổi."))
        for place, condition in enumerate(rule["conditions"]):
            _check_condition(problems, f"{number}.conditions.{place}", condition)
        for place, change in enumerate(rule["changes"]):
            _check_change(problems, f"{number}.changes.{place}", change)
        if not rule["changes_identity"] and any(change["attribute"] in IDENTITY for change in rule["changes"]):
            problems.add(
                f"{number}.changes_identity",
                _("Quy tắc này đổi danh tính người bệnh: hãy đánh dấu để xác nhận, hoặc chọn trường khác."),
            )
    return problems.found


def _check_condition(problems: Problems, path: str, condition: Mapping[str, str]) -> None:
    if condition["attribute"] != DEVICE and condition["attribute"] not in READABLE:
        problems.add(f"{path}.attribute", _("Hãy chọn một trường trong danh sách."))
    if condition["test"] not in TESTS:
        problems.add(f"{path}.test", _("Hãy chọn một phép so trong danh sách."))
    if condition["test"] not in TESTS_WITHOUT_VALUE and not condition["value"]:
        problems.add(f"{path}.value", _("Hãy ghi giá trị để so."))
    if condition["test"] == "matches":
        problems.pattern(f"{path}.value", condition["value"])


def _check_change(problems: Problems, path: str, change: Mapping[str, str]) -> None:
    if change["action"] not in PARTS_OF:
        problems.add(f"{path}.action", _("Hãy chọn một việc trong danh sách."))
    if change["attribute"] not in WRITABLE:
        problems.add(f"{path}.attribute", _("Hãy chọn một trường trong danh sách."))
    if change["action"] == "copy" and change["source"] not in READABLE:
        problems.add(f"{path}.source", _("Hãy chọn một trường trong danh sách."))
    if change["action"] == "replace" and not change["pattern"]:
        problems.add(f"{path}.pattern", _("Hãy ghi mẫu của phần bị thay."))
    if change["action"] == "set" and not change["value"]:
        problems.add(f"{path}.value", _("Hãy ghi giá trị, hoặc chọn việc “bỏ trống”."))
    if "\\" in change["value"] or not change["value"].isprintable():
        problems.add(f"{path}.value", _("Giá trị không có dấu \\ và ký tự điều khiển."))
    longest = LONGEST.get(change["attribute"], 64)
    if len(change["value"]) > longest:
        problems.add(f"{path}.value", _("Dài quá %(count)s ký tự mà trường này chứa được.") % {"count": longest})
    if change["pattern"]:
        problems.pattern(f"{path}.pattern", change["pattern"])


def whole_problem(error: InvalidValue) -> str:
    """What is wrong with the rules as a whole, in one sentence."""
    return f"{error.field}: {error.detail} ({error.code})"
