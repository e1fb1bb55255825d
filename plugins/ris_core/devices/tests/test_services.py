"""The registry of devices: what it takes and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.devices.models import Device
from ris_core.devices.services import (
    DeviceRegistration,
    change_device,
    engine_modalities,
    engine_name,
    register_device,
    registry_state,
)
from ris_core.errors import InvalidValue, NotFound

pytestmark = pytest.mark.django_db

CT1: dict[str, Any] = {"ae_title": "CT1", "name": "CT 1", "modality": "CT"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"ae_title": ""}, {"ae_title": "A" * 17}, {"ae_title": "MÁY CT"}, {"ae_title": "CT\\1"}, {"ae_title": " CT1"},
        {"name": " "}, {"port": 0}, {"port": 65536}, {"host": ""}, {"host": "10.0.0.1 "}, {"modality": "ct"},
        {"modality": "C/T"},
    ],
)  # fmt: skip
def test_a_registration_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        DeviceRegistration(**{**CT1, **wrong})


def test_an_ae_title_belongs_to_one_device() -> None:
    register_device(DeviceRegistration(**CT1), SYSTEM)
    other = register_device(DeviceRegistration(**{**CT1, "ae_title": "CT2"}), SYSTEM)
    with pytest.raises(InvalidValue) as caught:
        register_device(DeviceRegistration(**CT1), SYSTEM)
    assert caught.value.field == "ae_title"
    with pytest.raises(InvalidValue):
        change_device(other.pk, DeviceRegistration(**CT1), SYSTEM)
    assert Device.objects.get(pk=other.pk).ae_title == "CT2"


def test_a_change_is_audited_with_the_names_of_what_changed() -> None:
    device = register_device(DeviceRegistration(**CT1), SYSTEM)
    change_device(device.pk, DeviceRegistration(**{**CT1, "port": 105, "room": "P1"}), SYSTEM)
    event = AuditEvent.objects.get(action="device.changed")
    assert event.details["fields"] == ["port", "room"]


def test_a_device_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(NotFound):
        change_device(4711, DeviceRegistration(**CT1), SYSTEM)


def test_the_registrys_state_changes_with_every_device_added_or_changed() -> None:
    states = [registry_state()]
    device = register_device(DeviceRegistration(**CT1), SYSTEM)
    states.append(registry_state())
    change_device(device.pk, DeviceRegistration(**{**CT1, "active": False}), SYSTEM)
    states.append(registry_state())
    assert len(set(states)) == 3


def test_the_engine_is_told_of_active_devices_only() -> None:
    device = register_device(DeviceRegistration(**CT1), SYSTEM)
    register_device(DeviceRegistration(**{**CT1, "ae_title": "OLD", "active": False}), SYSTEM)
    assert list(engine_modalities()) == [engine_name(device.pk)]
