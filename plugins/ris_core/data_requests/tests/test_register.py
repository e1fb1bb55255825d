"""What patients ask about their data is answered in time, by rules that are named, and nothing is forgotten (P16)."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.data_requests.copying import copy_of
from ris_core.data_requests.models import DataRequest
from ris_core.data_requests.rules import due, first_reply, kept_until, standing
from ris_core.data_requests.services import answer, decide, overdue_count, record_request, today
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.studies.models import Study
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db
ASKED: dict[str, Any] = {"asker": "Trần Thị Hoa", "asked_by": "GUARDIAN", "proof": "IDENTITY_CARD", "wanted": "Bản sao"}


@pytest.fixture
def actor() -> Actor:
    user = User.objects.create_user("kiem_soat", None, full_name="Lê Kiểm", role="AUDITOR")
    return Actor("kiem_soat", user_id=user.pk)


def asked(actor: Actor, patient_id: int, kind: str = "ACCESS", **changed: Any) -> DataRequest:
    return record_request(patient_id, kind, actor, **{**ASKED, "received_on": today(), **changed})


def make_old(exam: RequestedProcedure, years: int) -> None:
    then = timezone.now() - timedelta(days=366 * years)
    RequestedProcedure.objects.filter(pk=exam.pk).update(scheduled_at=then)
    ImagingServiceRequest.objects.filter(pk=exam.request_id).update(ordered_at=then)
    Study.objects.filter(patient_id=exam.patient_id).update(last_received_at=then)


def test_days_are_counted_as_the_decree_counts_them() -> None:
    friday = date(2026, 11, 20)
    assert first_reply(friday) == date(2026, 11, 24)
    assert due(friday, 10) == date(2026, 11, 30)
    assert kept_until(date(2024, 2, 29), 10) == date(2034, 2, 28)
    assert (standing(friday, None, friday).overdue, standing(friday, None, date(2026, 11, 21)).overdue) == (False, True)
    assert standing(friday, date(2026, 11, 19), date(2027, 1, 1)).days_left == 1


@pytest.mark.parametrize(
    ("kind", "days"), [("ACCESS", 10), ("CORRECTION", 10), ("ERASURE", 20), ("RESTRICTION", 15), ("WITHDRAWAL", 15)]
)
def test_what_is_asked_says_until_when(kind: str, days: int, actor: Actor) -> None:
    made = asked(actor, an_exam().patient_id, kind)
    assert made.due_on - made.received_on == timedelta(days=days)


def test_a_request_from_receipt_to_answer_with_every_step_in_the_trail(actor: Actor) -> None:
    exam = an_exam()
    received = today() - timedelta(days=11)
    made = asked(actor, exam.patient_id, received_on=received)
    assert overdue_count() == 1
    with pytest.raises(TransitionRefused):
        answer(made.pk, actor, done="Đã đưa bản sao", answered_on=today())
    decide(made.pk, actor, decision="GRANTED", kept_by="", reason="")
    answer(made.pk, actor, done="Đã đưa bản sao", answered_on=today())
    assert overdue_count() == 0
    with pytest.raises(TransitionRefused):
        decide(made.pk, actor, decision="REFUSED", kept_by="NOT_PROVED", reason="x")
    trail = AuditEvent.objects.filter(subject=f"data_request:{made.pk}").order_by("pk")
    assert [event.action for event in trail] == [
        "data_request.registered", "data_request.decided", "data_request.answered",
    ]  # fmt: skip
    assert {event.patient_id for event in trail} == {exam.patient_id}
    assert trail[2].details["in_time"] is False


def test_records_under_their_term_are_not_promised_away(actor: Actor) -> None:
    exam = an_exam()
    made = asked(actor, exam.patient_id, "ERASURE")
    with pytest.raises(InvalidValue) as refused:
        decide(made.pk, actor, decision="GRANTED", kept_by="", reason="")
    assert refused.value.field == "decision"
    for wrong in ({"kept_by": "", "reason": "Còn hạn"}, {"kept_by": "RECORD_TERM", "reason": " "}):
        with pytest.raises(InvalidValue):
            decide(made.pk, actor, decision="PARTLY", **wrong)
    decide(made.pk, actor, decision="PARTLY", kept_by="RECORD_TERM", reason="Hồ sơ còn phải lưu")
    make_old(exam, 11)
    assert decide(made.pk, actor, decision="GRANTED", kept_by="", reason="").kept_by == ""


def test_a_request_of_a_record_that_was_merged_later_is_about_the_survivor_s_data_too(actor: Actor) -> None:
    exam, other = an_exam(), an_exam()
    made = asked(actor, other.patient_id, "ERASURE")
    RequestedProcedure.objects.filter(pk=other.pk).update(patient=exam.patient_id)
    Patient.objects.filter(pk=other.patient_id).update(merged_into=exam.patient_id)
    with pytest.raises(InvalidValue) as refused:
        decide(made.pk, actor, decision="GRANTED", kept_by="", reason="")
    assert refused.value.field == "decision"
    with zipfile.ZipFile(io.BytesIO(copy_of(other.patient_id, with_reports=False))) as archive:
        exams = archive.read("exams.csv").decode()
    assert (exam.request.accession_number in exams, other.request.accession_number in exams) == (True, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asker", " "), ("asker", "x" * 256), ("wanted", ""), ("wanted", "x" * 2001), ("asked_by", "COUSIN"),
        ("proof", "012345678901"), ("received_on", date(2020, 1, 1)), ("received_on", date(9999, 1, 1)),
    ],
)  # fmt: skip
def test_what_says_nothing_or_too_much_is_refused(field: str, value: Any, actor: Actor) -> None:
    with pytest.raises(InvalidValue) as refused:
        asked(actor, an_exam().patient_id, **{field: value})
    assert refused.value.field == field
    assert not DataRequest.objects.exists()


def test_nobody_is_nobody(actor: Actor) -> None:
    with pytest.raises(NotFound):
        asked(actor, 999_999_999)
    with pytest.raises(NotFound):
        decide(999_999_999, actor, decision="GRANTED", kept_by="", reason="")


@pytest.mark.parametrize("broken", [{"answered_on": date(2026, 1, 1)}, {"decision": "REFUSED"}])
def test_the_database_takes_no_answer_without_decision_and_no_refusal_without_rule(
    broken: dict[str, Any], actor: Actor
) -> None:
    made = asked(actor, an_exam().patient_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        DataRequest.objects.filter(pk=made.pk).update(**broken)


def test_the_copy_has_what_is_kept_merged_records_too_and_runs_nothing(actor: Actor) -> None:
    exam, other, strange = an_exam(), an_exam(), an_exam()
    Patient.objects.filter(pk=other.patient_id).update(merged_into=exam.patient_id, full_name="=HYPERLINK(1)")
    record(Actor("bs_lan", role="SENIOR"), "exam.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    asked(actor, exam.patient_id, wanted="@SUM(A1)")
    with zipfile.ZipFile(io.BytesIO(copy_of(exam.patient_id, with_reports=False))) as archive:
        texts = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    tables = {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}
    assert {row["record"] for row in tables["patient.csv"]} == {str(exam.patient_id), str(other.patient_id)}
    accessions = {row["accession_number"] for row in tables["exams.csv"]}
    assert accessions == {exam.request.accession_number, other.request.accession_number}
    assert strange.request.accession_number not in "".join(texts.values())
    assert {"bs_lan"} <= {row["who"] for row in tables["who_did_what.csv"]}
    cells = [cell for rows in tables.values() for row in rows for cell in row.values()]
    assert {"'=HYPERLINK(1)", "'@SUM(A1)"} <= set(cells)
    assert not [cell for cell in cells if cell[:1] in ("=", "@", "+")]
