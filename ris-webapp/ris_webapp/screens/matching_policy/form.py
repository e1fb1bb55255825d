"""The policy of linking as a form: what a browser sends, and the policy that it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import QueryDict

from ris_core.errors import InvalidValue
from ris_core.matching.policy import KEY_TAGS, WEIGHTS, Policy, policy_from_json

NUMBERS: Final = ("upper", "lower", "margin", "near_hours", "same_day_hours", "open_days")
RULE_PARTS: Final = ("tag", "means", "ae_title", "modality", "pattern")
MEANINGS: Final = (
    "EXAM_KEY",
    "ACCESSION_NUMBER",
    "PLACER_ORDER_NUMBER",
    "FILLER_ORDER_NUMBER",
    "REQUESTED_PROCEDURE_ID",
)
EMPTY_RULES: Final = 3
"""Rows to fill in below the rules that there are."""


def policy_of(posted: QueryDict) -> Policy:
    """:raises InvalidValue: naming the field that makes no sense"""
    rules = [
        dict(zip(RULE_PARTS, parts, strict=True))
        for parts in zip(*(map(str.strip, posted.getlist(f"rule.{part}")) for part in RULE_PARTS), strict=False)
        if parts[0]
    ]
    return policy_from_json(
        {
            "automatic": "automatic" in posted,
            **{name: _number(posted, name) for name in NUMBERS},
            "weights": {name: _number(posted, f"weight.{name}", name) for name in WEIGHTS},
            "key_rules": rules,
        }
    )


def rule_rows(policy: Policy) -> list[Mapping[str, str]]:
    """The rules as rows, and some empty ones."""
    rows = [{part: str(getattr(rule, part)) for part in RULE_PARTS} for rule in policy.key_rules]
    return [*rows, *(dict.fromkeys(RULE_PARTS, "") for _ in range(EMPTY_RULES))]


def tag_choices() -> list[tuple[str, str]]:
    return [(tag, f"{keyword} ({tag[:4]},{tag[4:]})") for tag, keyword in KEY_TAGS.items()]


def _number(posted: QueryDict, name: str, field: str = "") -> int:
    try:
        return int(posted.get(name, ""))
    except ValueError as error:
        raise InvalidValue("this must be a whole number", field=field or name) from error
