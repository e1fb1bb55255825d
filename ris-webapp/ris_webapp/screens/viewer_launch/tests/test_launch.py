"""``/launch``: what a HIS vouches for opens one order's images, once."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from ris_core.access.launch import LaunchRequest, sign_launch
from ris_core.audit.models import AuditEvent
from ris_webapp.screens.reading.tests.exams import a_receiver, a_study, an_exam
from ris_webapp.screens.reading.tests.test_reading_page import granted

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret() -> str:
    """The launch secret shared with the receiver ``HIS``."""
    a_receiver("HIS")
    value = token_urlsafe(43)
    (settings.QUANG.secrets_dir / "launch_secret_HIS").write_text(value)
    return value


def a_launch(secret: str, accession_number: str, *, seconds: float = 60, receiver: str = "HIS") -> dict[str, str]:
    launch = LaunchRequest(
        receiver=receiver,
        user_name="bs.hung",
        accession_number=accession_number,
        expires_at=timezone.now() + timedelta(seconds=seconds),
        nonce=token_urlsafe(16),
    )
    return sign_launch(secret, launch)


def test_it_opens_the_orders_images_and_nothing_else(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    a_study(an_exam())
    answer: Any = Client().get("/launch", a_launch(secret, exam.request.accession_number))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/viewer/viewer?StudyInstanceUIDs={study.study_instance_uid}")
    (grant,) = granted(answer)
    assert grant.study_uids == {study.study_instance_uid}
    assert grant.user_name == "bs.hung@HIS"


def test_the_users_name_at_the_his_is_written_down(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    Client().get("/launch", a_launch(secret, exam.request.accession_number))
    event = AuditEvent.objects.get(action="launch.opened")
    assert (event.actor, event.patient_id) == ("HIS:bs.hung", exam.patient_id)


def test_the_same_launch_works_once(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    query = a_launch(secret, exam.request.accession_number)
    assert Client().get("/launch", query).status_code == 302
    again: Any = Client().get("/launch", query)
    assert (again.status_code, granted(again)) == (403, [])
    assert "QUANG-3106" in again.content.decode()


@pytest.mark.parametrize("key", ["accession", "user", "expires", "nonce", "signature"])
def test_a_changed_key_is_refused(secret: str, key: str) -> None:
    exam = an_exam()
    a_study(exam)
    query = a_launch(secret, exam.request.accession_number)
    query[key] = query[key][:-1] + ("0" if query[key][-1] != "0" else "1")
    answer: Any = Client().get("/launch", query)
    assert (answer.status_code, granted(answer)) == (403, [])


def test_a_launch_that_is_over_is_refused(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    assert Client().get("/launch", a_launch(secret, exam.request.accession_number, seconds=-3600)).status_code == 403


def test_a_his_without_a_secret_is_refused(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    query = a_launch(secret, exam.request.accession_number, receiver="OTHER")
    assert Client().get("/launch", query).status_code == 403


def test_the_hiss_own_long_order_number_is_understood(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    exam.request.sent_accession_number = "HIS-2026-11-21-0000000042"
    exam.request.save()
    assert Client().get("/launch", a_launch(secret, "HIS-2026-11-21-0000000042")).status_code == 302


def test_a_number_that_two_orders_have_opens_neither(secret: str) -> None:
    for _ in range(2):
        exam = an_exam()
        a_study(exam)
        exam.request.sent_accession_number = "HIS-TWICE-2026-000001"
        exam.request.save()
    assert Client().get("/launch", a_launch(secret, "HIS-TWICE-2026-000001")).status_code == 404


def test_orders_of_another_sender_are_not_opened(secret: str) -> None:
    exam = an_exam()
    a_study(exam)
    exam.request.source = "OTHER|HOSPITAL"
    exam.request.save()
    assert Client().get("/launch", a_launch(secret, exam.request.accession_number)).status_code == 404


def test_an_order_without_images_says_so(secret: str) -> None:
    exam = an_exam(state="ORDERED")
    answer = Client().get("/launch", a_launch(secret, exam.request.accession_number))
    assert answer.status_code == 404
    assert "QUANG-3107" in answer.content.decode()


def signed(secret: str, **named: Any) -> dict[str, str]:
    expires_at = timezone.now() + timedelta(seconds=60)
    return sign_launch(secret, LaunchRequest("HIS", "bs.hung", "", expires_at, token_urlsafe(16), **named))


def test_a_study_or_a_patient_is_opened(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    a_study(an_exam())
    by_study: Any = Client().get("/launch", signed(secret, study_uid=study.study_instance_uid))
    assert granted(by_study)[0].study_uids == {study.study_instance_uid}
    exam.images_arrived_at = timezone.now()
    exam.save()
    number = exam.patient.identifiers.get(is_primary=True)
    by_patient: Any = Client().get("/launch", signed(secret, patient_id=number.value, patient_issuer=number.issuer))
    assert granted(by_patient)[0].study_uids == {study.study_instance_uid}
    other: Any = Client().get("/launch", signed(secret, patient_id=number.value, patient_issuer="OTHER"))
    assert (other.status_code, granted(other)) == (404, [])


def test_a_report_that_there_is_not_is_not_opened(secret: str) -> None:
    study = a_study(an_exam())
    answer: Any = Client().get("/launch", signed(secret, study_uid=study.study_instance_uid, target="report"))
    assert answer.status_code == 404
    assert "QUANG-3109" in answer.content.decode()
