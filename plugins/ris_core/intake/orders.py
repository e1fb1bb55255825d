"""ORM^O01, OMG^O19, OMI^O23: place, change and cancel orders."""

from __future__ import annotations

from ris_core.audit.services import Actor
from ris_core.errors import QuangError
from ris_core.hl7.er7 import Message
from ris_core.intake.commands import OrderCommand, read_commands
from ris_core.intake.controls import Action
from ris_core.intake.places import Places
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.refusals import refusal_of
from ris_core.orders.ending import cancel_order
from ris_core.orders.finding import require_order
from ris_core.orders.services import change_order, place_order


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
            raise refusal_of(error, _places(reading.profile), command.segments) from error


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
