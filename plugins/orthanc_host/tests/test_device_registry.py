"""Orthanc's modalities follow the registry of devices."""

from __future__ import annotations

import contextlib
import json

import pytest

from orthanc_host.device_registry import DeviceRegistrySync, StoreGate
from orthanc_host.fakes import AnImage, FakeRest
from orthanc_host.host import StoreAnswer
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.devices.models import RefusedDevice
from ris_core.devices.services import DeviceRegistration, change_device, engine_name, register_device

pytestmark = pytest.mark.django_db


class ModalitiesRest(FakeRest):
    """Orthanc's ``/modalities`` as it answers ``?expand``."""

    def get(self, path: str, *, plugins: bool = False) -> bytes:
        assert path == "/modalities?expand"
        prefix = "/modalities/"
        return json.dumps({name.removeprefix(prefix): json.loads(body) for name, body in self.bodies.items()}).encode()


def a_gate() -> StoreGate:
    return StoreGate(contextlib.nullcontext)


def a_sync(rest: FakeRest, gate: StoreGate | None = None) -> DeviceRegistrySync:
    return DeviceRegistrySync(lambda: rest, gate or a_gate())


def test_a_registered_device_is_known_with_what_it_may_do() -> None:
    rest = ModalitiesRest()
    device = register_device(
        DeviceRegistration(ae_title="CT1", name="CT 1", modality="CT", host="10.0.0.5", port=11112, may_store=False),
        SYSTEM,
    )
    sync = a_sync(rest)
    assert sync.synchronise() == 1
    known = json.loads(rest.bodies[f"/modalities/{engine_name(device.pk)}"])
    assert (known["AET"], known["Host"], known["Port"]) == ("CT1", "10.0.0.5", 11112)
    assert (known["AllowStore"], known["AllowFindWorklist"], known["AllowFind"], known["AllowEcho"]) == (
        False, True, False, True,
    )  # fmt: skip


def test_nothing_is_asked_of_the_engine_while_the_registry_is_as_it_was() -> None:
    rest = ModalitiesRest()
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1"), SYSTEM)
    sync = a_sync(rest)
    sync.synchronise()
    calls = len(rest.calls)
    assert sync.synchronise() == 0
    assert len(rest.calls) == calls


def test_a_change_and_a_withdrawal_reach_the_engine() -> None:
    rest = ModalitiesRest()
    device = register_device(DeviceRegistration(ae_title="CT1", name="CT 1"), SYSTEM)
    sync = a_sync(rest)
    sync.synchronise()
    change_device(device.pk, DeviceRegistration(ae_title="CT1", name="CT 1", port=105), SYSTEM)
    assert sync.synchronise() == 1
    assert json.loads(rest.bodies[f"/modalities/{engine_name(device.pk)}"])["Port"] == 105
    change_device(device.pk, DeviceRegistration(ae_title="CT1", name="CT 1", port=105, active=False), SYSTEM)
    assert sync.synchronise() == 1
    assert rest.bodies == {}


def test_what_somebody_else_put_into_the_engine_is_removed() -> None:
    rest = ModalitiesRest()
    rest.bodies["/modalities/stranger"] = b'{"AET": "STRANGER"}'
    sync = a_sync(rest)
    sync.synchronise()
    assert rest.bodies == {}
    rest.bodies["/modalities/stranger"] = b'{"AET": "STRANGER"}'
    assert sync.synchronise() == 0, "unseen while the registry is as it was"
    assert sync.synchronise(fully=True) == 1


def test_only_who_is_registered_for_it_may_store_and_who_is_refused_is_kept() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1"), SYSTEM)
    register_device(DeviceRegistration(ae_title="PRINTER", name="P", may_store=False), SYSTEM)
    gate = a_gate()
    assert gate.answer(AnImage("CT1 ")) == StoreAnswer.STORE
    for stranger in ("PRINTER", "NOBODY", ""):
        assert gate.answer(AnImage(stranger)) == StoreAnswer.NOT_AUTHORISED
    gate.write_refused()
    gate.write_refused()
    kept = RefusedDevice.objects.order_by("ae_title").values_list("ae_title", "service", "address", "times")
    assert list(kept) == [("", "STORE", "", 1), ("NOBODY", "STORE", "", 1), ("PRINTER", "STORE", "", 1)]
    assert AuditEvent.objects.filter(action="device.refused", success=False).count() == 3


def test_a_device_that_is_registered_may_store_when_the_registry_was_read_again() -> None:
    gate = a_gate()
    sync = a_sync(ModalitiesRest(), gate)
    assert gate.answer(AnImage("CT1")) == StoreAnswer.NOT_AUTHORISED
    gate.write_refused()
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1"), SYSTEM)
    assert not RefusedDevice.objects.exists()
    sync.synchronise()
    assert gate.answer(AnImage("CT1")) == StoreAnswer.STORE
