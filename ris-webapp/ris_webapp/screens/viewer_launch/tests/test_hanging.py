from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue
from ris_core.hanging.rules import rules_from_json
from ris_core.hanging.services import change_rules, usual_rules
from ris_webapp.screens.viewer_launch.hanging import SIDE_BY_SIDE, Hung
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.ohif_hanging import as_ohif


def usual(code: str) -> dict[str, Any]:
    return as_ohif(next(each for each in usual_rules().protocols if each.code == code), 2)


def test_every_viewport_has_its_selector_and_the_last_stage_shows_anything() -> None:
    for protocol in usual_rules().protocols:
        made = as_ohif(protocol, 1)
        shown = {each["id"] for stage in made["stages"] for view in stage["viewports"] for each in view["displaySets"]}
        assert shown <= made["displaySetSelectors"].keys()
        assert made["stages"][-1]["viewportStructure"]["properties"] == {"rows": 1, "columns": 1}


def test_own_studies_come_first_and_priors_after_them() -> None:
    selectors = usual("mg")["displaySetSelectors"].values()
    constraints = [selector["studyMatchingRules"][0]["constraint"] for selector in selectors]
    assert {"lessThan": {"value": 1}} in constraints
    assert {"equals": {"value": 2}} in constraints


def test_a_missing_view_is_not_replaced_by_another() -> None:
    viewports = usual("mg")["stages"][0]["viewports"]
    assert len(viewports) == 8
    assert not any(viewport["viewportOptions"]["allowUnmatchedView"] for viewport in viewports)


def test_a_reader_may_put_any_series_into_any_field() -> None:
    """Measurements, reports and documents too, which no rule chooses."""
    for protocol in usual_rules().protocols:
        selectors = as_ohif(protocol, 1)["displaySetSelectors"].values()
        assert all(selector["allowUnmatchedView"] for selector in selectors)


def test_the_address_names_the_protocol_or_the_mode() -> None:
    by_code = {each.code: each for each in usual_rules().protocols}
    chest = viewer_address(["1.2", "1.3"], hung=Hung(by_code["ct-chest"]), own_studies=1)
    assert chest.startswith("/viewer/viewer?StudyInstanceUIDs=1.2,1.3&hangingprotocolId=quang.ct-chest.1&")
    assert viewer_address(["1.2"], hung=Hung(by_code["pet-ct"])).startswith("/viewer/tmtv?StudyInstanceUIDs=1.2&lng=")
    assert "&hangingprotocolId=quang.side--by--side.2&" in viewer_address(["1.2", "1.3"], compare=True)
    assert "quang.side--by--side.16&" in viewer_address([f"1.{each}" for each in range(20)], compare=True)


@pytest.mark.parametrize("studies", range(1, 17))
def test_compared_studies_have_a_field_each_in_their_order(studies: int) -> None:
    made = Client().get(f"/open/hanging/side--by--side/{studies}").json()
    assert made["id"] == f"quang.side--by--side.{studies}"
    stage = made["stages"][0]
    grid = stage["viewportStructure"]["properties"]
    assert studies <= grid["rows"] * grid["columns"] == len(stage["viewports"]) < studies + 4
    assert stage["stageActivation"]["enabled"]["minViewportsMatched"] == 1, "one without pictures leaves the others"
    for number, viewport in enumerate(stage["viewports"]):
        [shown] = viewport["displaySets"]
        [rule] = made["displaySetSelectors"][shown["id"]]["studyMatchingRules"]
        assert list(rule["constraint"].values()) == [{"value": number}]
        assert not viewport["viewportOptions"]["allowUnmatchedView"]


def test_no_rule_takes_the_place_of_comparing() -> None:
    with pytest.raises(InvalidValue):
        rules_from_json({"protocols": [{"code": SIDE_BY_SIDE, "name": "x"}]})
    assert Client().get("/open/hanging/side--by--side/17").status_code == 404


@pytest.mark.django_db
def test_the_viewer_fetches_the_protocol_in_force() -> None:
    client = Client()
    answer = client.get("/open/hanging/mg/1")
    assert answer.status_code == 200
    assert answer.json()["id"] == "quang.mg.1"
    assert client.get("/open/hanging/none/1").status_code == 404
    assert client.get("/open/hanging/mg/0").status_code == 404
    change_rules(rules_from_json({"protocols": []}), over=0, note="", actor=Actor("admin"))
    assert client.get("/open/hanging/mg/1").status_code == 404
