"""Results owed to receivers, written in the transaction that approves or recalls them.

How they are sent, and what a person may do about them, is :mod:`ris_core.delivery.sending`.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.holding import has_open_hold, hold_if_unpaid
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.delivery.rules import RELEASED, gets_status, sequence_of, wants
from ris_core.delivery.under_way import JOB_KIND, channel, enqueue_delivery, exam_facts_of, lane
from ris_core.errors import TransitionRefused
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.outbox.rules import MAY_BE_SUPERSEDED
from ris_core.referrers.telling import tell_referrers
from ris_core.reports.models import ReportRecall, ReportVersion, VersionStatus

__all__ = [
    "JOB_KIND", "channel", "facts", "lane", "owe_anew", "owe_recall", "owe_under_new_numbers", "owe_version",
    "owe_void", "send_owed", "supersede", "void_results",
]  # fmt: skip

_DISMISSED_UNSEEN: Final = (DeliveryState.SUPERSEDED, DeliveryState.DISMISSED)


def owe_version(version: ReportVersion) -> list[Delivery]:
    """Write one delivery for every active receiver that wants this result, in the caller's transaction.

    For a receiver of the newest only, an older version that it can never have seen (no attempt reached it) is
    superseded by this one. Held back when a payment rule says so. They are sent when :func:`send_owed` is called,
    after the document is made.
    """
    procedure = version.reading.procedure
    hold_if_unpaid(procedure)
    if version.status in RELEASED and not has_open_hold(procedure.pk):
        tell_referrers(procedure)
    owed = []
    for receiver in receivers_of(procedure):
        has_older = Delivery.objects.filter(receiver=receiver, reading=version.reading).exists()
        if not gets_status(receiver.first_status, version.status, has_older=has_older):
            continue
        if receiver.only_newest or receiver.signed_only:
            _supersede_unseen(receiver, version)
        owed.append(_owe(receiver, version))
    for delivery in owed:
        announce("delivery", delivery.pk)
    return owed


def owe_recall(recall: ReportRecall) -> list[Delivery]:
    """Tell everybody who was owed the recalled version, also receivers that are switched off now, in the caller's
    transaction.

    What such a receiver can never have seen goes to it no more when it takes the newest only, or when it is held back
    until it is paid for; one that has seen nothing of the report is not told.
    """
    version = recall.version
    held = has_open_hold(version.reading.procedure_id)
    owed = []
    known = Delivery.objects.filter(version=version, kind=Delivery.Kind.RESULT).select_related("receiver")
    for former in known.order_by("receiver_id"):
        receiver = former.receiver
        if receiver.only_newest or receiver.signed_only or held:
            _supersede_unseen(receiver, version)
            of_report = Delivery.objects.filter(receiver=receiver, reading=version.reading)
            if not of_report.exclude(possibly_seen=False, state__in=_DISMISSED_UNSEEN).exists():
                continue
        owed.append(owe_void(receiver, version))
    return owed


def receivers_of(procedure: RequestedProcedure) -> list[Receiver]:
    """The active receivers whose rules want results of an exam."""
    exam = exam_facts_of(procedure)
    active = Receiver.objects.filter(active=True).prefetch_related("rules").order_by("pk")
    return [receiver for receiver in active if wants(receiver.source, receiver.rules.all(), exam)]


def owe_under_new_numbers(procedure_id: int, actor: Actor) -> None:
    """The order is known by other numbers now: its newest versions are owed to everybody who is to have them, also to
    those who were sent them under the former numbers; in the caller's transaction. A recalled one is owed to nobody.

    :raises TransitionRefused: one is being sent right now
    """
    newest = ReportVersion.objects.filter(reading__procedure_id=procedure_id).order_by("reading_id", "-number")
    done: set[int] = set()
    for version in newest.select_related("reading__procedure"):
        if version.reading_id in done:
            continue
        done.add(version.reading_id)
        if ReportRecall.objects.filter(version=version).exists():
            continue
        for receiver in receivers_of(version.reading.procedure):
            of_report = Delivery.objects.select_for_update().filter(receiver=receiver, reading=version.reading)
            known = of_report.filter(version=version).first()
            if known and known.state == DeliveryState.SENDING:
                raise TransitionRefused("a result is being sent right now; try again in a moment", field="delivery")
            if known and not known.message:
                continue  # composed when it is sent, with the numbers of then
            if not gets_status(receiver.first_status, version.status, has_older=known is not None):
                continue
            delivery = known or _owe(receiver, version)
            if known:
                owe_anew(known)
            record(actor, "delivery.owed_anew", subject=f"delivery:{delivery.pk}", **facts(delivery))
            announce("delivery", delivery.pk)
        if version.status != VersionStatus.PRELIMINARY:
            RequestedProcedure.objects.filter(pk=procedure_id, exam_state=ExamState.RETURNED).update(
                exam_state=ExamState.FINAL, updated_at=timezone.now()
            )
        if version.documents.exists():
            send_owed(version.pk)


def owe_anew(delivery: Delivery) -> None:
    """What was composed for the receiver holds no more: it is composed and sent anew, its attempts counted from the
    start, the receiver shown another control id; the row is locked by the caller."""
    delivery.state, delivery.attempts, delivery.message = DeliveryState.QUEUED, 0, b""
    delivery.control_id, delivery.queued_at = _control_id(), timezone.now()
    delivery.acknowledged_at, delivery.dismissed_reason = None, ""
    delivery.save()


def owe_void(receiver: Receiver, version: ReportVersion) -> Delivery:
    """Tell a receiver that what it has of a version counts no more, in the caller's transaction."""
    known = Delivery.objects.select_for_update().filter(
        receiver=receiver, version=version, kind=Delivery.Kind.RECALL
    ).first()  # fmt: skip
    if known is not None and known.state == DeliveryState.SENDING:
        return known  # it is being told so right now, and again until it has heard
    if known is not None:  # told before, because its signature was withdrawn
        owe_anew(known)
    delivery = known or _owe(receiver, version, Delivery.Kind.RECALL)
    enqueue_delivery(delivery)
    announce("delivery", delivery.pk)
    return delivery


