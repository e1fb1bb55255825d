"""The portal's door: who gets in, what others learn (nothing), and how many tries there are (R17)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.jobs.models import Job
from ris_core.letters.codes import CODES_AT_ONCE
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.merging import merge_patients, unmerge_patients
from ris_core.patients.models import Patient
from ris_core.portal.entering import Entered, Knock, enter, give_code, leave, visit_with, waits_for_code
from ris_core.portal.errors import PortalInvalid, PortalRefused, PortalTriedTooOften
from ris_core.portal.models import EntryAttempt, PortalLetter, PortalSlip, PortalVisit
from ris_core.portal.rules import TRIED_WITHIN, WRONG_TRIES, WRONG_TRIES_A_DAY, new_slip_code, shown_slip_code
from ris_core.portal.slips import make_slip, withdraw_slip
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db
BORN = "19801121"
QUERIES = 13
"""Of every refused entry, whatever is wrong."""
Change = Callable[..., None]


def a_slip(**of_patient: Any) -> tuple[PortalSlip, str, RequestedProcedure]:
    exam = an_exam()
    Patient.objects.filter(pk=exam.patient_id).update(**of_patient)
    slip, code = make_slip(exam.patient_id, None, a_reader())
    return slip, code, exam


def knock(code: str, birth_date: str = BORN, address: str = "203.0.113.5") -> Entered:
    return enter(Knock(code=code, birth_date=birth_date, address=address, browser="phone"))


def sent_code() -> str:
    letter = PortalLetter.objects.latest("pk")
    return bytes(letter.sealed).decode()


def test_code_and_birth_date_open_the_portal_and_it_is_written_down() -> None:
    slip, code, exam = a_slip()
    entered = knock(shown_slip_code(code).lower())
    assert entered.is_open
    assert visit_with(entered.key).patient_id == exam.patient_id
    event = AuditEvent.objects.get(action="portal.entered")
    assert (event.patient_id, event.kind, event.actor) == (exam.patient_id, "PATIENT", f"patient:{exam.patient_id}")
    assert event.subject == f"portal_slip:{slip.pk}"


def test_code_and_key_are_kept_nowhere() -> None:
    _slip, code, _exam = a_slip()
    key = knock(code).key
    kept = str([list(model.objects.values()) for model in (PortalSlip, PortalVisit, EntryAttempt, AuditEvent)])
    assert code not in kept
    assert key not in kept


@pytest.mark.parametrize("what", ["unknown", "birth date", "over", "withdrawn", "confidential", "locked"])
def test_whoever_does_not_get_in_learns_nothing_and_it_costs_as_much(what: str) -> None:
    slip, code, exam = a_slip()
    born = BORN
    if what == "unknown":
        code = new_slip_code()
    elif what == "birth date":
        born = "19801122"
    elif what == "over":
        PortalSlip.objects.update(expires_at=timezone.now())
    elif what == "withdrawn":
        withdraw_slip(slip.pk, a_reader())
    elif what == "confidential":
        set_confidential(exam.patient_id, True, a_reader())
    else:
        for _ in range(WRONG_TRIES):
            with pytest.raises(PortalRefused):
                knock(code, "1950")
    with CaptureQueriesContext(connection) as queries, pytest.raises(PortalRefused) as refused:
        knock(code, born)
    assert str(refused.value) == "the portal does not open"
    asked = [query["sql"] for query in queries if not re.match("SAVEPOINT|RELEASE|ROLLBACK", query["sql"])]
    assert len(asked) == QUERIES, asked
    assert AuditEvent.objects.filter(action="portal.refused", success=False).exists()


def test_a_mistyped_code_is_told_and_is_no_try() -> None:
    _slip, code, _exam = a_slip()
    other = ("3" if code[0] != "3" else "4") + code[1:]
    with pytest.raises(PortalInvalid) as refused:
        knock(other)
    assert refused.value.field == "code"
    assert not EntryAttempt.objects.exists()


def test_five_wrong_birth_dates_lock_the_code_for_a_while_from_any_address() -> None:
    _slip, code, _exam = a_slip()
    for number in range(WRONG_TRIES):
        with pytest.raises(PortalRefused):
            knock(code, f"19{number:02}", address=f"203.0.113.{number}")
    with pytest.raises(PortalRefused):
        knock(code, address="198.51.100.1")
    EntryAttempt.objects.update(at=timezone.now() - TRIED_WITHIN - timedelta(seconds=1))
    assert knock(code).is_open


def test_who_tries_all_day_is_shut_out_until_the_next() -> None:
    slip, code, _exam = a_slip()
    at = timezone.now() - timedelta(hours=20)
    EntryAttempt.objects.bulk_create(EntryAttempt(digest=slip.digest, at=at) for _ in range(WRONG_TRIES_A_DAY))
    with pytest.raises(PortalRefused):
        knock(code)
    EntryAttempt.objects.filter(at=at).update(at=at - timedelta(hours=5))
    with pytest.raises(PortalRefused):
        knock(code, "19000101")
    assert knock(code).is_open


def test_codes_that_do_not_exist_are_locked_as_well() -> None:
    code = new_slip_code()
    for _ in range(WRONG_TRIES + 1):
        with pytest.raises(PortalRefused):
            knock(code)
    assert EntryAttempt.objects.count() == WRONG_TRIES + 1


def test_an_address_is_shut_out_after_its_share_and_others_are_not(portal: Change) -> None:
    portal(most_wrong_of_address=3)
    _slip, code, _exam = a_slip()
    for _ in range(3):
        with pytest.raises(PortalRefused):
            knock(new_slip_code())
    with pytest.raises(PortalTriedTooOften):
        knock(code)
    assert EntryAttempt.objects.count() == 3  # a flood does not fill the table
    assert knock(code, address="198.51.100.1").is_open


def test_in_all_there_is_a_limit_too(portal: Change) -> None:
    portal(most_wrong_in_all=4)
    _slip, code, _exam = a_slip()
    for number in range(4):
        with pytest.raises(PortalRefused):
            knock(new_slip_code(), address=f"203.0.113.{number}")
    with pytest.raises(PortalTriedTooOften):
        knock(code, address="198.51.100.1")


def test_right_entries_count_against_nobody(portal: Change) -> None:
    portal(most_wrong_of_address=2)
    _slip, code, _exam = a_slip()
    for _ in range(6):
        assert knock(code).is_open


def test_without_birth_date_there_is_no_slip_and_an_older_one_opens_nothing() -> None:
    _slip, code, exam = a_slip()
    Patient.objects.filter(pk=exam.patient_id).update(birth_date="", phone="0912345678")
    with pytest.raises(PortalRefused):
        knock(code, "")
    with pytest.raises(PortalInvalid) as refused:
        make_slip(exam.patient_id, None, a_reader())
    assert refused.value.field == "birth_date"


def test_the_code_on_the_telephone_is_asked_for_where_the_site_says_so(portal: Change) -> None:
    portal(sms_code=True)
    _slip, code, _exam = a_slip(phone="0912 345 678")
    waiting = knock(code)
    assert not waiting.is_open
    assert waits_for_code(waiting.key)
    with pytest.raises(PortalRefused):
        visit_with(waiting.key)
    letter = PortalLetter.objects.get()
    assert (letter.channel, letter.address) == ("SMS", "0912345678")
    assert Job.objects.filter(kind="send_portal_code", subject_id=str(letter.pk)).exists()
    sent = sent_code()
    with pytest.raises(PortalRefused):
        give_code(waiting.key, "000000" if sent != "000000" else "000001", "203.0.113.5")
    entered = give_code(waiting.key, f" {sent} ", "203.0.113.5")
    assert visit_with(entered.key).pk == waiting.visit.pk
    assert entered.key != waiting.key
    for key in (waiting.key, entered.key):  # good once
        with pytest.raises(PortalRefused):
            give_code(key, sent, "203.0.113.5")


def test_without_a_telephone_the_birth_date_is_enough(portal: Change) -> None:
    portal(sms_code=True)
    _slip, code, _exam = a_slip()
    assert knock(code).is_open


def test_a_telephone_does_for_a_birth_date_that_is_not_known(portal: Change) -> None:
    portal(sms_code=True)
    _slip, code, _exam = a_slip(birth_date="", phone="0912345678")
    assert give_code(knock(code, "").key, sent_code(), "203.0.113.5").is_open


def test_few_codes_are_sent(portal: Change) -> None:
    portal(sms_code=True)
    _slip, code, _exam = a_slip(phone="0912345678")
    for _ in range(CODES_AT_ONCE):
        knock(code)
    with pytest.raises(PortalRefused):
        knock(code)
    assert PortalLetter.objects.count() == CODES_AT_ONCE


@pytest.mark.parametrize("what", ["left", "idle", "old", "withdrawn", "renewed", "over", "confidential", "shut"])
def test_a_visit_ends(what: str, portal: Change) -> None:
    slip, code, exam = a_slip()
    entered = knock(code)
    visits, now = PortalVisit.objects.filter(pk=entered.visit.pk), timezone.now()
    if what == "left":
        leave(entered.visit, "203.0.113.5")
    elif what == "idle":
        visits.update(used_at=now - timedelta(minutes=16))
    elif what == "old":
        visits.update(began_at=now - timedelta(hours=3))
    elif what == "withdrawn":
        withdraw_slip(slip.pk, a_reader())
    elif what == "renewed":
        make_slip(exam.patient_id, None, a_reader())
    elif what == "over":
        PortalSlip.objects.update(expires_at=now)
    elif what == "confidential":
        set_confidential(exam.patient_id, True, a_reader())
    else:
        portal(enabled=False)
    with pytest.raises(PortalRefused):
        visit_with(entered.key)


def test_use_keeps_a_visit_alive() -> None:
    _slip, code, _exam = a_slip()
    entered = knock(code)
    PortalVisit.objects.update(used_at=timezone.now() - timedelta(minutes=14))
    visit_with(entered.key)
    assert timezone.now() - PortalVisit.objects.get().used_at < timedelta(minutes=1)


def test_merging_and_separating_records_ends_visits_and_the_slip_follows() -> None:
    _slip, code, exam = a_slip()
    entered, other = knock(code), an_exam()
    actor = a_reader()
    merge = merge_patients(exam.patient_id, other.patient_id, actor)
    with pytest.raises(PortalRefused):
        visit_with(entered.key)
    of_both = knock(code)
    assert of_both.visit.patient_id == other.patient_id
    unmerge_patients(merge.pk, actor, reason="Không phải một người")
    with pytest.raises(PortalRefused):
        visit_with(of_both.key)
    assert knock(code).visit.patient_id == exam.patient_id


def test_who_was_merged_into_somebody_born_on_another_day_does_not_get_in() -> None:
    """A wrong merge shows nobody another person's results."""
    _slip, code, exam = a_slip()
    other = an_exam()
    Patient.objects.filter(pk=other.patient_id).update(birth_date="19550101")
    merge_patients(exam.patient_id, other.patient_id, a_reader())
    with pytest.raises(PortalRefused):
        knock(code)


def test_the_visit_of_whom_another_record_is_merged_into_ends_too_and_so_at_its_undoing() -> None:
    """Somebody has proven who they are, not that the other record is theirs."""
    _slip, code, exam = a_slip()
    entered, actor = knock(code), a_reader()
    merge = merge_patients(an_exam().patient_id, exam.patient_id, actor)
    with pytest.raises(PortalRefused):
        visit_with(entered.key)
    of_both = knock(code)
    assert visit_with(of_both.key).patient_id == exam.patient_id
    unmerge_patients(merge.pk, actor, reason="Không phải một người")
    with pytest.raises(PortalRefused):
        visit_with(of_both.key)


def test_a_visit_ends_when_the_record_becomes_somebody_born_on_another_day() -> None:
    _slip, code, exam = a_slip()
    entered = knock(code)
    Patient.objects.filter(pk=exam.patient_id).update(birth_date="19550101")
    with pytest.raises(PortalRefused):
        visit_with(entered.key)


@pytest.mark.parametrize("key", ["", "x", "A" * 43, "' OR 1=1 --"])
def test_keys_that_are_none_open_nothing(key: str) -> None:
    with pytest.raises(PortalRefused):
        visit_with(key)
    assert not waits_for_code(key)
