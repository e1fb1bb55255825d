"""Results owed to receivers, written in the transaction that approves them.

How they are sent, and what a person may do about them, is :mod:`ris_core.delivery.sending`.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.errors import TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.outbox.rules import MAY_BE_SUPERSEDED
from ris_core.reports.models import ReportVersion, VersionStatus

JOB_KIND: Final = "deliver"


def owe_version(version: ReportVersion) -> list[Delivery]:
    """Write one delivery for every active receiver that wants results of this order, in the caller's transaction.

    An older version that a receiver can never have seen (no attempt reached it) is superseded by this one. They are
    sent when :func:`send_owed` is called, after the document is made.
    """
    source = version.reading.procedure.source
    owed = []
    for receiver in Receiver.objects.filter(Q(source="") | Q(source=source), active=True).order_by("pk"):
        _supersede_unseen(receiver, version)
        owed.append(_owe(receiver, version))
    for delivery in owed:
        announce("delivery", delivery.pk)
    return owed


def owe_under_new_numbers(procedure_id: int, actor: Actor) -> None:
    """The order is known by other numbers now: its newest versions are owed to everybody who is to have them, also to
    those who were sent them under the former numbers; in the caller's transaction.

    :raises TransitionRefused: one is being sent right now
    """
    newest = ReportVersion.objects.filter(reading__procedure_id=procedure_id).order_by("reading_id", "-number")
    done: set[int] = set()
    for version in newest.select_related("reading__procedure"):
        if version.reading_id in done:
            continue
        done.add(version.reading_id)
        source = version.reading.procedure.source
        for receiver in Receiver.objects.filter(Q(source="") | Q(source=source), active=True).order_by("pk"):
            known = Delivery.objects.select_for_update().filter(receiver=receiver, version=version).first()
            if known and known.state == DeliveryState.SENDING:
                raise TransitionRefused("a result is being sent right now; try again in a moment", field="delivery")
            if known and not known.message:
                continue  # composed when it is sent, with the numbers of then
            delivery = known or _owe(receiver, version)
            if known:
                delivery.state, delivery.attempts, delivery.message = DeliveryState.QUEUED, 0, b""
                delivery.control_id, delivery.queued_at = _control_id(), timezone.now()
                delivery.acknowledged_at, delivery.dismissed_reason = None, ""
                delivery.save()
            record(actor, "delivery.owed_anew", subject=f"delivery:{delivery.pk}", **facts(delivery))
            announce("delivery", delivery.pk)
        if version.status != VersionStatus.PRELIMINARY:
            RequestedProcedure.objects.filter(pk=procedure_id, exam_state=ExamState.RETURNED).update(
                exam_state=ExamState.FINAL, updated_at=timezone.now()
            )
        if version.documents.exists():
            send_owed(version.pk)


def _owe(receiver: Receiver, version: ReportVersion) -> Delivery:
    return Delivery.objects.create(
        receiver=receiver,
        version=version,
        reading=version.reading,
        sequence=version.number,
        control_id=_control_id(),
        queued_at=timezone.now(),
    )


def _control_id() -> str:
    return f"QR{secrets.token_hex(9)}"


def send_owed(version_id: int) -> None:
    """Have the deliveries of a version that wait to be sent, in the caller's transaction."""
    for delivery in Delivery.objects.filter(version_id=version_id, state=DeliveryState.QUEUED):
        enqueue(JOB_KIND, delivery.pk, lane=lane(delivery), channel=channel(delivery))


def lane(delivery: Delivery) -> str:
    """One reading's versions go in order."""
    return f"receiver:{delivery.receiver_id}:reading:{delivery.reading_id}"


def channel(delivery: Delivery) -> str:
    """One receiver gets one result at a time."""
    return f"receiver:{delivery.receiver_id}"


def facts(delivery: Delivery) -> dict[str, Any]:
    """What audit events say of a delivery."""
    return {
        "patient_id": delivery.reading.procedure.patient_id,
        "receiver": delivery.receiver.code,
        "version": delivery.sequence,
        "control_id": delivery.control_id,
    }


def _supersede_unseen(receiver: Receiver, version: ReportVersion) -> None:
    older = Delivery.objects.select_for_update().filter(
        receiver=receiver, reading=version.reading, possibly_seen=False, state__in=MAY_BE_SUPERSEDED
    )
    for delivery in older:
        delivery.state = DeliveryState.SUPERSEDED
        delivery.save()
        subject = f"delivery:{delivery.pk}"
        record(SYSTEM, "delivery.superseded", subject=subject, by_version=version.number, **facts(delivery))
        announce("delivery", delivery.pk)
