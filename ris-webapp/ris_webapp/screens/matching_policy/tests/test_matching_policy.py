"""The policy of linking on its screen: changed into a new version, refused with the reason, an older one used again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ris_core.accounts.models import Role
from ris_core.matching.models import PolicyVersion
from ris_core.matching.policy import DEFAULT_POLICY
from ris_core.matching.services import policy_in_force
from ris_webapp.screens.matching_policy.form import NUMBERS, RULE_PARTS, rule_rows
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/matching/"


def _as_shown(**changed: Any) -> dict[str, Any]:
    """What a browser sends when nothing but ``changed`` was touched."""
    rows = rule_rows(DEFAULT_POLICY)
    return {
        "over": "0",
        "automatic": "on",
        "note": "thử",
        **{name: str(getattr(DEFAULT_POLICY, name)) for name in NUMBERS},
        **{f"weight.{name}": str(points) for name, points in DEFAULT_POLICY.weights.items()},
        **{
            f"rule.{part}": [row[part] or ("EXAM_KEY" if part == "means" else "") for row in rows]
            for part in RULE_PARTS
        },
        **changed,
    }


def test_saving_what_is_shown_changes_nothing_but_the_version() -> None:
    client = client_as(Role.ADMINISTRATOR)
    assert client.post(ADDRESS, _as_shown()).status_code == 302
    assert policy_in_force() == DEFAULT_POLICY
    assert PolicyVersion.objects.get().note == "thử"


def test_a_change_is_a_new_version_and_an_older_one_can_be_used_again() -> None:
    client = client_as(Role.ADMINISTRATOR)
    client.post(ADDRESS, _as_shown(upper="120"))
    assert policy_in_force().upper == 120
    assert re.search(r'name="upper" value="90"', client.get(ADDRESS, {"version": 0}).content.decode())
    assert client.post(ADDRESS, _as_shown(over="1")).status_code == 302
    assert policy_in_force().upper == 90
    assert client.get(f"{ADDRESS}export/").json()["upper"] == 90


@pytest.mark.parametrize(
    "changed", [{"upper": "viel"}, {"margin": "0"}, {"weight.PatientID.EQUAL": "900"}, {"over": "7"}]
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(changed: dict[str, str]) -> None:
    answer = client_as(Role.ADMINISTRATOR).post(ADDRESS, _as_shown(**changed))
    assert answer.status_code == 422
    assert not PolicyVersion.objects.exists()


def test_a_rule_of_the_hiss_own_number_needs_a_pattern() -> None:
    rule = {
        "rule.tag": ["00104000"],
        "rule.means": ["PLACER_ORDER_NUMBER"],
        "rule.ae_title": ["US1"],
        "rule.modality": [""],
    }
    client = client_as(Role.ADMINISTRATOR)
    assert client.post(ADDRESS, _as_shown(**rule, **{"rule.pattern": [""]})).status_code == 422
    assert client.post(ADDRESS, _as_shown(**rule, **{"rule.pattern": [r"(PL\d{6})"]})).status_code == 302
    (kept,) = policy_in_force().key_rules
    assert (kept.ae_title, kept.pattern) == ("US1", r"(PL\d{6})")
