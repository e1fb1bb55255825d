"""The outbox: results owed to receivers, in version order; what a person may do about them.

The sending itself is :mod:`ris_core.delivery.sending`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.delivery.rules import MAY_BE_DISMISSED, MAY_BE_REPLAYED, MAY_BE_SUPERSEDED, SETTLED
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.models import ReportVersion, VersionStatus


def owe_version(version: ReportVersion) -> list[Delivery]:
    """Write one delivery for every active receiver that wants results of this order, in the caller's transaction.

    An older version that a receiver can never have seen (no attempt reached it) is superseded by this one. They are
    sent when :func:`send_owed` is called, after the document is made.
    """
    source = version.reading.procedure.source
    owed = []
    for receiver in Receiver.objects.filter(Q(source="") | Q(source=source), active=True).order_by("pk"):
        _supersede_unseen(receiver, version)
        owed.append(
            Delivery.objects.create(
                receiver=receiver,
                version=version,
                reading=version.reading,
                sequence=version.number,
                control_id=f"QR{secrets.token_hex(9)}",
                queued_at=timezone.now(),
            )
        )
    for delivery in owed:
        announce("delivery", delivery.pk)
    return owed


def send_owed(version_id: int) -> None:
    """Have the deliveries of a version that wait to be sent, in the caller's transaction."""
    for delivery in Delivery.objects.filter(version_id=version_id, state=DeliveryState.QUEUED):
        enqueue_delivery(delivery)


def enqueue_delivery(delivery: Delivery, delay_seconds: float = 0.0) -> None:
    """Have one attempt made, one receiver's attempts one after the other, one reading's in order."""
    enqueue(
        "deliver",
        delivery.pk,
        lane=f"receiver:{delivery.receiver_id}:reading:{delivery.reading_id}",
        channel=f"receiver:{delivery.receiver_id}",
        run_at=timezone.now() + timedelta(seconds=delay_seconds),
    )


@transaction.atomic
def replay(delivery_id: int, actor: Actor) -> None:
    """A person has a result sent again: the same message, its attempts counted anew.

    :raises NotFound: no such delivery
    :raises TransitionRefused: it is queued or being sent already, superseded, or the receiver may have a newer version
    """
    delivery = locked(delivery_id)
    _refuse_unless(delivery, MAY_BE_REPLAYED, "sent again")
    newer = _others(delivery).filter(sequence__gt=delivery.sequence, possibly_seen=True)
    if newer.exists():
        raise TransitionRefused("the receiver may have a newer version already", field="sequence")
    former = delivery.state
    delivery.state = DeliveryState.QUEUED
    delivery.attempts = 0
    delivery.dismissed_reason = ""
    delivery.save()
    enqueue_delivery(delivery)
    tell(delivery, actor, "delivery.replayed", former_state=former)


@transaction.atomic
def dismiss(delivery_id: int, reason: str, actor: Actor) -> None:
    """A person decides that this version is no longer owed to this receiver; newer versions go on.

    :raises InvalidValue: no reason
    :raises TransitionRefused: it is being sent right now, acknowledged or superseded
    """
    if not reason.strip():
        raise InvalidValue("say why the delivery is dismissed", field="reason")
    delivery = locked(delivery_id)
    _refuse_unless(delivery, MAY_BE_DISMISSED, "dismissed")
    delivery.state = DeliveryState.DISMISSED
    delivery.dismissed_reason = reason.strip()[:255]
    delivery.save()
    tell(delivery, actor, "delivery.dismissed", reason=delivery.dismissed_reason)
    after_settled(delivery)


def waits_for(delivery: Delivery) -> Delivery | None:
    """The older version that must be settled before this one may be sent to the same receiver; none: it may go."""
    older = _others(delivery).filter(sequence__lt=delivery.sequence)
    return older.exclude(state__in=SETTLED).order_by("-sequence").first()


def after_settled(delivery: Delivery) -> None:
    """Let the next version go, and the exam count as returned when all who are owed the newest have it; in the
    caller's transaction."""
    # RETRY too: its job ended without an attempt while this older version was sent again
    owed = (DeliveryState.QUEUED, DeliveryState.RETRY)
    following = _others(delivery).filter(sequence__gt=delivery.sequence, state__in=owed)
    for waiting in following.order_by("sequence")[:1]:
        enqueue_delivery(waiting)
    newest = ReportVersion.objects.filter(reading_id=delivery.reading_id).order_by("-number").first()
    if newest is None or newest.status == VersionStatus.PRELIMINARY:
        return
    states = set(Delivery.objects.filter(version=newest).values_list("state", flat=True))
    if DeliveryState.ACKNOWLEDGED in states and states <= {DeliveryState.ACKNOWLEDGED, DeliveryState.DISMISSED}:
        procedure_id = delivery.reading.procedure_id
        changed = RequestedProcedure.objects.filter(pk=procedure_id, exam_state=ExamState.FINAL).update(
            exam_state=ExamState.RETURNED, updated_at=timezone.now()
        )
        if changed:
            announce("exam", procedure_id)


def tell(delivery: Delivery, actor: Actor, action: str, **details: Any) -> None:
    """Audit and announce what happened to a delivery, in the caller's transaction."""
    record(
        actor,
        action,
        subject=f"delivery:{delivery.pk}",
        patient_id=delivery.reading.procedure.patient_id,
        receiver=delivery.receiver.code,
        version=delivery.sequence,
        control_id=delivery.control_id,
        **details,
    )
    announce("delivery", delivery.pk)


def _supersede_unseen(receiver: Receiver, version: ReportVersion) -> None:
    older = Delivery.objects.select_for_update().filter(
        receiver=receiver, reading=version.reading, possibly_seen=False, state__in=MAY_BE_SUPERSEDED
    )
    for delivery in older:
        delivery.state = DeliveryState.SUPERSEDED
        delivery.save()
        tell(delivery, SYSTEM, "delivery.superseded", by_version=version.number)


def _others(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(receiver_id=delivery.receiver_id, reading_id=delivery.reading_id)


def locked(delivery_id: int) -> Delivery:
    """The delivery, locked until the transaction ends; its exam is locked first, as approving does.

    :raises NotFound: no such delivery
    """
    if not RequestedProcedure.objects.select_for_update().filter(readings__deliveries=delivery_id):
        raise NotFound("there is no such delivery", field="delivery")
    return Delivery.objects.select_for_update().get(pk=delivery_id)


def _refuse_unless(delivery: Delivery, states: frozenset[str], what: str) -> None:
    if delivery.state not in states:
        raise TransitionRefused(f"a delivery in state {delivery.state} cannot be {what}", field="state")
