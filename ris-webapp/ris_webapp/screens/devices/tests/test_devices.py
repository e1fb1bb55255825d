"""The device registry: what is registered, who may change it, whether a device answers."""

from __future__ import annotations

import socket

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.devices.models import Device, HostAddresses, RefusedDevice
from ris_core.devices.quirks import Quirks, WorklistFilter
from ris_core.devices.services import Refusal, note_refusals, registration_of
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_core.orders.models import ScheduledProcedureStep
from ris_core.worklist.tests.builders import schedule
from ris_webapp.screens.devices import echoing
from ris_webapp.screens.devices.views import TABS
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


@pytest.mark.parametrize(
    ("failure", "cause", "says"),
    [
        (None, "", "Trả lời sau"),
        (EngineFailed("no answer"), "REFUSED", "không mở cổng này"),
        (EngineFailed("no answer"), "REJECTED", "Máy từ chối"),
    ],
)
def test_an_echo_says_whether_the_device_answers_and_why_not(
    failure: EngineFailed | None, cause: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def echo(self: Engine, ae_title: str, host: str, port: int, timeout_seconds: int = 5) -> None:
        asked.append((ae_title, host, port))
        if failure:
            raise failure

    monkeypatch.setattr(Engine, "echo", echo)
    monkeypatch.setattr(echoing, "cause_of_silence", lambda host, port: cause)
    device = Device.objects.create(ae_title="CT1", name="CT", host="10.0.0.4", port=104)
    client = client_as(Role.TECHNOLOGIST)
    assert says in client.post(f"/devices/{device.pk}/echo/").content.decode()
    assert asked == [("CT1", "10.0.0.4", 104)]
    assert AuditEvent.objects.get(action="device.echoed").success is (failure is None)
    box = "silent" if failure else "active"
    assert "10.0.0.4" in client.get(f"/devices/?box={box}").content.decode(), "kept, and shown in the list"


def test_the_cause_of_silence_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert echoing.cause_of_silence("127.0.0.1", port) == "REJECTED"
    assert echoing.cause_of_silence("127.0.0.1", port) == "REFUSED"
    assert echoing.cause_of_silence("no-such-machine.invalid", 104) == "UNKNOWN_HOST"


SPECIAL = {
    **CT1, "other_modalities": "pt", "groups": "CLVT, Tầng 1", "character_set": "ISO_IR 100", "stations": "group",
    "rooms": "Phòng CT 1, Phòng CT 2", "statuses": ["ARRIVED", "READY"], "days_after": "7", "limit": "50",
    "ignored_query_keys": ["ScheduledProcedureStepStartDate"], "max_name_length": "20",
    "returned_lengths": "PatientName=16", "may_query_worklist": "on", "by_modality": "on",
}  # fmt: skip


def test_filter_and_quirks_are_entered_kept_and_shown_again() -> None:
    client = client_as(Role.ADMINISTRATOR)
    assert client.post("/devices/new/", SPECIAL).status_code == 302
    known = registration_of(Device.objects.get())
    assert known.worklist_filter == WorklistFilter(
        stations="group", rooms=("Phòng CT 1", "Phòng CT 2"), statuses=("ARRIVED", "READY"), days_after=7, limit=50
    )
    assert known.quirks == Quirks(
        ignored_query_keys=("ScheduledProcedureStepStartDate",), max_name_length=20,
        returned_lengths={"PatientName": 16},
    )  # fmt: skip
    assert (known.groups, known.other_modalities) == (("CLVT", "Tầng 1"), ("PT",))
    device = Device.objects.get()
    form = client.get(f"/devices/{device.pk}/edit/").content.decode()
    assert 'value="PatientName=16"' in form
    assert client.get("/devices/?group=CLVT").content.decode().count("CT1") > 0
    for tab in TABS:
        assert client.get(f"/devices/{device.pk}/?tab={tab}").status_code == 200, tab


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_name_length", "99"), ("days_before", "-1"), ("limit", "0"), ("returned_lengths", "ShoeSize=4"),
        ("returned_lengths", "PatientName"), ("other_modalities", "C/T"),
    ],
)  # fmt: skip
def test_a_wrong_filter_or_quirk_is_named_beside_its_field(field: str, value: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/devices/new/", {**SPECIAL, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()


def test_who_tried_without_being_registered_is_registered_with_one_press_or_forgotten() -> None:
    note_refusals([Refusal(title, "STORE", "10.0.0.9", timezone.now()) for title in ("STRANGE", "OTHER")])
    client = client_as(Role.ADMINISTRATOR)
    page = client.get("/devices/").content.decode()
    assert "/devices/new/?ae_title=STRANGE&amp;host=10.0.0.9" in page
    assert 'value="STRANGE"' in client.get("/devices/new/?ae_title=STRANGE&host=10.0.0.9").content.decode()
    client.post("/devices/new/", {**CT1, "ae_title": "STRANGE"})
    client.post("/devices/forget/", {"ae_title": "OTHER"})
    assert "STRANGE&amp;host" not in client.get("/devices/").content.decode()
    assert not RefusedDevice.objects.exists()


def test_the_registry_goes_out_and_comes_in_as_a_file() -> None:
    client = client_as(Role.ADMINISTRATOR)
    client.post("/devices/new/", SPECIAL)
    file = client.get("/devices/export/").content
    wrong = client.post("/devices/import/", {"file": SimpleUploadedFile("d.csv", file.replace(b",104,", b",x,"))})
    assert wrong.status_code == 422
    assert "port" in wrong.content.decode()
    assert client.post("/devices/import/", {"file": SimpleUploadedFile("d.csv", file)}).status_code == 302
    assert client.post("/devices/import/").status_code == 422


def test_why_an_order_is_not_on_a_device_is_told_field_by_field() -> None:
    Device.objects.create(ae_title="MR1", name="MR 1", modality="MR")
    step = ScheduledProcedureStep.objects.get(pk=schedule(scheduled_station_ae_title="CT1"))
    client = client_as(Role.TECHNOLOGIST)
    number = step.procedure.request.accession_number
    page = client.get("/devices/why/", {"device": "MR1", "q": number}).content.decode()
    assert "Không có trên danh sách của MR1" in page
    assert "Đổi máy của ca" in page
    assert AuditEvent.objects.get(action="worklist.explained").details["ae_title"] == "MR1"
    page = client.get("/devices/why/", {"device": "NOBODY", "procedure": str(step.procedure_id)}).content.decode()
    assert "Đăng ký máy với đúng AE title" in page
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")
    assert (
        "Có trên danh sách của CT1"
        in client.get("/devices/why/", {"device": "CT1", "procedure": str(step.procedure_id)}).content.decode()
    )
    assert "Không có ca nào mang số này" in client.get("/devices/why/", {"device": "CT1", "q": "X"}).content.decode()
    assert client_as(Role.RECEPTION).get("/devices/why/").status_code == 403


def test_a_device_whose_host_cannot_be_looked_up_is_told_with_how_long_it_is_still_let_in() -> None:
    device = Device.objects.create(ae_title="CT1", name="CT 1", host="ct1.hospital.vn")
    now = timezone.now()
    kept = HostAddresses.objects.create(
        host=device.host, addresses="10.0.0.9", looked_at=now, found_at=now, failing_since=now
    )
    administrator = client_as(Role.ADMINISTRATOR)
    page = administrator.get(f"/devices/{device.pk}/").content.decode()
    assert "Không tra được địa chỉ của tên máy ct1.hospital.vn" in page
    assert "10.0.0.9" in page
    assert 'data-count="1"><b>1</b><span>Tên máy không tra được' in administrator.get("/admin/").content.decode()
    HostAddresses.objects.filter(pk=kept.pk).update(found_at=None)
    assert "Máy này đang bị từ chối" in administrator.get(f"/devices/{device.pk}/").content.decode()
    HostAddresses.objects.filter(pk=kept.pk).update(failing_since=None)
    assert "Không tra được" not in administrator.get(f"/devices/{device.pk}/").content.decode()
