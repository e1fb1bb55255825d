"""ORM^O01, OMG^O19, OMI^O23: place, change and cancel orders."""

from __future__ import annotations

from ris_core.audit.services import Actor
from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.intake.commands import Action, OrderCommand, read_commands
from ris_core.intake.reading import Reading
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.orders.services import cancel_order, change_order, place_order, require_order

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    UnknownOrder: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    OrderExists: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    TransitionRefused: ErrorCode.APPLICATION_RECORD_LOCKED,
    InvalidValue: ErrorCode.DATA_TYPE_ERROR,
}

_PLACES: dict[str, tuple[str, int]] = {
    "patient_identifier": ("PID", 3),
    "PatientID": ("PID", 3),
    "PatientBirthDate": ("PID", 7),
    "placer_order_number": ("ORC", 2),
    "service_code": ("OBR", 4),
    "accession_number": ("OBR", 18),
    "visit_number": ("PV1", 19),
    "study_instance_uid": ("ZDS", 1),
    "ScheduledStationAETitle": ("IPC", 9),
    "Modality": ("OBR", 24),
}
"""Where in a message a field of the domain stands."""


def apply_orders(message: Message, reading: Reading, actor: Actor) -> None:
    """Carry out every order of ``message``, in the current transaction.

    :raises MessageRefused: naming the place in the message that is wrong; the caller undoes what was done before it
    """
    for command in read_commands(message, reading):
        try:
            _carry_out(command, actor)
        except QuangError as error:
            raise _refusal(error, command) from error


def _carry_out(command: OrderCommand, actor: Actor) -> None:
    if command.action is Action.NOTHING:
        require_order(command.source, command.placer_order_number)
    elif command.order is None:
        cancel_order(
            command.source,
            command.placer_order_number,
            actor,
            service_code=command.service_code,
            patient_identifiers=command.patient_identifiers,
            discontinue=command.action is Action.DISCONTINUE,
        )
    elif command.action is Action.CHANGE:
        change_order(command.order, actor)
    else:
        place_order(command.order, actor)


def _refusal(error: QuangError, command: OrderCommand) -> MessageRefused:
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), ErrorCode.DATA_TYPE_ERROR)
    if error.field == "service_code" and isinstance(error, InvalidValue):
        code = ErrorCode.TABLE_VALUE_NOT_FOUND
    segment, field = _PLACES.get(error.field, ("", 0))
    if segment == "ZDS" and "ZDS" not in command.sequences:
        segment, field = "IPC", 3
    return MessageRefused(
        f"{segment}-{field}: {error.detail}" if segment else error.detail,
        error=code,
        location=Location(segment, command.sequences.get(segment, 1), field) if segment else None,
        held=isinstance(error, IdentityConflict),
        code=error.code,
    )
