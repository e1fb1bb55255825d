"""Flag a critical result, acknowledge it, escalate it while nobody does. One transaction each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.critical_results.models import CriticalResult, Urgency
from ris_core.errors import InvalidValue, NotFound
from ris_core.jobs.services import enqueue
from ris_core.notices import services as notices
from ris_core.notices.models import Notice
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.errors import ExamNotReady
from ris_core.reports.holding import person, refuse_unless_may
from ris_core.reports.rules import EXAM_STATES_REPORTED, EXAM_STATES_TO_READ
from ris_core.second_readings.blinding import closed_exams, is_closed
from ris_core.sight.seeing import seen_exams, sight_of

JOB_KIND: Final = "escalate_critical"
NOTICE_KIND: Final = "critical.flagged"
LONGEST_FINDING: Final = 500
MOST_ESCALATIONS: Final = 3


def minutes_of(urgency: str) -> float:
    """Within how many minutes a finding is to be acknowledged."""
    wanted = settings.QUANG.critical
    return {
        Urgency.RED: wanted.red_minutes,
        Urgency.ORANGE: wanted.orange_minutes,
        Urgency.YELLOW: wanted.yellow_minutes,
    }[Urgency(urgency)]


def open_criticals() -> QuerySet[CriticalResult]:
    """Those that nobody has acknowledged, what is due first first."""
    waiting = CriticalResult.objects.filter(acknowledged_at__isnull=True)
    return waiting.select_related("procedure__patient", "procedure__request", "flagged_by").order_by("due_at", "pk")


def shown_to(user: User, criticals: QuerySet[CriticalResult]) -> QuerySet[CriticalResult]:
    """Those of ``criticals`` that ``user`` may see.

    While an exam is read blinded, those who read are not told what another reader has flagged, unless nobody else has
    acknowledged it in time: from the first escalation on the patient counts more than the blinding.
    """
    sight = sight_of(user)
    if not sight.is_whole:
        criticals = criticals.filter(procedure__in=seen_exams(RequestedProcedure.objects.all(), user, sight))
    if not may(user.role, Function.READ_EXAM):
        return criticals
    hidden = Q(procedure__in=closed_exams().values("pk"), level=0) & ~Q(flagged_by=user)
    return criticals.exclude(hidden)


@transaction.atomic
def flag(procedure_id: int, urgency: str, finding: str, actor: Actor) -> CriticalResult:
    """Say that an exam shows what somebody must know; users and receivers are told. The same said again while it is
    open changes nothing.

    :raises NotPermitted: the actor's role flags nothing
    :raises NotFound: no such exam
    :raises ExamNotReady: there are no images yet, or the exam is cancelled
    :raises InvalidValue: no finding, a longer one than 500 characters, or no such urgency
    """
    user_id = person(actor)
    refuse_unless_may(user_id, Function.FLAG_CRITICAL)
    finding = " ".join(finding.split())
    if not finding or len(finding) > LONGEST_FINDING:
        raise InvalidValue(f"name the finding, in {LONGEST_FINDING} characters at most", field="finding")
    if urgency not in Urgency.values:
        raise InvalidValue("there is no such urgency", field="urgency")
    procedure = RequestedProcedure.objects.select_for_update().filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such exam", field="procedure")
    if procedure.exam_state not in EXAM_STATES_TO_READ | EXAM_STATES_REPORTED:
        raise ExamNotReady(f"the exam is {procedure.exam_state}", field="exam_state")
    same = CriticalResult.objects.filter(
        procedure=procedure, urgency=urgency, finding=finding, acknowledged_at__isnull=True
    ).first()
    if same is not None:
        return same
    now = timezone.now()
    critical = CriticalResult.objects.create(
        procedure=procedure,
        urgency=urgency,
        finding=finding,
        flagged_by_id=user_id,
        flagged_at=now,
        due_at=now + timedelta(minutes=minutes_of(urgency)),
    )
    enqueue(JOB_KIND, critical.pk, run_at=critical.due_at)
    if not is_closed(procedure.pk):
        notices.notify(NOTICE_KIND, procedure_id=procedure.pk)
    announce_event(Event.CRITICAL_FLAGGED, procedure.pk)
    _tell(critical, actor, "critical.flagged", urgency=urgency)
    return critical


@transaction.atomic
def acknowledge(critical_id: int, received_by: str, actor: Actor) -> CriticalResult:
    """The actor answers for its being known; it is escalated no more. Acknowledging again changes nothing.

    :param received_by: who was told, where that is somebody else; at most 128 characters
    :raises NotPermitted: the actor's role acknowledges nothing
    :raises NotFound: there is no such critical result, or the actor may not see it yet
    :raises InvalidValue: ``received_by`` is too long
    """
    user_id = person(actor)
    refuse_unless_may(user_id, Function.ACKNOWLEDGE_CRITICAL)
    critical = _locked(critical_id)
    if not shown_to(User.objects.get(pk=user_id), CriticalResult.objects.filter(pk=critical.pk)).exists():
        raise NotFound("there is no such critical result", field="critical")
    received_by = " ".join(received_by.split())
    if len(received_by) > 128:
        raise InvalidValue("a name has at most 128 characters", field="received_by")
    if critical.acknowledged_at is not None:
        return critical
    critical.acknowledged_by_id, critical.acknowledged_at = user_id, timezone.now()
    critical.received_by = received_by
    critical.save(update_fields=["acknowledged_by", "acknowledged_at", "received_by"])
    if not open_criticals().filter(procedure_id=critical.procedure_id).exists():
        for notice in Notice.objects.filter(
            kind=NOTICE_KIND, procedure_id=critical.procedure_id, acknowledged_at__isnull=True
        ):
            notices.acknowledge(notice.pk, actor)
    announce_event(Event.CRITICAL_ACKNOWLEDGED, critical.procedure_id)
    _tell(critical, actor, "critical.acknowledged", level=critical.level)
    return critical


@transaction.atomic
def run_escalate(subject_id: str) -> None:
    """The job ``escalate_critical``: tell again when nobody has acknowledged in time, at most three times.

    Level, time of the next escalation, what receivers are owed and the next job are written together: run twice, or
    killed at any moment, it escalates once.
    """
    critical = _locked(int(subject_id))
    now = timezone.now()
    if critical.acknowledged_at is not None or critical.level >= MOST_ESCALATIONS:
        return
    if critical.due_at <= now:
        critical.level += 1
        critical.due_at = now + timedelta(minutes=minutes_of(critical.urgency))
        critical.save(update_fields=["level", "due_at"])
        notices.notify(NOTICE_KIND, procedure_id=critical.procedure_id)
        announce_event(Event.CRITICAL_ESCALATED, critical.procedure_id)
        _tell(critical, SYSTEM, "critical.escalated", level=critical.level)
    if critical.level < MOST_ESCALATIONS:
        enqueue(JOB_KIND, critical.pk, run_at=critical.due_at)


def _locked(critical_id: int) -> CriticalResult:
    """The critical result, its exam locked before it, as everywhere."""
    procedure = RequestedProcedure.objects.select_for_update().filter(criticals=critical_id).first()
    if procedure is None:
        raise NotFound("there is no such critical result", field="critical")
    return CriticalResult.objects.select_for_update().get(pk=critical_id)


def _tell(critical: CriticalResult, actor: Actor, action: str, **details: Any) -> None:
    procedure = critical.procedure
    record(
        actor, action, subject=f"critical:{critical.pk}", patient_id=procedure.patient_id,
        procedure=procedure.pk, **details,
    )  # fmt: skip
    announce("exam", procedure.pk)
