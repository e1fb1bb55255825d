"""Digitally signed results on their way out: who takes nothing else, the files that go, and who is told when they are
signed, signed again or no longer signed (R7, R16).

A receiver that takes signed results only is told of a withdrawn signature as of a recall: what it has is void, and the
exam counts as returned no more until it is signed again and the receiver has that. Others that have been sent signed
files get the result anew as it is now.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.delivery.layout import Part, layout_of
from ris_core.delivery.models import Delivery, DeliveryState, Receiver
from ris_core.delivery.result import Recalled
from ris_core.delivery.services import owe_anew, owe_void, send_owed, supersede
from ris_core.errors import TransitionRefused
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.outbox.rules import MAY_BE_SUPERSEDED
from ris_core.reports.arranging import counts
from ris_core.reports.models import ReportRecall, ReportVersion, VersionStatus
from ris_core.signatures.models import Signature, SignedFile
from ris_core.signatures.rules import FileKind, SignatureState


def waits_for_signature(delivery: Delivery) -> bool:
    """Whether a receiver that takes signed results only cannot be sent this one yet; preliminary ones never are."""
    wanted = delivery.receiver.signed_only and delivery.kind == Delivery.Kind.RESULT
    return wanted and delivery.version.status != VersionStatus.PRELIMINARY and signed_file(delivery.version_id) is None


def signature_in_force(version_id: int) -> int | None:
    """The signature of a version that is in force, if any."""
    found = Signature.objects.filter(version_id=version_id, state=SignatureState.SIGNED)
    return found.values_list("pk", flat=True).first()


def signed_file(version_id: int, kind: FileKind = FileKind.PDF) -> bytes | None:
    """The signed file of a version whose signature is in force; none when there is none."""
    found = SignedFile.objects.filter(
        signature__version_id=version_id, signature__state=SignatureState.SIGNED, kind=kind
    ).first()
    return bytes(found.content) if found else None


def recalled(version: ReportVersion) -> Recalled:
    """Why and since when a version counts no more for a receiver that is told so, in UTC."""
    recall = ReportRecall.objects.filter(version=version).first()
    if recall is not None:
        return Recalled(recall.reason, recall.recalled_at)
    signature = version.signatures.filter(state=SignatureState.WITHDRAWN).latest("withdrawn_at")
    assert signature.withdrawn_at is not None  # noqa: S101 - a withdrawn one has it
    return Recalled(signature.withdrawn_reason, signature.withdrawn_at)


def owe_signed(version: ReportVersion) -> None:
    """A version is signed, or signed again: who takes signed files is owed them, in the caller's transaction.

    :raises TransitionRefused: it is being sent right now
    """
    for delivery in _results_of(version):
        if not _takes_signed(delivery.receiver) or delivery.state == DeliveryState.DISMISSED:
            continue
        recalls = Delivery.objects.filter(receiver=delivery.receiver, version=version, kind=Delivery.Kind.RECALL)
        for void in recalls.filter(state__in=MAY_BE_SUPERSEDED):
            supersede(void, version)
        if delivery.message or delivery.state != DeliveryState.QUEUED:
            _again(delivery)
    send_owed(version.pk)


def owe_signature_withdrawn(version: ReportVersion) -> None:
    """The signature of a version is withdrawn: who may have its files is told, in the caller's transaction. Who has a
    newer version, or has been told that this one is recalled, is told nothing of it any more.

    :raises TransitionRefused: it is being sent right now
    """
    signature = version.signatures.filter(state=SignatureState.WITHDRAWN).latest("withdrawn_at")
    in_force = counts(version)
    for delivery in _results_of(version):
        if delivery.state in (DeliveryState.DISMISSED, DeliveryState.SUPERSEDED):
            continue
        if not delivery.possibly_seen:
            if delivery.message:
                owe_anew(delivery)
        elif delivery.receiver.signed_only:
            if delivery.state in MAY_BE_SUPERSEDED:
                supersede(delivery, version)
            if not _knows_better(delivery):
                owe_void(delivery.receiver, version)
                if in_force:
                    _returned_no_more(delivery)
        elif not in_force and delivery.state == DeliveryState.ACKNOWLEDGED:
            continue
        elif _takes_signed(delivery.receiver) or (
            delivery.last_attempt_at and signature.signed_at and delivery.last_attempt_at >= signature.signed_at
        ):
            _again(delivery)
    send_owed(version.pk)


def _results_of(version: ReportVersion) -> Iterator[Delivery]:
    """The deliveries of a version's result, locked."""
    results = Delivery.objects.filter(version=version).select_related("receiver", "version").order_by("pk")
    for delivery in results.select_for_update(of=("self",)):
        if delivery.state == DeliveryState.SENDING:
            raise TransitionRefused("a result is being sent right now; try again in a moment", field="delivery")
        if delivery.kind == Delivery.Kind.RESULT:
            yield delivery


def _knows_better(delivery: Delivery) -> bool:
    """Whether the receiver is told of a recall of the version, or may have a newer one."""
    if ReportRecall.objects.filter(version_id=delivery.version_id).exists():
        return True
    of_report = Delivery.objects.filter(receiver_id=delivery.receiver_id, reading_id=delivery.reading_id)
    return of_report.filter(version__number__gt=delivery.version.number, possibly_seen=True).exists()


def _again(delivery: Delivery) -> None:
    """The receiver is to have the result as it is now; until then the exam does not count as returned."""
    owe_anew(delivery)
    announce("delivery", delivery.pk)
    _returned_no_more(delivery)


def _returned_no_more(delivery: Delivery) -> None:
    procedure_id = delivery.reading.procedure_id
    changed = RequestedProcedure.objects.filter(pk=procedure_id, exam_state=ExamState.RETURNED).update(
        exam_state=ExamState.FINAL, updated_at=timezone.now()
    )
    if changed:
        announce("exam", procedure_id)


def _takes_signed(receiver: Receiver) -> bool:
    return receiver.signed_only or Part.SIGNED_XML in layout_of(receiver.layout).parts
