"""The device registry: what is registered, who may change it, whether a device answers."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.devices.models import Device
from ris_core.engine import Engine, EngineFailed
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

CT1 = {
    "ae_title": "CT1",
    "name": "Máy CLVT 1",
    "modality": "ct",
    "host": "10.0.0.4",
    "port": "104",
    "may_store": "on",
    "active": "on",
}


def test_a_device_is_registered_changed_and_made_inactive() -> None:
    client = client_as(Role.ADMINISTRATOR)
    assert client.post("/devices/new/", CT1).status_code == 302
    device = Device.objects.get()
    assert (device.ae_title, device.modality, device.may_store, device.may_query_worklist) == ("CT1", "CT", True, False)
    changed = {**CT1, "room": "Phòng CT 1"}
    del changed["active"]
    assert client.post(f"/devices/{device.pk}/edit/", changed).status_code == 302
    device.refresh_from_db()
    assert (device.room, device.active) == ("Phòng CT 1", False)
    assert AuditEvent.objects.filter(action__startswith="device.").count() == 2


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("ae_title", "", "ae_title-error"),
        ("ae_title", "MÁY 1", "ae_title-error"),
        ("ae_title", "X" * 17, "ae_title-error"),
        ("name", "  ", "name-error"),
        ("port", "0", "port-error"),
        ("port", "99999", "port-error"),
        ("port", "abc", "port-error"),
        ("host", "10.0.0.4 ; rm", "host-error"),
        ("modality", "C T", "modality-error"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_nothing_is_saved(field: str, value: str, says: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/devices/new/", {**CT1, field: value})
    assert answer.status_code == 422
    assert f'id="{says}"' in answer.content.decode()
    assert not Device.objects.exists()


def test_two_devices_cannot_have_one_ae_title() -> None:
    client = client_as(Role.ADMINISTRATOR)
    client.post("/devices/new/", CT1)
    answer = client.post("/devices/new/", CT1)
    assert answer.status_code == 422
    assert 'id="ae_title-error"' in answer.content.decode()


@pytest.mark.parametrize(("failure", "says"), [(None, "Trả lời sau"), (EngineFailed("no answer"), "Không trả lời")])
def test_an_echo_says_whether_the_device_answers(
    failure: EngineFailed | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def echo(self: Engine, ae_title: str, host: str, port: int, timeout_seconds: int = 5) -> None:
        asked.append((ae_title, host, port))
        if failure:
            raise failure

    monkeypatch.setattr(Engine, "echo", echo)
    device = Device.objects.create(ae_title="CT1", name="CT", host="10.0.0.4", port=104)
    answer = client_as(Role.TECHNOLOGIST).post(f"/devices/{device.pk}/echo/")
    assert says in answer.content.decode()
    assert asked == [("CT1", "10.0.0.4", 104)]
    assert AuditEvent.objects.get(action="device.echoed").success is (failure is None)
