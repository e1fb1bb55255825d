"""Whoever has shared prolongs, limits, renews and revokes, and sees who has looked (R10)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.tokens import share_grant
from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.patients.models import Patient
from ris_core.sharing.models import Share, ShareMessage
from ris_core.sight.services import set_confidential
from ris_webapp.screens.reading.tests.test_reading_page import granted
from ris_webapp.screens.sharing.tests.shares import an_exam_with_images, entered, knock, made
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def test_revoked_it_shows_nothing_at_once_and_viewers_learn_of_it(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam)
    receiver, page = entered(secret)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert grant.grant not in read_ended_grants()
    sharer.post(f"/shares/{share.pk}/revoke/")
    assert grant.grant in read_ended_grants()
    for address in (page, f"{page}images/{exam.pk}", f"{page}report/{exam.pk}", f"{page}files/{exam.pk}"):
        assert receiver.get(address).status_code == 403
    assert knock(receiver, secret).status_code == 403
    assert sharer.post(f"/shares/{share.pk}/extend/", {"expires_at": "2027-01-01"}).status_code == 409


def test_a_letter_that_was_not_delivered_is_shown_and_sent_again(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, _secret = made(sharer, exam, send_to="bs.minh@example.org")
    letter = ShareMessage.objects.get(share=share)
    address = f"/shares/{share.pk}/letters/{letter.pk}/again/"
    assert sharer.post(address).status_code == 404
    ShareMessage.objects.filter(pk=letter.pk).update(state="DEAD", last_error="QUANG-5101 no connection")
    assert "Không gửi được" in sharer.get("/shares/").content.decode()
    assert address in sharer.get(f"/shares/{share.pk}/").content.decode()
    assert sharer.post(address).status_code == 302
    letter.refresh_from_db()
    assert (letter.state, bool(letter.sealed)) == ("QUEUED", True)
    assert client_as(Role.TECHNOLOGIST).post(address).status_code == 404


def test_prolonged_it_opens_again(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam)
    Share.objects.filter(pk=share.pk).update(expires_at=timezone.now())
    assert knock(Client(), secret).status_code == 403
    day = (timezone.localdate() + timedelta(days=3)).isoformat()
    sharer.post(f"/shares/{share.pk}/extend/", {"expires_at": day})
    assert knock(Client(), secret).status_code == 200


def test_allowed_less_it_must_be_opened_again(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, may_download="on", with_report="on")
    receiver, page = entered(secret)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert grant.may_download
    sharer.post(f"/shares/{share.pk}/limit/", {"with_report": "on", "comment": "Chỉ xem"})
    assert receiver.get(page).status_code == 403
    assert share_grant(share.pk, 1) in read_ended_grants()
    page = knock(receiver, secret).json()["to"]
    assert "Chỉ xem" in receiver.get(page).content.decode()
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert (grant.may_download, grant.grant) == (False, share_grant(share.pk, 2))
    assert receiver.get(f"{page}files/{exam.pk}").status_code == 403


def test_a_new_link_shuts_the_former_one(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, former = made(sharer, exam)
    receiver, page = entered(former)
    answer = sharer.post(f"/shares/{share.pk}/link/", {})
    found = re.search(r"/share/#([A-Za-z0-9_-]{43})", answer.content.decode())
    assert found is not None
    assert receiver.get(page).status_code == 403
    assert knock(receiver, former).status_code == 403
    assert knock(Client(), found[1]).status_code == 200


def test_every_step_is_written_down(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam)
    receiver, page = entered(secret)
    receiver.get(f"{page}images/{exam.pk}")
    knock(Client(), secret)
    sharer.post(f"/shares/{share.pk}/revoke/")
    actions = AuditEvent.objects.filter(action__startswith="share.").order_by("pk").values_list("action", "patient_id")
    assert list(actions) == [
        ("share.made", exam.patient_id),
        ("share.opened", exam.patient_id),
        ("share.viewed", exam.patient_id),
        ("share.refused", None),
        ("share.revoked", exam.patient_id),
    ]
    seen = sharer.get(f"/shares/{share.pk}/").content.decode()
    assert "127.0.0.1" in seen


def test_shares_are_seen_by_who_made_them_and_who_manages_all(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, _ = made(sharer, exam)
    assert "BS Minh" in sharer.get("/shares/").content.decode()
    colleague = client_as(Role.TECHNOLOGIST)
    assert "BS Minh" not in colleague.get("/shares/").content.decode()
    assert colleague.get(f"/shares/{share.pk}/").status_code == 404
    assert colleague.post(f"/shares/{share.pk}/revoke/").status_code == 404
    manager = client_as(Role.ADMINISTRATOR)
    assert "BS Minh" in manager.get("/shares/").content.decode()
    assert manager.post(f"/shares/{share.pk}/revoke/").status_code == 302
    assert client_as(Role.CLINICIAN).get("/shares/").status_code == 403


def test_who_made_a_share_can_revoke_it_whatever_is_hidden_from_them_since(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, _secret = made(sharer, exam)
    set_confidential(exam.patient_id, confidential=True, actor=Actor("test"))
    assert sharer.post(f"/shares/{share.pk}/revoke/").status_code == 302


def test_a_letter_that_was_not_delivered_does_not_outlive_its_link(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, _secret = made(sharer, exam, send_to="bs.minh@example.org")
    ShareMessage.objects.update(state="DEAD")
    sharer.post(f"/shares/{share.pk}/link/", {})
    letter = ShareMessage.objects.get(share=share)
    assert (letter.state, bytes(letter.sealed)) == ("DISMISSED", b"")
    assert sharer.post(f"/shares/{share.pk}/letters/{letter.pk}/again/").status_code == 404


def _listed(sharer: Client, **query: str) -> set[str]:
    page = sharer.get("/shares/", query).content.decode()
    return {name for name in ("BS Hạnh", "BS Tuấn") if f"<b>{name}</b>" in page}


def test_shares_are_found_by_receiver_patient_and_number_and_narrowed_to_the_open_ones(sharer: Client) -> None:
    (exam, _), (other, _) = an_exam_with_images(), an_exam_with_images()
    share, _secret = made(sharer, exam, receiver="BS Hạnh")
    made(sharer, other, receiver="BS Tuấn")
    number = exam.request.accession_number
    assert _listed(sharer, q="hạnh") == _listed(sharer, q=number) == {"BS Hạnh"}
    Patient.objects.filter(pk=other.patient_id).update(search_key="tran thi dao")
    assert _listed(sharer, q="Đào Trần") == {"BS Tuấn"}
    sharer.post(f"/shares/{share.pk}/revoke/")
    assert _listed(sharer, open="1") == {"BS Tuấn"}
    set_confidential(exam.patient_id, confidential=True, actor=Actor("test"))
    assert _listed(sharer, q=number) == set()
    assert _listed(sharer) == {"BS Hạnh", "BS Tuấn"}
