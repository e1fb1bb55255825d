"""A receiver passes a share on, never further than it goes, and never out of the sharer's sight (R10)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.orders.models import RequestedProcedure
from ris_core.sharing.errors import ShareRefused
from ris_core.sharing.models import CopyingState, Share, ShareCopying, ShareMessage, ShareOpening
from ris_core.sharing.passing_on import pass_on
from ris_core.sharing.rules import Further, Terms
from ris_core.sharing.services import make_share, renew_link
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader
from ris_webapp.screens.reading.tests.test_reading_page import granted
from ris_webapp.screens.sharing.tests.shares import an_exam_with_images, entered, knock, made
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db
PASSWORD = "mo-bang-cai-nay"


def day(ahead: int) -> str:
    return (timezone.localdate() + timedelta(days=ahead)).isoformat()


def ask(browser: Client, page: str, /, **fields: Any) -> Any:
    return browser.post(f"{page}pass-on", {"receiver": "BS Hoa", "expires_at": day(2), **fields})


def passed_on(receiver: Client, page: str, **fields: Any) -> tuple[Share, str]:
    answer = ask(receiver, page, **fields)
    assert answer.status_code == 200, answer.content.decode()
    found = re.search(r"/share/#([A-Za-z0-9_-]{43})", answer.content.decode())
    assert found is not None
    return Share.objects.latest("pk"), found[1]


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam_with_images()[0]


def test_what_is_passed_on_opens_for_another_and_is_written_down(sharer: Client, exam: RequestedProcedure) -> None:
    share, secret = made(sharer, exam, may_pass_on="on", with_report="on")
    receiver, page = entered(secret)
    assert "pass-on" in receiver.get(page).content.decode()
    child, further = passed_on(receiver, page)
    assert (child.parent, child.with_report, child.may_download) == (share, True, False)
    other, other_page = entered(further)
    assert exam.service_name in other.get(other_page).content.decode()
    assert other.get(f"{other_page}images/{exam.pk}").status_code == 302
    event = AuditEvent.objects.get(action="share.passed_on")
    assert (event.actor, event.patient_id) == (f"share:{share.pk}", exam.patient_id)
    assert event.details["passed_on_as"] == child.pk
    assert "BS Hoa" in sharer.get(f"/shares/{share.pk}/").content.decode()
    assert "BS Hoa" not in sharer.get("/shares/").content.decode()


def test_without_leave_there_is_no_way(sharer: Client, exam: RequestedProcedure) -> None:
    _, secret = made(sharer, exam)
    receiver, page = entered(secret)
    assert "pass-on" not in receiver.get(page).content.decode()
    assert receiver.get(f"{page}pass-on").status_code == 403
    assert ask(receiver, page).status_code == 403
    assert ask(Client(), page).status_code == 403
    assert Share.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": day(8)},
        {"expires_at": day(-1)},
        {"views_allowed": "5"},
        {"views_allowed": "0"},
        {"may_download": "on"},
        {"password": "ngan"},
        {"receiver": " "},
    ],
)
def test_nothing_goes_further_than_the_share(sharer: Client, exam: RequestedProcedure, fields: dict[str, str]) -> None:
    _, secret = made(sharer, exam, may_pass_on="on", views_allowed="5")
    receiver, page = entered(secret)  # one of the five
    assert ask(receiver, page, **fields).status_code == 422
    assert Share.objects.count() == 1


def test_on_its_last_day_it_ends_with_the_share(sharer: Client, exam: RequestedProcedure) -> None:
    share, secret = made(sharer, exam, may_pass_on="on")
    Share.objects.filter(pk=share.pk).update(expires_at=timezone.now() + timedelta(minutes=5))
    share.refresh_from_db()
    child, _ = passed_on(*entered(secret), expires_at=timezone.localdate(share.expires_at).isoformat())
    assert child.expires_at == share.expires_at


def test_a_locked_share_is_passed_on_with_a_lock(sharer: Client, exam: RequestedProcedure) -> None:
    _, secret = made(sharer, exam, may_pass_on="on", lock="PASSWORD", password=PASSWORD)
    receiver = Client()
    page = knock(receiver, secret, PASSWORD).json()["to"]
    assert ask(receiver, page).status_code == 422
    _, further = passed_on(receiver, page, password="mot-mat-khau-khac")
    assert knock(Client(), further).json() == {"ask": "PASSWORD"}


def test_it_is_passed_on_twice_in_a_row_and_no_more(sharer: Client, exam: RequestedProcedure) -> None:
    _, secret = made(sharer, exam, may_pass_on="on")
    _, second = passed_on(*entered(secret), may_pass_on="on")
    receiver, page = entered(second)
    assert ask(receiver, page, may_pass_on="on").status_code == 422
    _, third = passed_on(receiver, page)
    assert ask(*entered(third)).status_code == 403


def test_every_opening_counts_for_the_share_it_came_from(sharer: Client, exam: RequestedProcedure) -> None:
    share, secret = made(sharer, exam, may_pass_on="on", views_allowed="3")
    receiver, page = entered(secret)
    child, further = passed_on(receiver, page)
    assert child.views_allowed == 2
    entered(further)
    entered(secret)
    share.refresh_from_db()
    assert share.views_used == 3
    assert knock(Client(), further).status_code == 403
    assert ask(receiver, page).status_code == 422


@pytest.mark.parametrize("what", ["revoke", "link", "limit", "over"])
def test_it_ends_with_the_share_it_came_from(sharer: Client, exam: RequestedProcedure, what: str) -> None:
    share, secret = made(sharer, exam, may_pass_on="on")
    middle, second = passed_on(*entered(secret), may_pass_on="on")
    _, third = passed_on(*entered(second))
    receiver, page = entered(third)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    if what == "over":
        Share.objects.filter(pk=middle.pk).update(expires_at=timezone.now())
    else:
        sharer.post(f"/shares/{share.pk}/{what}/", {})
        assert grant.grant in read_ended_grants()
    assert receiver.get(page).status_code == 403
    assert knock(receiver, third).status_code == 403


def test_the_sharer_ends_one_branch(sharer: Client, exam: RequestedProcedure) -> None:
    _, secret = made(sharer, exam, may_pass_on="on")
    receiver, page = entered(secret)
    child, further = passed_on(receiver, page)
    sharer.post(f"/shares/{child.pk}/revoke/")
    assert knock(Client(), further).status_code == 403
    assert receiver.get(page).status_code == 200


def test_less_for_the_share_is_less_for_what_came_of_it(sharer: Client, exam: RequestedProcedure) -> None:
    share, secret = made(sharer, exam, may_pass_on="on", may_download="on", with_report="on")
    child, further = passed_on(*entered(secret), may_download="on")
    sharer.post(f"/shares/{share.pk}/limit/", {"may_pass_on": "on"})
    child.refresh_from_db()
    assert (child.may_download, child.with_report) == (False, False)
    receiver, page = entered(further)
    assert receiver.get(f"{page}files/{exam.pk}").status_code == 403
    sharer.post(f"/shares/{child.pk}/limit/", {"may_download": "on", "with_report": "on"})
    child.refresh_from_db()
    assert (child.may_download, child.with_report) == (False, False)


def test_who_has_been_shut_out_meanwhile_passes_nothing_on(sharer: Client, exam: RequestedProcedure) -> None:
    share, secret = made(sharer, exam, may_pass_on="on")
    entered(secret)
    opening = ShareOpening.objects.get()
    renew_link(share.pk, SYSTEM)
    wanted = Further(receiver="BS Hoa", expires_at=timezone.now() + timedelta(days=1))
    with pytest.raises(ShareRefused):
        pass_on(opening, wanted, "10.0.0.1")
    assert Share.objects.count() == 1


def test_of_what_is_withheld_nothing_is_passed_on(sharer: Client, exam: RequestedProcedure) -> None:
    _, secret = made(sharer, exam, may_pass_on="on")
    receiver, page = entered(secret)
    set_confidential(exam.patient_id, confidential=True, actor=SYSTEM)
    assert ask(receiver, page).status_code == 403
    assert Share.objects.count() == 1


def test_what_is_let_go_on_the_page_of_one_link_is_let_go_by_all(sharer: Client, exam: RequestedProcedure) -> None:
    """A link that was passed on shows nothing that the first one does not."""
    _, secret = made(sharer, exam, may_pass_on="on")
    receiver, page = entered(secret)
    child, further = passed_on(receiver, page)
    set_confidential(exam.patient_id, confidential=True, actor=SYSTEM)
    client_as(Role.ADMINISTRATOR).post(f"/shares/{child.pk}/exams/{exam.pk}/let-go/")
    other, other_page = entered(further)
    assert exam.service_name in other.get(other_page).content.decode()
    assert exam.service_name in receiver.get(page).content.decode()


def test_a_letter_with_a_link_that_was_passed_on_does_not_outlive_the_share(
    sharer: Client, exam: RequestedProcedure
) -> None:
    share, secret = made(sharer, exam, may_pass_on="on")
    child, _ = passed_on(*entered(secret))
    sharer.post(f"/shares/{child.pk}/link/", {"send_to": "bs.hoa@example.org"})
    sharer.post(f"/shares/{share.pk}/revoke/")
    letter = ShareMessage.objects.get(share=child)
    assert (letter.state, bytes(letter.sealed)) == ("DISMISSED", b"")


def test_an_anonymous_share_that_was_passed_on_has_the_copies_of_the_first(
    sharer: Client, exam: RequestedProcedure
) -> None:
    week = timezone.now() + timedelta(days=7)
    terms = Terms(receiver="BS Minh", exam_ids=(exam.pk,), expires_at=week, anonymous=True, may_pass_on=True)
    share, _ = make_share(terms, a_reader())
    ShareCopying.objects.create(share=share, secret=b"s" * 32, state=CopyingState.READY)
    child, _ = passed_on(*entered(renew_link(share.pk, SYSTEM)[1]))
    manager = client_as(Role.ADMINISTRATOR)
    answer = manager.get(f"/shares/{child.pk}/")
    assert "Refresh" not in answer
    assert "Đang tạo" not in answer.content.decode()
    found = re.search(r"/share/#([A-Za-z0-9_-]{43})", manager.post(f"/shares/{child.pk}/link/").content.decode())
    assert found is not None
    assert knock(Client(), found[1]).status_code == 200
