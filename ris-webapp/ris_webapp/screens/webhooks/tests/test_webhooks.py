"""Webhooks on the screen: added with their secret, changed, switched off."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.notifications.models import NotificationReceiver, NotificationRule
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

EMR = {
    "code": "EMR",
    "name": "Bệnh án điện tử",
    "url": "https://emr.example/events",
    "events": ["exam.completed", "report.final"],
    "modality": "ct",
    "active": "on",
}


def test_a_webhook_is_added_changed_and_given_another_secret() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    first = admin.post("/admin/webhooks/new/", EMR).content.decode()
    assert "whs_" in first
    receiver = NotificationReceiver.objects.select_related("webhook").get()
    assert receiver.webhook is not None
    assert (receiver.webhook.url, receiver.webhook.with_names) == (EMR["url"], False)
    assert set(NotificationRule.objects.values_list("event", "modality")) == {
        ("exam.completed", "CT"),
        ("report.final", "CT"),
    }
    listed = admin.get("/admin/receivers/").content.decode()
    assert "https://emr.example/events" in listed
    assert "whs_" not in listed
    assert 'value="report.final" checked' in admin.get(f"/admin/webhooks/{receiver.pk}/").content.decode()
    changed = {**EMR, "code": "OTHER", "events": ["report.final"], "with_names": "on", "active": ""}
    assert admin.post(f"/admin/webhooks/{receiver.pk}/", changed).status_code == 302
    receiver = NotificationReceiver.objects.select_related("webhook").get()
    assert receiver.webhook is not None
    assert (receiver.code, receiver.active, receiver.webhook.with_names) == ("EMR", False, True)
    assert NotificationRule.objects.count() == 1
    again = admin.post(f"/admin/webhooks/{receiver.pk}/secret/").content.decode()
    assert "whs_" in again
    assert AuditEvent.objects.filter(action__startswith="webhook.").count() == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "E M R"),
        ("name", " "),
        ("url", "http://emr.example/"),
        ("url", "https://a:b@emr.example/"),
        ("url", "emr"),
        ("events", []),
        ("events", ["mpps.received"]),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_nothing_is_saved(field: str, value: object) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/webhooks/new/", {**EMR, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert not NotificationReceiver.objects.exists()


def test_two_receivers_cannot_have_one_code() -> None:
    admin = client_as(Role.ADMINISTRATOR)
    admin.post("/admin/webhooks/new/", EMR)
    assert 'id="code-error"' in admin.post("/admin/webhooks/new/", EMR).content.decode()
