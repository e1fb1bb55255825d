"""Whatever is wrong in a resource: it is carried out or an OperationOutcome names it, never a fault."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ris_webapp.api import door
from ris_webapp.api.tests.programs import Program
from ris_webapp.fhir.tests.test_fhir import FHIR, a_patient, a_request

pytestmark = pytest.mark.django_db

_WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", " ", 0, -1, 10**30, True, [], {}, [None], [[]], [{}], "x" * 300, "\u202e", "\\", "^", "A|B", "|", "2026",
     "2026-13-45", "2026-11-22T08:30:00+99:00", "Patient/", "Patient/" + "9" * 30, "#", "urn:uuid:x", "\x01", "đ" * 70]
)  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _bundle() -> dict[str, Any]:
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": urn, "resource": a_patient(), "request": {"method": "POST", "url": "Patient"}},
            {"resource": a_request({"reference": urn}), "request": {"method": "POST", "url": "ServiceRequest"}},
        ],
    }


_FULL_PATIENT = {
    "telecom": [{"system": "phone", "value": "0901"}],
    "address": [{"text": "Hà Nội", "line": ["1 Tràng Thi"], "city": "Hà Nội"}],
    "link": [{"other": {"reference": "Patient/1"}, "type": "seealso"}],
}


@pytest.mark.parametrize(
    ("address", "make"),
    [
        ("/fhir/Patient", lambda: a_patient(**_FULL_PATIENT)),
        ("/fhir/ServiceRequest", lambda: a_request({"reference": "#p"}, contained=[{**a_patient(), "id": "p"}])),
        ("/fhir/ServiceRequest", lambda: a_request({"identifier": {"system": "urn:x", "value": "1"}})),
        ("/fhir", _bundle),
        (
            "/fhir/Task",
            lambda: {
                "resourceType": "Task",
                "status": "requested",
                "intent": "order",
                "code": {"coding": [{"code": "abort"}]},
                "focus": {"reference": "ServiceRequest/1"},
            },
        ),
    ],
)
def test_any_wrong_element_is_named(address: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    program, resource = Program(), make()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.lists(st.tuples(st.sampled_from(list(_paths(resource))), _WRONG), min_size=1, max_size=2))
    def holds(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
        changed = copy.deepcopy(resource)
        for path, wrong in changes:
            place: Any = changed
            try:
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = wrong
            except (KeyError, IndexError, TypeError):
                continue
        answer = program.call("POST", address, changed, Content_Type=FHIR)
        assert answer.status_code in (200, 201, 400, 404, 409, 422), answer.content
        assert json.loads(answer.content)["resourceType"]

    holds()
