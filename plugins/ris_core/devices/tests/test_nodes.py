"""The registry as the gate reads it, refusals, and queries in the audit trail."""

from __future__ import annotations

from datetime import datetime
from unittest.mock import patch

import pytest
from django.utils import timezone

from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.devices.admission import Reason, Service, read_networks
from ris_core.devices.models import RefusedDevice
from ris_core.devices.nodes import known_node, known_nodes
from ris_core.devices.queries import NodeOperation, record_operations
from ris_core.devices.refusals import RefusalsToNote
from ris_core.devices.services import DeviceRegistration, Refusal, register_device
from ris_core.errors import InvalidValue

pytestmark = pytest.mark.django_db


def test_a_device_calls_from_its_host_unless_networks_are_named() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", host="10.0.0.5"), SYSTEM)
    register_device(DeviceRegistration(ae_title="MR1", name="MR 1", host="10.0.0.6", networks="10.0.4.0/24"), SYSTEM)
    found = known_nodes()
    assert found["CT1"].networks == read_networks("10.0.0.5")
    assert found["MR1"].networks == read_networks("10.0.4.0/24")
    assert known_node("NOBODY") is None


def test_a_new_device_may_neither_query_nor_retrieve() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", may_commit=False), SYSTEM)
    register_device(DeviceRegistration(ae_title="WS1", name="WS 1", may_query=True, may_retrieve=True), SYSTEM)
    found = known_nodes()
    assert found["CT1"].services == {Service.ASSOCIATION, Service.REPORT, Service.STORE, Service.WORKLIST}
    assert found["WS1"].services >= {Service.QUERY, Service.RETRIEVE, Service.COMMITMENT}


def test_networks_that_are_none_are_refused_beside_their_field() -> None:
    with pytest.raises(InvalidValue) as refused:
        DeviceRegistration(ae_title="CT1", name="CT 1", networks="10.0.0.300")
    assert refused.value.field == "networks"


def test_a_refusal_is_kept_with_its_reason_and_audited_once() -> None:
    refusals = RefusalsToNote()
    for reason in (Reason.ADDRESS, Reason.CERTIFICATE):
        refusals.add(Refusal("CT1", Service.ASSOCIATION, "10.0.0.66", timezone.now(), reason))
        refusals.write()
    refusals.write()
    row = RefusedDevice.objects.get()
    assert (row.ae_title, row.service, row.reason, row.address, row.times) == (
        "CT1", "ASSOCIATION", "CERTIFICATE", "10.0.0.66", 2,
    )  # fmt: skip
    event = AuditEvent.objects.get(action="device.refused")
    assert (event.address, event.success, event.details["why"]) == ("10.0.0.66", False, "ADDRESS")


def test_a_flood_of_titles_is_bounded() -> None:
    refusals = RefusalsToNote()
    for number in range(2_000):
        refusals.add(Refusal(f"T{number}", Service.ASSOCIATION, "10.0.0.66", timezone.now(), Reason.UNKNOWN))
    with patch("ris_core.devices.refusals.note_refusals") as note:
        refusals.write()
    assert len(note.call_args.args[0]) == 1_000


def an_operation(**values: object) -> NodeOperation:
    known: dict[str, object] = {
        "ae_title": "WS1", "address": "10.0.0.8", "at": datetime(2026, 1, 2, tzinfo=timezone.get_current_timezone()),
        "service": Service.QUERY, "level": "STUDY", "answers": 12, "status": 0,
    }  # fmt: skip
    return NodeOperation(**(known | values))  # type: ignore[arg-type]


def test_a_query_is_audited_with_who_asked_from_where_at_what_level_and_how_many_answers() -> None:
    record_operations([an_operation(), an_operation(service=Service.RETRIEVE, study_uids=("1.2.3",), status=None)])
    query, retrieval = AuditEvent.objects.order_by("pk")
    assert (query.action, query.actor, query.address, query.kind) == (
        "images.queried", "modality:WS1", "10.0.0.8", ActorKind.DEVICE,
    )  # fmt: skip
    assert (query.details["level"], query.details["answers"], query.success) == ("STUDY", 12, True)
    assert (retrieval.action, retrieval.subject, retrieval.success) == ("images.retrieved", "1.2.3", False)
