"""Master data on screens: every list is shown, edited, imported and exported, by administrators only."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ris_core.accounts.models import Role
from ris_core.catalogue.entries import EntryKind
from ris_core.catalogue.models import Department, Room, Staff
from ris_core.devices.models import Device, ImagingService
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", list(EntryKind))
def test_every_list_and_its_form(kind: EntryKind) -> None:
    client = client_as(Role.ADMINISTRATOR)
    assert client.get(f"/catalogue/{kind}/").status_code == 200
    assert client.get(f"/catalogue/{kind}/new/").status_code == 200
    assert client_as(Role.RECEPTION).get(f"/catalogue/{kind}/").status_code == 403


def test_entries_are_added_found_and_withdrawn() -> None:
    client = client_as(Role.ADMINISTRATOR)
    Device.objects.create(ae_title="CT1", name="CT")
    Department.objects.create(code="CDHA", name="Khoa CĐHA")
    service = {"code": "CT.SN", "name": "Sọ não", "modality": "CT", "default_device": "CT1", "active": "on"}
    assert client.post("/catalogue/service/new/", {**service, "usual_films": "nhiều"}).status_code == 422
    assert client.post("/catalogue/service/new/", {**service, "usual_films": "2"}).status_code == 302
    assert ImagingService.objects.get().usual_films == 2
    room = {"code": "P1", "name": "Phòng 1", "department_code": "CDHA", "active": "on"}
    assert client.post("/catalogue/room/new/", room).status_code == 302
    person = {"code": "BS1", "name": "LÊ HOA", "kind": "PHYSICIAN", "title": "BS.", "active": "on"}
    assert client.post("/catalogue/staff/new/", person).status_code == 302
    assert "Sọ não" in client.get("/catalogue/service/?q=so nao").content.decode()
    assert "Sọ não" not in client.get("/catalogue/service/?q=bung").content.decode()
    row = ImagingService.objects.get()
    assert row.default_device is not None
    client.post(f"/catalogue/service/{row.pk}/", {**service, "code": "OTHER", "active": ""})
    row.refresh_from_db()
    assert (row.code, row.active) == ("CT.SN", False)
    assert (Room.objects.get().department_code, Staff.objects.get().title) == ("CDHA", "BS.")


def test_what_is_wrong_is_said_beside_its_field() -> None:
    client = client_as(Role.ADMINISTRATOR)
    answer = client.post("/catalogue/service/new/", {"code": "X", "name": "x", "modality": "ct9"})
    assert (answer.status_code, 'id="modality-error"' in answer.content.decode()) == (422, True)


def test_a_list_is_exported_and_imported() -> None:
    client = client_as(Role.ADMINISTRATOR)
    Department.objects.create(code="NOI", name="Khoa Nội")
    exported = client.get("/catalogue/department/export").content
    assert "Khoa Nội".encode() in exported
    more = exported.replace("Khoa Nội".encode(), "Khoa Nội tim mạch".encode()) + b"NGOAI,,Khoa Ngo\xe1\xba\xa1i,1\r\n"
    answer = client.post("/catalogue/department/import", {"file": SimpleUploadedFile("a.csv", more)})
    assert answer.status_code == 302
    assert {row.name for row in Department.objects.all()} == {"Khoa Nội tim mạch", "Khoa Ngoại"}
    wrong = client.post("/catalogue/service/import", {"file": SimpleUploadedFile("a.csv", b"code,name\nA,B\n")})
    assert (wrong.status_code, "Dòng 2" in wrong.content.decode()) == (422, True)
    assert client.post("/catalogue/service/import", {}).status_code == 302
