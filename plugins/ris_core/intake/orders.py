"""ORM^O01, OMG^O19, OMI^O23: place, change and cancel orders."""

from __future__ import annotations

from ris_core.audit.services import Actor
from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.hl7.acknowledgement import ErrorCode, MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.intake.commands import OrderCommand, read_commands
from ris_core.intake.controls import Action
from ris_core.intake.places import Places
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.values import place_of
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.orders.services import cancel_order, change_order, place_order, require_order

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    UnknownOrder: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    OrderExists: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    TransitionRefused: ErrorCode.APPLICATION_RECORD_LOCKED,
    InvalidValue: ErrorCode.DATA_TYPE_ERROR,
}


def _places(profile: Profile) -> dict[str, Places]:
    """Where in a message a field of the domain stands."""
    return {
        "patient_identifier": (profile.patient.identifiers[0].place,),
        "PatientID": (profile.patient.identifiers[0].place,),
        "PatientBirthDate": profile.patient.birth_date,
        "placer_order_number": profile.order.placer_order_number,
        "service_code": profile.order.service_code,
        "accession_number": profile.order.accession_number,
        "visit_number": profile.visit.visit_number,
        "study_instance_uid": profile.order.study_instance_uid,
        "ScheduledStationAETitle": profile.step.station,
        "Modality": profile.order.modality,
    }


def apply_orders(message: Message, reading: Reading, actor: Actor) -> None:
    """Carry out every order of ``message``, in the current transaction.

    :raises MessageRefused: naming the place in the message that is wrong; the caller undoes what was done before it
    """
    for command in read_commands(message, reading):
        try:
            _carry_out(command, actor)
        except QuangError as error:
            raise _refusal(error, command, reading.profile) from error


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


def _refusal(error: QuangError, command: OrderCommand, profile: Profile) -> MessageRefused:
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), ErrorCode.DATA_TYPE_ERROR)
    if error.field == "service_code" and isinstance(error, InvalidValue):
        code = ErrorCode.TABLE_VALUE_NOT_FOUND
    place = place_of(_places(profile).get(error.field, ()), command.segments)
    return MessageRefused(
        f"{place[0]}: {error.detail}" if place else error.detail,
        error=code,
        location=place[1] if place else None,
        held=isinstance(error, IdentityConflict),
        code=error.code,
    )
