"""Take in what devices report; what is refused is kept as it came, in the inbox of messages (:mod:`ris_core.messages`).

There a person sees why, mends the cause (an order that came later, a device that was not registered) and has it taken
in after all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import DataError, transaction
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor, collected
from ris_core.changes.services import announce
from ris_core.messages.keeping import effects_of
from ris_core.messages.models import WAITING_STATES, InboundMessage, MessageState, Protocol, Resolution
from ris_core.names import folded
from ris_core.performed import attributes as read
from ris_core.performed.datasets import as_json, packed, unpacked
from ris_core.performed.errors import DuplicateInstance, InvalidAttributeValue, ReportRefused
from ris_core.performed.models import PerformedStepMessage
from ris_core.performed.services import Report, begin_performed_step, set_performed_step

Operation = PerformedStepMessage.Operation
_TAKE_IN: Final[dict[str, Callable[[Report], Any]]] = {
    Operation.CREATE: begin_performed_step,
    Operation.SET: set_performed_step,
}
_MOST_SEARCH_CHARACTERS: Final = 255


@transaction.atomic
def take_in(report: Report, operation: Operation) -> None:
    """N-CREATE or N-SET; what was refused of the step's reports of this kind before needs nobody any more.

    :raises ReportRefused: see :mod:`ris_core.performed.errors`
    """
    _TAKE_IN[operation](report)
    waiting = _of_step(report).filter(message_type=operation, state__in=WAITING_STATES, resolved_at__isnull=True)
    for key in waiting.values_list("pk", flat=True):
        announce("message", key)
    waiting.update(resolved_at=report.received_at, resolution=Resolution.SENT_AGAIN)


@transaction.atomic
def keep_refused(report: Report, operation: Operation, refusal: ReportRefused) -> None:
    """Keep a report that has had no effect. The same, refused for the same reason, is kept once while it waits; a
    repeated N-CREATE of what is here needs nobody.

    :param report: with empty ``attributes`` when its dataset cannot be read
    """
    digest = hashlib.sha256(operation.encode() + b"\r" + report.dataset).hexdigest()
    waits = _of_step(report).filter(digest=digest, error_detail=refusal.detail, resolved_at__isnull=True)
    if waits.exists() or (isinstance(refusal, DuplicateInstance) and _is_here(report)):
        return
    row = InboundMessage.objects.create(
        protocol=Protocol.MPPS,
        sender=report.ae_title,
        control_id=report.sop_instance_uid[:64],
        digest=digest,
        message_type=operation,
        raw=packed(report.dataset, report.transfer_syntax_uid),
        peer=report.address[:64],
        search_text=_search_text(report),
        received_at=report.received_at,
        **_outcome(refusal),
    )
    announce("message", row.pk)


def take_in_again(original: InboundMessage, actor: Actor) -> InboundMessage:
    """A person has a kept report taken in, dated as it was received; in the caller's transaction.

    :return: the attempt. It has no identity of its own (``control_id``): that is its original's
    """
    file = bytes(original.raw)
    dataset, transfer_syntax_uid = unpacked(file)
    refusal: ReportRefused | None = None
    events: Sequence[AuditEvent] = ()
    try:
        report = Report(
            sop_instance_uid=original.control_id,
            ae_title=original.sender,
            address=original.peer,
            attributes=as_json(dataset, transfer_syntax_uid),
            dataset=dataset,
            transfer_syntax_uid=transfer_syntax_uid,
            received_at=original.received_at,
        )
        with collected() as events, transaction.atomic():
            _TAKE_IN[original.message_type](report)
    except ReportRefused as error:
        refusal = error
    except DataError:
        refusal = InvalidAttributeValue("a value cannot be kept")
    return InboundMessage.objects.create(
        protocol=Protocol.MPPS,
        sender=original.sender,
        digest=original.digest,
        message_type=original.message_type,
        raw=file,
        peer=actor.address[:64],
        search_text=original.search_text,
        received_at=timezone.now(),
        replay_of=original,
        replayed_by_id=actor.user_id,
        effects=[] if refusal else effects_of(events),
        patient_id=None if refusal else next((event.patient_id for event in events if event.patient_id), None),
        **_outcome(refusal),
    )


def _of_step(report: Report) -> Any:
    return InboundMessage.objects.filter(
        protocol=Protocol.MPPS, sender=report.ae_title, control_id=report.sop_instance_uid[:64]
    )


def _outcome(refusal: ReportRefused | None) -> dict[str, str]:
    if refusal is None:
        return {"state": MessageState.APPLIED, "acknowledgement_code": "0000"}
    return {
        "state": MessageState.REFUSED,
        "acknowledgement_code": f"{refusal.status:04X}",
        "error_code": refusal.code,
        "error_location": f"({refusal.field[:4]},{refusal.field[4:8]})" if refusal.field else "",
        "error_detail": refusal.detail,
    }


def _is_here(report: Report) -> bool:
    """Whether this very N-CREATE was taken in: its answer was lost."""
    kept = PerformedStepMessage.objects.filter(
        performed__sop_instance_uid=report.sop_instance_uid, operation=Operation.CREATE
    )
    return any(bytes(dataset) == report.dataset for dataset in kept.values_list("dataset", flat=True))


def _search_text(report: Report) -> str:
    said = report.attributes
    words = [read.text(said, read.PATIENT_ID), read.text(said, read.PATIENT_NAME).replace("^", " ")]
    words += [reference.accession_number for reference in read.references(said)]
    # PostgreSQL cannot keep a NUL, which may be why it was refused
    return folded(" ".join(dict.fromkeys(filter(None, words)))).replace("\0", "")[:_MOST_SEARCH_CHARACTERS]
