"""Results owed to receivers, written in the transaction that approves them.

How they are sent, and what a person may do about them, is :mod:`ris_core.delivery.sending`.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import SYSTEM, record
from ris_core.changes.services import announce
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.jobs.services import enqueue
from ris_core.outbox.rules import MAY_BE_SUPERSEDED
from ris_core.reports.models import ReportVersion

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
