"""Results of exams that are not paid for are held back by rule, until they are paid or a person lets them go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.models import Delivery, DeliveryState, PaymentRule, ReturnHold
from ris_core.delivery.rules import RELEASED, ExamFacts, is_blocked, matches
from ris_core.delivery.under_way import enqueue_delivery, exam_facts_of
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import ImagingServiceRequest, PaymentState, RequestedProcedure, Visit
from ris_core.referrers.telling import tell_referrers
from ris_core.reports.models import ReportVersion


def payment_rules() -> list[PaymentRule]:
    """The active ones."""
    return list(PaymentRule.objects.filter(active=True).order_by("pk"))


def blocking_rule(exam: ExamFacts, rules: Sequence[PaymentRule] | None = None) -> PaymentRule | None:
    """The first active rule that holds results of ``exam`` back.

    :param rules: :func:`payment_rules`, when many exams are asked about
    """
    for rule in payment_rules() if rules is None else rules:
        of_class = rule.patient_class in ("", exam.patient_class)
        if of_class and matches(rule, exam) and is_blocked(exam.payment_state, unknown_too=rule.unknown_too):
            return rule
    return None


@transaction.atomic
def save_payment_rules(rules: Sequence[PaymentRule], actor: Actor) -> None:
    """Keep the rules as they are now, and let go what none of them holds back any more.

    :raises InvalidValue: a rule has no name
    """
    if any(not rule.name.strip() for rule in rules):
        raise InvalidValue("a rule needs a name", field="name")
    for rule in rules:
        rule.save()
    record(actor, "payment_rules.changed", subject="payment_rules:all", rules=[rule.pk for rule in rules])
    held = ReturnHold.objects.filter(released_at__isnull=True)
    release_paid(RequestedProcedure.objects.filter(return_holds__in=held), actor)


def hold_if_unpaid(procedure: RequestedProcedure) -> ReturnHold | None:
    """Hold an exam's results back when a rule says so, in the caller's transaction.

    What a person has let go is not held again.
    """
    holds = ReturnHold.objects.filter(procedure=procedure)
    if holds.filter(Q(released_at__isnull=True) | Q(released_by__isnull=False)).exists():
        return None
    rule = blocking_rule(exam_facts_of(procedure))
    if rule is None:
        return None
    hold = ReturnHold.objects.create(procedure=procedure, rule=rule, held_at=timezone.now())
    _tell(hold, SYSTEM, "return.held", rule=rule.name)
    return hold


def has_open_hold(procedure_id: int) -> bool:
    return ReturnHold.objects.filter(procedure_id=procedure_id, released_at__isnull=True).exists()


@transaction.atomic
def release_hold(procedure_id: int, reason: str, actor: Actor) -> ReturnHold:
    """A person has the results of an unpaid exam returned, now and later.

    :raises InvalidValue: no reason
    :raises NotFound: nothing is held
    """
    if not reason.strip():
        raise InvalidValue("say why it is returned unpaid", field="reason")
    hold = ReturnHold.objects.select_for_update().filter(procedure_id=procedure_id, released_at__isnull=True).first()
    if hold is None:
        raise NotFound("nothing of this exam is held back", field="procedure")
    if actor.user_id is None:
        raise TransitionRefused("only a person lets unpaid results go", field="actor")
    _release(hold, actor, reason.strip()[:255], actor.user_id)
    return hold


@transaction.atomic
def set_request_payment(request_id: int, state: PaymentState, actor: Actor) -> None:
    """The HIS tells whether a request is paid for; held results of it are sent when they may now.

    :raises NotFound: there is no such request
    """
    changed = ImagingServiceRequest.objects.filter(pk=request_id).exclude(payment_state=state)
    if not ImagingServiceRequest.objects.filter(pk=request_id).exists():
        raise NotFound("there is no such order", field="order")
    if changed.update(payment_state=state, updated_at=timezone.now()):
        record(actor, "order.payment_told", subject=f"order:{request_id}", state=str(state))
        release_paid(RequestedProcedure.objects.filter(request_id=request_id), actor)


def set_visit_payment(visit_id: int, state: PaymentState, actor: Actor) -> None:
    """The HIS tells whether a visit is paid for, in the caller's transaction; held results of it are sent when they
    may now."""
    if Visit.objects.filter(pk=visit_id).exclude(payment_state=state).update(payment_state=state):
        patient_id = Visit.objects.values_list("patient_id", flat=True).get(pk=visit_id)
        record(actor, "visit.payment_told", subject=f"visit:{visit_id}", patient_id=patient_id, state=str(state))
        release_paid(RequestedProcedure.objects.filter(request__visit_id=visit_id), actor)


def release_paid(procedures: QuerySet[RequestedProcedure], actor: Actor) -> None:
    """Let go what no rule holds back any more, in the caller's transaction."""
    holds = ReturnHold.objects.select_for_update(of=("self",)).filter(
        procedure__in=procedures, released_at__isnull=True
    )
    for hold in holds.select_related("procedure__request__visit"):
        if blocking_rule(exam_facts_of(hold.procedure)) is None:
            _release(hold, actor, "", None)


def _release(hold: ReturnHold, actor: Actor, reason: str, user_id: int | None) -> None:
    hold.released_at, hold.released_by_id, hold.release_reason = timezone.now(), user_id, reason
    hold.save()
    _tell(hold, actor, "return.released", reason=reason, paid=user_id is None)
    waiting = Delivery.objects.filter(reading__procedure_id=hold.procedure_id)
    for delivery in waiting.filter(state__in=(DeliveryState.QUEUED, DeliveryState.RETRY)).order_by("sequence"):
        enqueue_delivery(delivery)
    if ReportVersion.objects.filter(reading__procedure_id=hold.procedure_id, status__in=RELEASED).exists():
        tell_referrers(hold.procedure)


def _tell(hold: ReturnHold, actor: Actor, action: str, **details: Any) -> None:
    record(actor, action, subject=f"exam:{hold.procedure_id}", patient_id=hold.procedure.patient_id, **details)
    announce("exam", hold.procedure_id)
