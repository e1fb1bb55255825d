"""A key that sees a part of the archive: every answer of REST and FHIR stays within it (P13, P17; ADR 35)."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.access.scopes import LIMITABLE, Scope
from ris_core.errors import InvalidValue
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_webapp.api.tests.programs import Program

pytestmark = pytest.mark.django_db


def placed(his: Program, department: str, **values: Any) -> dict[str, Any]:
    order = his.place(requesting_department=department, **values)
    assert ImagingServiceRequest.objects.filter(requesting_department=department).exists()
    return order


@pytest.mark.parametrize(
    ("limits", "seen"),
    [
        ({"departments": ["Khoa Nội"]}, True),
        ({"departments": ["Khoa Ngoại", "Khoa Nhi"]}, False),
        ({"modalities": ["CT"]}, True),
        ({"modalities": ["MR"]}, False),
        ({"departments": ["Khoa Nội"], "modalities": ["MR"]}, False),
        ({"rooms": ["P305"]}, False),
        ({"physicians": ["Ai đó"]}, False),
        ({"departments": [" "]}, True),
    ],
)
def test_a_key_reads_what_its_limits_let_it_see(limits: dict[str, list[str]], seen: bool) -> None:
    his = Program()
    order = placed(his, "Khoa Nội")
    key, patient = order["id"], order["patient"]["id"]
    limited = Program(LIMITABLE, limits=limits)
    assert bool(limited.get("/api/v1/orders")["items"]) is seen
    assert bool(limited.get(f"/api/v1/orders?accession_number={order['accession_number']}")["items"]) is seen
    assert bool(limited.get("/api/v1/patients")["items"]) is seen
    for kind in ("ServiceRequest", "Task", "Patient"):
        assert bool(limited.get(f"/fhir/{kind}").get("entry")) is seen, kind
    here = [f"/api/v1/orders/{key}", f"/api/v1/orders/{key}/status", f"/api/v1/orders/{key}/studies",
            f"/api/v1/orders/{key}/worklist?station=CT1", f"/api/v1/patients/{patient}", f"/fhir/ServiceRequest/{key}",
            f"/fhir/Task/{key}", f"/fhir/Patient/{patient}"]  # fmt: skip
    for path in here:
        answer = limited.call("GET", path)
        assert answer.status_code == (200 if seen else 404), path
        assert seen or order["patient"]["full_name"].encode() not in answer.content


def test_limits_do_not_widen_whose_orders_a_key_reads() -> None:
    placed(Program(), "Khoa Nội")
    other = Program(LIMITABLE, sender="EMR|BVX", limits={"departments": ["Khoa Nội"]})
    assert other.get("/api/v1/orders")["items"] == []
    assert other.get("/api/v1/patients")["items"] == []
    everyones = Program(LIMITABLE, sender="EMR|BVX", sees_all_senders=True, limits={"departments": ["Khoa Nội"]})
    assert len(everyones.get("/api/v1/orders")["items"]) == 1


@pytest.mark.parametrize("scope", sorted(set(Scope) - LIMITABLE))
def test_a_limited_key_writes_and_watches_nothing(scope: Scope) -> None:
    with pytest.raises(InvalidValue) as refused:
        Program([Scope.ORDERS_READ, scope], limits={"modalities": ["CT"]})
    assert refused.value.field == "scopes"


def test_an_order_that_leaves_the_limits_is_read_no_more() -> None:
    order = placed(Program(), "Khoa Nội")
    limited = Program(LIMITABLE, limits={"departments": ["Khoa Nội"]})
    request = RequestedProcedure.objects.get(pk=order["id"]).request_id
    ImagingServiceRequest.objects.filter(pk=request).update(requesting_department="Khoa Nhi")
    assert limited.call("GET", f"/api/v1/orders/{order['id']}").status_code == 404
