"""Critical results: flagged, told, acknowledged, escalated while nobody does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.critical_results.models import CriticalResult
from ris_core.critical_results.services import (
    JOB_KIND,
    MOST_ESCALATIONS,
    acknowledge,
    flag,
    open_criticals,
    run_escalate,
)
from ris_core.errors import InvalidValue, NotPermitted
from ris_core.jobs.models import Job
from ris_core.notices.models import Notice
from ris_core.reports.errors import ExamNotReady
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db

FLAGGING = frozenset({"RESIDENT", "RADIOLOGIST", "SENIOR"})


def _flagged() -> CriticalResult:
    return flag(an_exam().pk, "RED", "Xuất huyết não", a_reader())


def _overdue(critical: CriticalResult) -> None:
    CriticalResult.objects.filter(pk=critical.pk).update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("role", Role.values)
def test_who_flags_and_who_acknowledges(role: str) -> None:
    actor, exam = a_reader(role=role), an_exam()
    if role in FLAGGING:
        flag(exam.pk, "RED", "x", actor)
    else:
        with pytest.raises(NotPermitted):
            flag(exam.pk, "RED", "x", actor)
    critical = _flagged()
    if role in FLAGGING | {"CLINICIAN"}:
        assert acknowledge(critical.pk, "", actor).acknowledged_by_id == actor.user_id
    else:
        with pytest.raises(NotPermitted):
            acknowledge(critical.pk, "", actor)


def test_a_flag_is_told_once_and_waits_to_be_escalated() -> None:
    exam, reader = an_exam(), a_reader()
    critical = flag(exam.pk, "RED", " Xuất huyết   não ", reader)
    assert flag(exam.pk, "RED", "Xuất huyết não", reader).pk == critical.pk
    assert Job.objects.get(kind=JOB_KIND).run_at == critical.due_at
    assert Notice.objects.get(procedure=exam).kind == "critical.flagged"
    assert AuditEvent.objects.get(action="critical.flagged").details == {"procedure": exam.pk, "urgency": "RED"}


@pytest.mark.parametrize(("urgency", "finding"), [("RED", " "), ("RED", "x" * 501), ("BLUE", "x")])
def test_a_flag_needs_a_finding_and_an_urgency(urgency: str, finding: str) -> None:
    with pytest.raises(InvalidValue):
        flag(an_exam().pk, urgency, finding, a_reader())


def test_nothing_is_flagged_before_there_are_images() -> None:
    with pytest.raises(ExamNotReady):
        flag(an_exam(state="ORDERED").pk, "RED", "x", a_reader())


def test_acknowledging_says_who_and_when_and_ends_it() -> None:
    critical, clinician = _flagged(), a_reader(role=Role.CLINICIAN)
    done = acknowledge(critical.pk, "ĐD. trực khoa Cấp cứu", clinician)
    assert (done.acknowledged_by_id, done.received_by) == (clinician.user_id, "ĐD. trực khoa Cấp cứu")
    assert acknowledge(critical.pk, "", a_reader()).acknowledged_by_id == clinician.user_id
    assert not open_criticals().exists()
    assert not Notice.objects.filter(acknowledged_at__isnull=True).exists()
    _overdue(critical)
    run_escalate(str(critical.pk))
    critical.refresh_from_db()
    assert critical.level == 0


def test_it_is_escalated_once_however_often_the_job_runs() -> None:
    critical = _flagged()
    run_escalate(str(critical.pk))
    critical.refresh_from_db()
    assert critical.level == 0
    _overdue(critical)
    run_escalate(str(critical.pk))
    run_escalate(str(critical.pk))
    critical.refresh_from_db()
    assert critical.level == 1
    assert critical.due_at > timezone.now()
    assert AuditEvent.objects.filter(action="critical.escalated").count() == 1


def test_escalation_comes_to_an_end_and_the_result_stays_open() -> None:
    critical = _flagged()
    for _ in range(MOST_ESCALATIONS + 2):
        _overdue(critical)
        run_escalate(str(critical.pk))
    critical.refresh_from_db()
    assert critical.level == MOST_ESCALATIONS
    assert open_criticals().exists()
