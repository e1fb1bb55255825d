"""Peer review on the screen: drawn, reviewed without a name, seen by the head, told to the reader as chosen."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest
from django.test import Client

from ris_core.accounts.models import Role, User
from ris_core.audit.services import Actor
from ris_core.peer_reviews.models import PeerReview, PeerReviewRule
from ris_testing.exams import an_exam, approved
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def _reader() -> tuple[Client, Actor]:
    client = client_as(Role.RADIOLOGIST)
    user = User.objects.get(pk=client.session["_auth_user_id"])
    User.objects.filter(pk=user.pk).update(full_name="Tên Người Đọc")
    return client, Actor(user.username, user_id=user.pk)


def _rule(head: Client, **fields: object) -> None:
    values = {"modality": "ct", "percent": "100", "blinded": "on", "told_to_reader": "on", **fields}
    assert head.post("/peer-reviews/rules/", values).status_code == 302


def test_a_report_is_drawn_reviewed_and_seen() -> None:
    head, (own, reader), reviewer = client_as(Role.SENIOR), _reader(), client_as(Role.RADIOLOGIST)
    _rule(head)
    assert "không thấy tên" in head.get("/peer-reviews/rules/").content.decode()
    approved(an_exam(), reader, conclusion="Bình thường.")
    drawn = PeerReview.objects.get()
    address = f"/peer-reviews/{drawn.pk}/"
    assert own.get(address).status_code == 404
    assert address not in own.get("/peer-reviews/").content.decode()
    assert address in reviewer.get("/peer-reviews/").content.decode()
    page = reviewer.get(address).content.decode()
    assert "Bình thường." in page
    assert "Tên Người Đọc" not in page + reviewer.get("/peer-reviews/").content.decode()
    assert reviewer.post(address, {"score": "3b"}).status_code == 422
    assert reviewer.post(address, {"score": "3b", "reason": "Bỏ sót xuất huyết"}).status_code == 302
    assert "Bỏ sót xuất huyết" in own.get("/peer-reviews/").content.decode()
    results = head.get("/peer-reviews/results/").content.decode()
    assert "Tên Người Đọc" in results
    assert "Bỏ sót xuất huyết" in results
    with ZipFile(BytesIO(b"".join(head.get("/peer-reviews/results.xlsx").streaming_content))) as book:  # type: ignore[attr-defined]
        written = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "Bỏ sót xuất huyết" in written
    assert head.post(f"/peer-reviews/rules/{PeerReviewRule.objects.get().pk}/remove").status_code == 302
    assert not PeerReviewRule.objects.exists()


def test_a_share_that_is_none_is_said_beside_the_field() -> None:
    answer = client_as(Role.SENIOR).post("/peer-reviews/rules/", {"percent": "0"})
    assert answer.status_code == 422
    assert "Ghi một số từ 1 đến 100." in answer.content.decode()


@pytest.mark.parametrize("role", sorted(set(Role.values) - {"SENIOR"}))
def test_who_does_not_see_the_results(role: str) -> None:
    client = client_as(role)
    for path in ("results/", "results.xlsx", "rules/"):
        assert client.get(f"/peer-reviews/{path}").status_code == 403
    if role != "RADIOLOGIST":
        assert client.get("/peer-reviews/").status_code == 403
