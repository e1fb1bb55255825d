"""Tag rules as data (P8): which attributes of an arriving study are set, copied, replaced or emptied, and when.

Pure. Rules see and change attributes of the patient and the study only, by their DICOM keywords; UIDs, character sets,
the file's meta information and pixels cannot be named. One that changes who the patient is has to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from ris_core.errors import InvalidValue
from ris_core.patterns import check_pattern, pattern

DEVICE: Final = "Device"
"""As a condition's attribute: the AE title of the device that sent the study."""
READABLE: Final = {
    "StudyDate": "00080020",
    "StudyTime": "00080030",
    "AccessionNumber": "00080050",
    "Modality": "00080060",
    "InstitutionName": "00080080",
    "ReferringPhysicianName": "00080090",
    "StationName": "00081010",
    "StudyDescription": "00081030",
    "PatientName": "00100010",
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
    "OtherPatientIDs": "00101000",
    "PatientAge": "00101010",
    "PatientComments": "00104000",
    "StudyID": "00200010",
}
"""Keyword → tag of what conditions and copies may read."""
IDENTITY: Final = frozenset({"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"})
WRITABLE: Final = READABLE.keys() - {"Modality", "StationName"}
LONGEST: Final = {
    "AccessionNumber": 16, "StudyID": 16, "PatientSex": 16, "PatientAge": 4, "StudyDate": 8, "StudyTime": 16,
    "PatientBirthDate": 8,
}  # fmt: skip
"""Characters of a value; of others 64 (PS3.5 6.2). A longer result is not written."""
_MOST_RULES: Final = 200


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All conditions of a rule must hold. Text is compared without regard to case."""

    attribute: str
    test: Literal["equals", "contains", "matches", "missing", "present"]
    value: str = ""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``set`` to ``value``; ``copy`` from ``source``, or the part of it that ``pattern``'s first group finds;
    ``replace`` what ``pattern`` finds by ``value``; ``empty``."""

    action: Literal["set", "copy", "replace", "empty"]
    attribute: str
    value: str = ""
    source: str = ""
    pattern: str = ""


class TagRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    changes: tuple[Change, ...]
    conditions: tuple[Condition, ...] = ()
    on: bool = True
    changes_identity: bool = False
    """Said by the person who wrote it: this rule changes who the patient is."""


class TagRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rules, in the order in which they are applied; each sees what those before it did."""

    rules: tuple[TagRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What the rules make of a study: only what differs afterwards."""

    changes: Mapping[str, str]
    """Keyword → new text."""
    rules: tuple[str, ...]
    """Names of the rules that changed something."""

    def by_tag(self) -> dict[str, str]:
        return {READABLE[keyword]: text for keyword, text in self.changes.items()}


def rules_from_json(content: Any) -> TagRules:
    """:raises InvalidValue: ``field`` says where, ``detail`` what is wrong"""
    try:
        rules = msgspec.convert(content, TagRules)
    except msgspec.ValidationError as error:
        raise InvalidValue(str(error), field="rules") from error
    if len(rules.rules) > _MOST_RULES:
        raise InvalidValue(f"at most {_MOST_RULES} rules", field="rules")
    for number, rule in enumerate(rules.rules):
        _check(rule, f"rules[{number}]")
    return rules


def apply_rules(rules: TagRules, attributes: Mapping[str, str], device: str) -> Applied:
    """What ``rules`` change in a study.

    :param attributes: keyword → text, as received
    :param device: AE title of the sender
    """
    now = {keyword: attributes.get(keyword, "") for keyword in READABLE}
    used = []
    for rule in rules.rules:
        if not rule.on or not all(_holds(condition, now, device) for condition in rule.conditions):
            continue
        before = dict(now)
        for change in rule.changes:
            now[change.attribute] = _changed(change, now)
        if now != before:
            used.append(rule.name)
    changed = {keyword: text for keyword, text in now.items() if text != attributes.get(keyword, "")}
    return Applied(changed, tuple(used) if changed else ())


def _holds(condition: Condition, attributes: Mapping[str, str], device: str) -> bool:
    text = device if condition.attribute == DEVICE else attributes[condition.attribute]
    match condition.test:
        case "equals":
            return text.casefold() == condition.value.casefold()
        case "contains":
            return condition.value.casefold() in text.casefold()
        case "matches":
            return pattern(condition.value, ignore_case=True).search(text) is not None
        case "missing":
            return not text
        case "present":
            return bool(text)


def _changed(change: Change, attributes: Mapping[str, str]) -> str:
    """The attribute's new text; its present one when the result would not fit its representation."""
    present = attributes[change.attribute]
    match change.action:
        case "set":
            text = change.value
        case "copy":
            text = attributes[change.source]
            if change.pattern:
                found = pattern(change.pattern).search(text)
                text = found.group if found else present
        case "replace":
            text = pattern(change.pattern).replaced(present, change.value)
        case "empty":
            text = ""
    return text if len(text or "") <= LONGEST.get(change.attribute, 64) else present


def _check(rule: TagRule, where: str) -> None:
    if not rule.name.strip() or not rule.changes:
        raise InvalidValue("a rule has a name and at least one change", field=where)
    for condition in rule.conditions:
        if condition.attribute != DEVICE and condition.attribute not in READABLE:
            raise InvalidValue(f"{condition.attribute!r} cannot be read by rules", field=where)
        if condition.test == "matches":
            check_pattern(condition.value, where)
    for change in rule.changes:
        if change.attribute not in WRITABLE:
            raise InvalidValue(f"{change.attribute!r} cannot be changed by rules", field=where)
        if change.attribute in IDENTITY and not rule.changes_identity:
            raise InvalidValue(f"a rule that changes {change.attribute} must say changes_identity", field=where)
        if change.action == "copy" and change.source not in READABLE:
            raise InvalidValue(f"{change.source!r} cannot be read by rules", field=where)
        if change.action == "replace" and not change.pattern:
            raise InvalidValue("say what is replaced: pattern", field=where)
        if "\\" in change.value or not change.value.isprintable():
            raise InvalidValue("a value has no backslash and no control characters", field=where)
        check_pattern(change.pattern, where)
