"""Who holds a reading, and what each role may do with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.accounts.rules import READY_ROLES, Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.changes.models import Change
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.reports.errors import AlreadyClaimed
from ris_core.reports.holding import claim, hand_over, keep_held, release, release_idle, take_over
from ris_core.reports.models import Reading, VersionStatus
from ris_core.reports.services import amend, approve, open_reading, save_draft
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db

TEXT = plain_content("", "Nhu mô não bình thường.", "Không thấy bất thường.")


def _drafted(reader: Actor) -> tuple[RequestedProcedure, Reading]:
    exam = an_exam()
    reading = claim(open_reading(exam.pk).pk, reader)
    save_draft(reading.pk, 0, TEXT, reader)
    reading.refresh_from_db()
    return exam, reading


def _long_ago(reading: Reading, minutes: int = 90) -> None:
    Reading.objects.filter(pk=reading.pk).update(active_at=timezone.now() - timedelta(minutes=minutes))


# --- role × action --------------------------------------------------------------------------------


def _claims(actor: Actor) -> None:
    claim(open_reading(an_exam().pk).pk, actor)


def _approves(status: VersionStatus) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        _, reading = _drafted(actor)
        approve(reading.pk, 1, status, actor)

    return act


def _approves_what_a_resident_wrote(actor: Actor) -> None:
    resident = a_reader(role=Role.RESIDENT)
    _, reading = _drafted(resident)
    approve(reading.pk, 1, VersionStatus.PRELIMINARY, resident)
    claim(reading.pk, actor)
    approve(reading.pk, 1, VersionStatus.FINAL, actor)


def _corrects(actor: Actor) -> None:
    amend(approved(an_exam(), a_reader()).reading_id, actor)


def _takes_over(actor: Actor) -> None:
    _, reading = _drafted(a_reader())
    take_over(reading.pk, "Hết ca trực", actor)


READERS = frozenset({"SECRETARY", "RESIDENT", "RADIOLOGIST", "SENIOR"})
WHO_MAY: tuple[tuple[str, Callable[[Actor], None], frozenset[str]], ...] = (
    ("claims and types", _claims, READERS),
    ("approves as preliminary", _approves(VersionStatus.PRELIMINARY), READERS - {"SECRETARY"}),
    ("approves as final", _approves(VersionStatus.FINAL), frozenset({"RADIOLOGIST", "SENIOR"})),
    ("approves what a resident wrote", _approves_what_a_resident_wrote, frozenset({"SENIOR"})),
    ("corrects", _corrects, frozenset({"RADIOLOGIST", "SENIOR"})),
    ("takes over", _takes_over, frozenset({"SENIOR"})),
)


@pytest.mark.parametrize(("name", "act", "allowed"), WHO_MAY, ids=[name for name, _, _ in WHO_MAY])
@pytest.mark.parametrize("role", Role.values)
def test_a_role_does_what_the_table_says_and_nothing_else(
    role: str, name: str, act: Callable[[Actor], None], allowed: frozenset[str]
) -> None:
    actor = a_reader(role=role)
    if role in allowed:
        act(actor)
    else:
        with pytest.raises(NotPermitted):
            act(actor)


def test_every_role_has_its_functions_and_only_readers_write() -> None:
    assert set(READY_ROLES) == set(Role.values)
    assert {role for role, may in READY_ROLES.items() if Function.READ_EXAM in may} == READERS


def test_a_radiologists_own_preliminary_version_does_not_make_a_residents_report_theirs() -> None:
    resident, radiologist = a_reader(role=Role.RESIDENT), a_reader()
    _, reading = _drafted(resident)
    approve(reading.pk, 1, VersionStatus.PRELIMINARY, resident)
    claim(reading.pk, radiologist)
    approve(reading.pk, 1, VersionStatus.PRELIMINARY, radiologist)
    claim(reading.pk, radiologist)
    with pytest.raises(NotPermitted):
        approve(reading.pk, 1, VersionStatus.FINAL, radiologist)


# --- time-out, handing over, taking over ----------------------------------------------------------


def test_what_nobody_works_on_is_given_back_with_its_draft_and_told() -> None:
    reader = a_reader("bs_vang")
    exam, reading = _drafted(reader)
    _long_ago(reading)
    Change.objects.all().delete()
    assert release_idle(60) == 1
    exam.refresh_from_db()
    reading.refresh_from_db()
    assert (reading.claimed_by_id, reading.state, exam.exam_state) == (None, "DRAFT", "READY_TO_READ")
    assert reading.conclusion == "Không thấy bất thường."
    assert AuditEvent.objects.get(action="reading.released_idle").details["held_by"] == "bs_vang"
    assert Change.objects.filter(topic="exam", subject_id=exam.pk).exists()
    assert release_idle(60) == 0
    claim(reading.pk, reader)
    assert save_draft(reading.pk, 1, plain_content("", "", "Tiếp tục."), reader) == 2


def _works(exam: RequestedProcedure, reading: Reading, reader: Actor) -> None:
    keep_held(exam.pk, reader)


def _types(exam: RequestedProcedure, reading: Reading, reader: Actor) -> None:
    save_draft(reading.pk, 1, plain_content("", "", "Gõ thêm."), reader)


@pytest.mark.parametrize("work", [_works, _types])
def test_work_begins_the_time_anew(work: Callable[[RequestedProcedure, Reading, Actor], None]) -> None:
    reader = a_reader()
    exam, reading = _drafted(reader)
    _long_ago(reading)
    work(exam, reading, reader)
    assert release_idle(60) == 0


def test_somebody_elses_visit_is_no_work() -> None:
    exam, reading = _drafted(a_reader())
    _long_ago(reading)
    keep_held(exam.pk, a_reader())
    assert release_idle(60) == 1


def test_a_correction_and_a_time_of_zero_release_nothing() -> None:
    reader = a_reader()
    correcting = amend(approved(an_exam(), reader).reading_id, reader)
    _long_ago(correcting)
    assert release_idle(60) == 0
    _, reading = _drafted(reader)
    _long_ago(reading)
    assert release_idle(0) == 0


def test_handing_over_names_the_other_and_the_draft_goes_along() -> None:
    first, second = a_reader(), a_reader("bs_sau")
    exam, reading = _drafted(first)
    hand_over(reading.pk, second.user_id or 0, first)
    exam.refresh_from_db()
    assert exam.exam_state == "DRAFT"
    assert AuditEvent.objects.get(action="reading.handed_over").details["handed_to"] == "bs_sau"
    with pytest.raises(AlreadyClaimed):
        save_draft(reading.pk, 1, TEXT, first)
    assert approve(reading.pk, 1, VersionStatus.FINAL, second).approved_by_id == second.user_id


def test_an_exam_goes_only_to_a_reader_and_only_from_its_holder() -> None:
    reader = a_reader()
    _, reading = _drafted(reader)
    with pytest.raises(NotFound):
        hand_over(reading.pk, a_reader(role=Role.CLINICIAN).user_id or 0, reader)
    with pytest.raises(AlreadyClaimed):
        hand_over(reading.pk, reader.user_id or 0, a_reader())
    release(reading.pk, reader)
    with pytest.raises(TransitionRefused):
        hand_over(reading.pk, a_reader().user_id or 0, reader)


def test_a_correction_goes_only_to_who_may_approve_it() -> None:
    reader = a_reader()
    correcting = amend(approved(an_exam(), reader).reading_id, reader)
    with pytest.raises(NotPermitted):
        hand_over(correcting.pk, a_reader(role=Role.RESIDENT).user_id or 0, reader)
    hand_over(correcting.pk, a_reader().user_id or 0, reader)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 256])
def test_taking_over_needs_a_reason(reason: str) -> None:
    _, reading = _drafted(a_reader())
    with pytest.raises(InvalidValue):
        take_over(reading.pk, reason, a_reader(role=Role.SENIOR))


def test_the_reason_of_taking_over_is_written_down() -> None:
    _, reading = _drafted(a_reader("bs_truc"))
    take_over(reading.pk, " Hết   ca trực ", a_reader(role=Role.SENIOR))
    event = AuditEvent.objects.get(action="reading.taken_over")
    assert (event.details["taken_from"], event.reason) == ("bs_truc", "Hết ca trực")