def void_results(version_id: int) -> QuerySet[Delivery]:
    """The results of a version whose receivers have been told since, or are being told, that they count no more."""
    told = Delivery.objects.filter(
        kind=Delivery.Kind.RECALL,
        version=OuterRef("version"),
        receiver=OuterRef("receiver"),
        queued_at__gt=OuterRef("queued_at"),
    ).exclude(state__in=_DISMISSED_UNSEEN)
    return Delivery.objects.filter(Exists(told), version=version_id, kind=Delivery.Kind.RESULT)


def send_owed(version_id: int) -> None:
    """Have the deliveries of a version that wait to be sent, in the caller's transaction."""
    for delivery in Delivery.objects.filter(version_id=version_id, state=DeliveryState.QUEUED):
        enqueue_delivery(delivery)


def facts(delivery: Delivery) -> dict[str, Any]:
    """What audit events say of a delivery."""
    return {
        "patient_id": delivery.reading.procedure.patient_id,
        "receiver": delivery.receiver.code,
        "version": delivery.version.number,
        "control_id": delivery.control_id,
        **({"recall": True} if delivery.kind == Delivery.Kind.RECALL else {}),
    }


def _owe(receiver: Receiver, version: ReportVersion, kind: str = Delivery.Kind.RESULT) -> Delivery:
    return Delivery.objects.create(
        kind=kind,
        receiver=receiver,
        version=version,
        reading=version.reading,
        sequence=sequence_of(version.number, recalled=kind == Delivery.Kind.RECALL),
        control_id=_control_id(),
        queued_at=timezone.now(),
    )


def _control_id() -> str:
    return f"QR{secrets.token_hex(9)}"


def _supersede_unseen(receiver: Receiver, version: ReportVersion) -> None:
    """Leave out results that ``version`` replaces; never a recall, since what comes next may wait to be paid for or
    signed while the receiver takes what it has for true."""
    older = Delivery.objects.select_for_update().filter(
        receiver=receiver, reading=version.reading, kind=Delivery.Kind.RESULT, possibly_seen=False,
        state__in=MAY_BE_SUPERSEDED,
    )  # fmt: skip
    for delivery in older:
        supersede(delivery, version)


def supersede(delivery: Delivery, version: ReportVersion) -> None:
    """It need not be sent any more, because of what is owed of ``version``; the row is locked by the caller."""
    delivery.state = DeliveryState.SUPERSEDED
    delivery.save()
    subject = f"delivery:{delivery.pk}"
    record(SYSTEM, "delivery.superseded", subject=subject, by_version=version.number, **facts(delivery))
    announce("delivery", delivery.pk)
