"""The notifications' inbox: what it lists, the reason of each, sending again, dismissing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.devices.models import Device
from ris_core.jobs.models import Job
from ris_core.notifications.models import Notification, NotificationReceiver
from ris_core.notifications.rules import Transport
from ris_webapp.screens.notifications.badges import dead_count
from ris_webapp.screens.reading.tests.exams import a_user, an_exam, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return client_of(a_user("ADMINISTRATOR"))


def a_notification(**fields: object) -> Notification:
    """One that the receiver could not be sent."""
    device, _ = Device.objects.get_or_create(ae_title="PACS2", defaults={"name": "PACS 2"})
    receiver, _ = NotificationReceiver.objects.get_or_create(
        code="PACS2", defaults={"name": "PACS 2", "transport": Transport.INSTANCE_AVAILABILITY, "device": device}
    )
    exam = an_exam()
    count = Notification.objects.count()
    values = {
        "receiver": receiver, "event": "exam.images_available", "occurred_at": timezone.now(), "procedure": exam,
        "thread": f"procedure:{exam.pk}", "subject": f"procedure:{exam.pk}", "sequence": 1, "state": "DEAD",
        "control_id": f"QN{count:018d}", "queued_at": timezone.now(), "attempts": 12,
        "last_error": "QUANG-5101 PACS2 cannot be reached by DICOM", **fields,
    }  # fmt: skip
    return Notification.objects.create(**values)


def test_only_who_manages_deliveries_sees_it() -> None:
    client = client_of(a_user("RADIOLOGIST"))
    assert client.get("/notifications/").status_code == 403
    assert client.post("/notifications/replay").status_code == 403
    assert client.post("/notifications/dismiss").status_code == 403


def test_dead_ones_are_listed_with_their_reason_and_counted(admin: Client) -> None:
    notification = a_notification()
    page = admin.get("/notifications/").content.decode()
    assert "Ảnh đã có" in page
    assert "Không nối được tới nơi nhận" in page
    assert notification.procedure is not None
    assert notification.procedure.request.accession_number in page
    assert dead_count() == 1


def test_one_is_shown_with_what_was_sent_and_that_is_written_down(admin: Client) -> None:
    notification = a_notification(message=b"\x0a\x00\x20\x00CS\x02\x00CT")
    page = admin.get(f"/notifications/?open={notification.pk}").content.decode()
    assert "(000a,0020)" in page.lower()
    assert AuditEvent.objects.filter(action="notification.viewed", subject=f"notification:{notification.pk}").exists()


def test_all_of_a_box_are_sent_again_by_one_press(admin: Client) -> None:
    keys = {str(a_notification().pk) for _ in range(2)}
    page = admin.post("/notifications/replay", {"box": "dead", "all": "1"}, follow=True).content.decode()
    assert "Đang gửi lại 2 thông báo." in page
    assert set(Job.objects.filter(kind="notify").values_list("subject_id", flat=True)) == keys


def test_dismissing_needs_a_reason(admin: Client) -> None:
    notification = a_notification()
    admin.post("/notifications/dismiss", {"notification": notification.pk})
    notification.refresh_from_db()
    assert notification.state == "DEAD"
    admin.post("/notifications/dismiss", {"notification": notification.pk, "reason": "PACS 2 đã ngừng"})
    notification.refresh_from_db()
    assert (notification.state, notification.dismissed_reason) == ("DISMISSED", "PACS 2 đã ngừng")


def test_what_waits_for_an_older_one_says_so(admin: Client) -> None:
    older = a_notification()
    a_notification(
        procedure=older.procedure, thread=older.thread, subject=older.subject, sequence=2, state="QUEUED", last_error=""
    )
    assert "Chờ thông báo trước" in admin.get("/notifications/?box=waiting").content.decode()
