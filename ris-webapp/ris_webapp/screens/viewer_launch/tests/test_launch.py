"""``/launch``: what a HIS vouches for opens one order's images, once."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from ris_core.access.image_display import ImageDisplay
from ris_core.access.launch import LaunchRequest, sign_launch
from ris_core.audit.models import AuditEvent
from ris_core.delivery.models import Receiver
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


def signed(secret: str, target: Any = "images", **named: Any) -> dict[str, str]:
    """A request of Invoke Image Display."""
    expires_at, display = timezone.now() + timedelta(seconds=60), ImageDisplay(**named)
    return sign_launch(
        secret, LaunchRequest("HIS", "bs.hung", "", expires_at, token_urlsafe(16), display=display, target=target)
    )


def test_a_study_or_a_patient_is_opened(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    a_study(an_exam())
    by_study: Any = Client().get("/launch", signed(secret, study_uids=(study.study_instance_uid,)))
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
    answer: Any = Client().get("/launch", signed(secret, study_uids=(study.study_instance_uid,), target="report"))
    assert answer.status_code == 404
    assert "QUANG-3109" in answer.content.decode()


def test_several_orders_of_one_patient_are_opened_together_and_of_two_patients_none(secret: str) -> None:
    exam, second, other = an_exam(), an_exam(), an_exam()
    studies = {a_study(exam).study_instance_uid, a_study(second).study_instance_uid}
    a_study(other)
    second.patient = second.request.patient = exam.patient
    second.save()
    second.request.save()
    numbers = [each.request.accession_number for each in (exam, second, other)]
    both: Any = Client().get("/IHEInvokeImageDisplay", signed(secret, accession_numbers=tuple(numbers[:2])))
    assert granted(both)[0].study_uids == studies
    for named in (tuple(numbers[1:]), (numbers[0], "THERE-IS-NO-SUCH")):
        refused: Any = Client().get("/IHEInvokeImageDisplay", signed(secret, accession_numbers=named))
        assert (refused.status_code, granted(refused)) == (404, [])


def test_a_patients_exams_are_narrowed_and_a_wrong_birth_date_opens_nothing(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    exam.images_arrived_at = timezone.now()
    exam.save()
    number = exam.patient.identifiers.get(is_primary=True).value
    own, other_day = exam.patient.birth_date, "19000101"

    def opened(**named: Any) -> set[str]:
        answer: Any = Client().get("/IHEInvokeImageDisplay", signed(secret, patient_id=number, **named))
        return {uid for grant in granted(answer) for uid in grant.study_uids}

    assert opened(modalities=(exam.modality,), birth_date=own) == {study.study_instance_uid}
    assert opened(not_before=exam.scheduled_at - timedelta(days=1)) == {study.study_instance_uid}
    assert opened(birth_date=other_day) == set()
    assert opened(modalities=("ZZ",)) == set()
    assert opened(not_before=exam.scheduled_at + timedelta(days=1)) == set()
    assert opened(not_after=exam.scheduled_at - timedelta(days=1)) == set()


def test_a_smart_launch_names_its_fhir_server_and_works_once(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    Receiver.objects.filter(code="HIS").update(format="FHIR", url="https://emr.example/fhir/")
    claims: dict[str, Any] = {
        "iss": "https://emr.example/fhir", "sub": "bs.hung", "jti": token_urlsafe(16), "aud": settings.QUANG.public_url,
        "exp": int(timezone.now().timestamp()) + 60, "study": study.study_instance_uid,
    }  # fmt: skip
    query = {"iss": "https://emr.example/fhir/", "launch": a_token(claims, secret)}
    first: Any = Client().get("/launch", query)
    assert granted(first)[0].study_uids == {study.study_instance_uid}
    assert Client().get("/launch", query).status_code == 403
    for changed in ({"aud": "https://other.example"}, {"nbf": claims["exp"] + 3600}, {"iss": "https://who.example"}):
        refused: Any = Client().get(
            "/launch", {"launch": a_token({**claims, "jti": token_urlsafe(16), **changed}, secret)}
        )
        assert (refused.status_code, granted(refused)) == (403, [])


def a_token(claims: dict[str, Any], secret: str) -> str:
    """As an EMR's library makes it."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims)]
    mac = hmac.digest(secret.encode(), b".".join(parts), "sha256")
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()
