"""The numbers by which an order is known: those the sender gave where they can be used, else our own.

Ours are made from the row id of the imaging service request and so are unique without a counter of their own:
accession number ``Q00000042``, requested procedure ``QP42-1``, scheduled procedure step ``QS42-1.1``.
"""

from __future__ import annotations

from typing import TypeVar

from ris_core.errors import InvalidValue
from ris_core.identifiers import (
    AccessionNumber,
    FillerOrderNumber,
    Identifier,
    RequestedProcedureID,
    ScheduledProcedureStepID,
    StudyInstanceUID,
)
from ris_core.orders.errors import OrderExists
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep
from ris_core.orders.rules import OrderedStep, OrderRequest, usable_accession_number
from ris_core.statements import Param, Select

_Number = TypeVar("_Number", bound=Identifier)

_accession_number_taken = Select(
    ImagingServiceRequest.objects.filter(accession_number=Param("number")).values_list("id")
)
_accession_number_was_taken = Select(
    FormerNumber.objects.filter(kind=FormerNumber.Kind.ACCESSION, value=Param("number")).values_list("id")
)
_procedure_id_taken = Select(
    RequestedProcedure.objects.filter(requested_procedure_id=Param("number")).values_list("id")
)
_filler_number_taken = Select(RequestedProcedure.objects.filter(filler_order_number=Param("number")).values_list("id"))
_study_instance_uid_taken = Select(
    RequestedProcedure.objects.filter(study_instance_uid=Param("number")).values_list("id")
)
_step_id_taken = Select(
    ScheduledProcedureStep.objects.filter(scheduled_procedure_step_id=Param("number")).values_list("id")
)


def expect_numbers(order: OrderRequest) -> None:
    """Send ahead what tells whether the numbers that ``order`` brings are free."""
    if usable := usable_accession_number(order.accession_number):
        _accession_number_taken.expect(number=usable)
        _accession_number_was_taken.expect(number=usable)
    if procedure_id := _usable(RequestedProcedureID, order.requested_procedure_id):
        _procedure_id_taken.expect(number=procedure_id)
    if filler := _usable(FillerOrderNumber, order.filler_order_number):
        _filler_number_taken.expect(number=filler)
    if order.study_instance_uid is not None:
        _study_instance_uid_taken.expect(number=order.study_instance_uid)
    for step in order.steps:
        if step_number := _usable(ScheduledProcedureStepID, step.scheduled_procedure_step_id):
            _step_id_taken.expect(number=step_number)


def accession_numbers(sent: str, request_id: int) -> tuple[AccessionNumber, str]:
    """The accession number to use, and the sent one when it could not be used (too long, or taken: invariant 5)."""
    usable = usable_accession_number(sent)
    if usable and not _is_or_was_taken(usable):
        return usable, ""
    number = f"Q{request_id:08d}"
    suffix = 0
    while _is_or_was_taken(number):  # a sender has used a number of our form
        suffix += 1
        number = f"Q{request_id:08d}-{suffix}"
    return AccessionNumber(number), sent.strip()


def _is_or_was_taken(number: str) -> bool:
    taken = _accession_number_taken.row(number=number) or _accession_number_was_taken.row(number=number)
    return taken is not None


def requested_procedure_id(order: OrderRequest, request_id: int, ordinal: int) -> RequestedProcedureID:
    """The sent Requested Procedure ID when it fits and is free, else ours."""
    sent = _usable(RequestedProcedureID, order.requested_procedure_id)
    if sent and not _procedure_id_taken.row(number=sent):
        return sent
    return RequestedProcedureID(f"QP{request_id}-{ordinal}")


def filler_order_number(order: OrderRequest, procedure_id: RequestedProcedureID) -> FillerOrderNumber:
    """The sent filler order number when it fits and is free, else the requested procedure's id."""
    sent = _usable(FillerOrderNumber, order.filler_order_number)
    if sent and not _filler_number_taken.row(number=sent):
        return sent
    return FillerOrderNumber(procedure_id)


def step_id(step: OrderedStep, request_id: int, procedure_ordinal: int, ordinal: int) -> ScheduledProcedureStepID:
    """The sent Scheduled Procedure Step ID when it fits and is free, else ours."""
    sent = _usable(ScheduledProcedureStepID, step.scheduled_procedure_step_id)
    if sent and not _step_id_taken.row(number=sent):
        return sent
    return ScheduledProcedureStepID(f"QS{request_id}-{procedure_ordinal}.{ordinal}")


def study_instance_uid(order: OrderRequest, uid_root: str) -> StudyInstanceUID:
    """The sender's StudyInstanceUID, or a new one under our root.

    :raises OrderExists: when the sender's is that of another procedure (invariant 4)
    """
    if order.study_instance_uid is None:
        return StudyInstanceUID.new(uid_root)
    if _study_instance_uid_taken.row(number=order.study_instance_uid):
        raise OrderExists(
            "the StudyInstanceUID belongs to another procedure; send another one or none", field="study_instance_uid"
        )
    return order.study_instance_uid


def _usable(kind: type[_Number], sent: str) -> _Number | None:
    try:
        return kind(sent) if sent else None
    except InvalidValue:
        return None
