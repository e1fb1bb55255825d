"""Receivers of notifications on the screen: added, changed, tried, switched off."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.devices.models import Device
from ris_core.notifications.models import NotificationReceiver, NotificationRule
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

PACS2 = {
    "code": "PACS2",
    "name": "PACS dự phòng",
    "transport": "INSTANCE_AVAILABILITY",
    "address": "PACS2",
    "hl7_message": "ORM",
    "events": ["exam.images_available"],
    "modality": "ct",
    "active": "on",
}


@pytest.fixture(autouse=True)
def node() -> Device:
    return Device.objects.create(ae_title="PACS2", name="PACS 2", host="127.0.0.1", port=1)


def test_a_receiver_is_added_changed_tried_and_switched_off() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    assert admin.post("/admin/receivers/new/", PACS2).status_code == 302
    receiver = NotificationReceiver.objects.get()
    assert list(NotificationRule.objects.values_list("event", "modality")) == [("exam.images_available", "CT")]
    listed = admin.get("/admin/receivers/").content.decode()
    for expected in ("PACS2 127.0.0.1:1", "DICOM IAN", "Ảnh đã có", "Đang dùng"):
        assert expected in listed
    form = admin.get(f"/admin/receivers/{receiver.pk}/").content.decode()
    assert 'value="exam.images_available" checked' in form
    assert 'value="PACS2" selected' in form
    tried = admin.post(f"/admin/receivers/{receiver.pk}/try/", follow=True).content.decode()
    assert "Không nối được tới nơi nhận" in tried
    changed = {**PACS2, "code": "OTHER", "events": ["exam.ready_to_read"], "active": ""}
    assert admin.post(f"/admin/receivers/{receiver.pk}/", changed).status_code == 302
    receiver.refresh_from_db()
    assert (receiver.code, receiver.active) == ("PACS2", False)
    assert NotificationRule.objects.get().event == "exam.ready_to_read"
    history = admin.get(f"/admin/receivers/{receiver.pk}/").content.decode()
    assert all(said in history for said in ("Thêm nơi nhận thông báo", "Sửa nơi nhận thông báo", "không được"))
    assert AuditEvent.objects.filter(action__startswith="notification_receiver.").count() == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "P 2"), ("name", " "), ("address", ""), ("address", "NOBODY"), ("events", []),
        ("events", ["report.final"]), ("transport", "WEBHOOK"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_beside_its_field_and_nothing_is_saved(field: str, value: object) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/receivers/new/", {**PACS2, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert not NotificationReceiver.objects.exists()


def test_two_receivers_cannot_have_one_code() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    admin.post("/admin/receivers/new/", PACS2)
    assert 'id="code-error"' in admin.post("/admin/receivers/new/", PACS2).content.decode()


def test_an_empty_list_says_what_it_is_for() -> None:
    assert "Chưa có nơi nhận nào" in client_as(Role.ADMINISTRATOR).get("/admin/receivers/").content.decode()
