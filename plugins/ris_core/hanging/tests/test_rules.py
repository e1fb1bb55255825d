from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ris_core.errors import InvalidValue
from ris_core.hanging.relevance import ComparedExam, beside, relevance, relevant, sides_in
from ris_core.hanging.rules import HangingRules, Weights, protocol_for, rules_from_json
from ris_core.hanging.services import usual_rules

CHEST_CT = ComparedExam(1, "Chụp CLVT lồng ngực", "CT", date(2026, 11, 20))


def a_protocol(**changed: Any) -> dict[str, Any]:
    return {
        "code": "ct",
        "name": "CT",
        "layouts": [{"name": "1", "rows": 1, "columns": 1, "viewports": [{}]}],
        **changed,
    }


def chosen(rules: HangingRules, **asked: Any) -> str:
    asked = {"user": "bs_lan", "role": "RADIOLOGIST", "modality": "CT", "regions": frozenset({"CHEST"}), **asked}
    protocol = protocol_for(rules, **asked)
    return protocol.code if protocol else ""


def test_the_first_protocol_whose_conditions_all_hold_is_used() -> None:
    rules = rules_from_json(
        {
            "protocols": [
                a_protocol(code="off", on=False),
                a_protocol(code="lan", users=["bs_lan"], modalities=["MR"]),
                a_protocol(code="seniors", roles=["SENIOR"]),
                a_protocol(code="chest", modalities=["CT"], regions=["CHEST", "HEART"]),
                a_protocol(code="all"),
            ]
        }
    )
    assert chosen(rules) == "chest"
    assert chosen(rules, modality="MR") == "lan"
    assert chosen(rules, role="SENIOR") == "seniors"
    assert chosen(rules, regions=frozenset()) == "all"
    assert chosen(rules, user="", role="", modality="MR") == "all"
    assert chosen(HangingRules()) == ""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"layouts": [{"name": "x", "rows": 1, "columns": 2, "viewports": [{}]}]}, "1 instead of 1 × 2"),
        ({"layouts": [{"name": "x", "rows": 1, "columns": 1, "viewports": [{"prior": 1}]}]}, "more earlier exams"),
        ({"layouts": [{"name": "x", "rows": 1, "columns": 1, "needs": 2, "viewports": [{}]}]}, "needs more viewports"),
        ({"roles": ["king"]}, "'king' is no role's code"),
        ({"regions": ["WING"]}, "no region 'WING'"),
        ({"modalities": ["c t"]}, "is no modality"),
        ({"code": "Ct 1"}, "code"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        rules_from_json({"protocols": [a_protocol(**wrong)]})


def test_a_code_names_one_protocol() -> None:
    with pytest.raises(InvalidValue, match="twice"):
        rules_from_json({"protocols": [a_protocol(), a_protocol()]})


def test_the_usual_rules_hang_mammograms_with_the_last_ones() -> None:
    rules = usual_rules()
    assert chosen(rules, modality="MG", regions=frozenset({"BREAST"})) == "mg"
    assert chosen(rules, modality="DX") == "cxr"
    assert chosen(rules, modality="DX", regions=frozenset({"KNEE"})) == "xr"
    assert chosen(rules, modality="MR", regions=frozenset({"HEAD"})) == "mr-brain"
    assert chosen(rules, modality="US") == ""


def test_same_region_modality_side_and_date_make_an_exam_relevant() -> None:
    def of(name: str, modality: str = "CT", day: date = CHEST_CT.day, key: int = 2) -> ComparedExam:
        return ComparedExam(key, name, modality, day)

    weights = Weights()
    assert relevance(CHEST_CT, of("CLVT ngực"), weights) == 100
    assert relevance(CHEST_CT, of("CLVT ngực", day=date(2025, 11, 20)), weights) == 90
    assert relevance(CHEST_CT, of("Chụp CLVT sọ não"), weights) == 10
    assert relevance(CHEST_CT, of("Chụp X-quang ngực", "DX"), weights) == 70
    knee = of("X-quang khớp gối phải", "DX", key=9)
    assert relevance(knee, of("X-quang khớp gối trái", "DX"), weights) == 70
    assert relevance(knee, of("X-quang khớp gối phải", "DX"), weights) == 110
    others = [of("CLVT ngực", day=date(2020, 1, 1), key=3), of("CLVT ngực"), of("CLVT sọ não", key=4)]
    order = [each.key for each, _score in relevant(CHEST_CT, others, weights)]
    assert order == [2, 3]


def test_only_earlier_exams_of_the_protocols_modalities_are_opened_beside() -> None:
    others = [
        ComparedExam(2, "Chụp X-quang ngực", "DX", date(2026, 11, 19)),
        ComparedExam(3, "CLVT ngực", "CT", date(2026, 11, 25)),
        ComparedExam(4, "CLVT ngực", "CT", date(2024, 1, 1)),
        ComparedExam(5, "CLVT ngực", "CT", date(2026, 1, 1)),
    ]
    found = beside(CHEST_CT, others, Weights(), modalities=("CT",), most=2)
    assert [each.key for each in found] == [5, 4]
    assert beside(CHEST_CT, others, Weights(), modalities=("CT",), most=0) == []


def test_sides_are_read_in_both_languages() -> None:
    assert sides_in("Chụp X-quang khớp gối PHẢI") == {"R"}
    assert sides_in("Knee, left and right") == {"L", "R"}
    assert sides_in("Siêu âm ổ bụng") == frozenset()
