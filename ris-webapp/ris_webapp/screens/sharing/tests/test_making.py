"""A share is made: what is chosen, refused, sent, and kept nowhere (R10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.sharing.models import Share, ShareMessage
from ris_core.sight.services import set_confidential
from ris_webapp.screens.sharing.tests.shares import an_exam_with_images, entered, made, sealed_letter
from ris_webapp.tests.people import a_role, client_as

pytestmark = pytest.mark.django_db


def test_the_secret_is_kept_nowhere(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam)
    entered(secret)
    assert secret not in sharer.get(f"/shares/{share.pk}/").content.decode()
    assert secret not in str(list(Share.objects.values())) + str(list(AuditEvent.objects.values()))


def test_a_link_is_sent_and_its_text_is_sealed(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, send_to="bs.minh@example.org")
    letter = ShareMessage.objects.get(share=share)
    assert sealed_letter(letter).link.endswith(f"/share/#{secret}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM sharing_sharemessage")
        assert secret.encode() not in bytes(cursor.fetchone()[0])
    sharer.post(f"/shares/{share.pk}/revoke/")
    letter.refresh_from_db()
    assert (letter.state, bytes(letter.sealed)) == ("DISMISSED", b"")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"receiver": ""}, "Hãy ghi chia sẻ cho ai."),
        ({"expires_at": "2020-01-01"}, "Ngày hết hạn"),
        ({"lock": "PASSWORD", "password": "ngan"}, "ít nhất 8 ký tự"),
        ({"lock": "CODE", "code_to": "khong"}, "e-mail hoặc một số điện thoại"),
        ({"send_to": "khong"}, "e-mail hoặc một số điện thoại"),
        ({"views_allowed": "0"}, "Số lần mở từ 1 đến 1000"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_shared(sharer: Client, fields: dict[str, str], said: str) -> None:
    exam, _ = an_exam_with_images()
    day = (timezone.localdate() + timedelta(days=7)).isoformat()
    answer = sharer.post(
        "/shares/new/", {"exam": exam.pk, "receiver": "A", "expires_at": day, "lock": "NONE", **fields}
    )
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Share.objects.exists()


def test_an_exam_is_added_by_its_number(sharer: Client) -> None:
    (one, _), (other, _) = an_exam_with_images(), an_exam_with_images()
    number = other.request.accession_number
    answer = sharer.post("/shares/new/", {"exam": one.pk, "look_up": "1", "add": number, "lock": "NONE"})
    text = answer.content.decode()
    assert one.service_name in text
    assert number in text
    assert not Share.objects.exists()
    assert "KHONG-CO" in sharer.post("/shares/new/", {"look_up": "1", "add": "KHONG-CO"}).content.decode()


def test_a_confidential_patients_exam_is_neither_shown_nor_shared_by_who_does_not_see_it(sharer: Client) -> None:
    (exam, _), (plain, _) = an_exam_with_images(), an_exam_with_images()
    senior = client_as(Role.SENIOR)
    share, _secret = made(senior, exam, receiver="BS Kín")
    set_confidential(exam.patient_id, confidential=True, actor=Actor("test"))
    number = exam.request.accession_number
    asked = sharer.get("/shares/new/", {"exam": exam.pk}).content.decode()
    asked += sharer.post("/shares/new/", {"look_up": "1", "add": number, "lock": "NONE"}).content.decode()
    assert exam.service_name not in asked
    shared, _secret = made(sharer, plain, exam)
    assert [each.procedure_id for each in shared.exams.all()] == [plain.pk]
    manager = client_as(a_role(Function.MANAGE_SHARES))
    assert "BS Kín" not in manager.get("/shares/").content.decode()
    assert manager.get(f"/shares/{share.pk}/").status_code == 404
    assert manager.post(f"/shares/{share.pk}/link/").status_code == 404
    assert manager.get(f"/shares/{shared.pk}/").status_code == 200
    assert client_as(Role.ADMINISTRATOR).get(f"/shares/{share.pk}/").status_code == 200
