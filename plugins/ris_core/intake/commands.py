"""An order message as commands: one for each ORC/OBR group, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, Segment
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber
from ris_core.intake.controls import ORDER_CONTROLS, ORDER_STATUSES, Action
from ris_core.intake.order import OrderGroup, read_order, read_placer_order_number
from ris_core.intake.patient import read_identifiers, read_patient, read_visit
from ris_core.intake.places import Segments
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.values import missing_at, refused, refused_at
from ris_core.orders.rules import OrderRequest


@dataclass(frozen=True, slots=True)
class OrderCommand:
    """What one ORC/OBR group asks for, and where it stands in the message."""

    action: Action
    source: str
    placer_order_number: PlacerOrderNumber
    service_code: str
    patient_identifiers: tuple[PatientIdentifier, ...]
    order: OrderRequest | None
    """What is ordered; none unless it is to be placed or changed."""
    segments: Segments
    """Where it was read."""


def read_commands(message: Message, reading: Reading) -> list[OrderCommand]:
    """What ``message`` asks for.

    :raises MessageRefused: naming what is missing or wrong in an order
    """
    pid = _only_pid(message)
    commands = []
    profile = reading.profile
    for group in order_groups(message):
        action = _action(group.segments, profile)
        order = None
        if action in (Action.PLACE, Action.CHANGE):
            if pid is None:
                raise MessageRefused(
                    "the message has no PID segment; send the patient with the order",
                    error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
                    location=Location("PID"),
                )
            patient = read_patient(pid, reading, message.segments)
            visit = read_visit(message.first("PV1"), reading, message.segments)
            order = read_order(group, message.sender, patient, visit, reading)
        commands.append(
            OrderCommand(
                action=action,
                source=message.sender,
                placer_order_number=read_placer_order_number(group, profile),
                service_code=group.segments.value(profile.order.service_code),
                patient_identifiers=read_identifiers(pid, reading, message.segments) if pid else (),
                order=order,
                segments=group.segments,
            )
        )
    if not commands:
        raise MessageRefused(
            "the message has no ORC segment: it orders nothing",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("ORC"),
        )
    return commands


def _only_pid(message: Message) -> Segment | None:
    pids = list(message.all("PID"))
    if len(pids) > 1:
        raise MessageRefused(
            "the message has several PID segments; send the orders of each patient in a message of their own",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("PID", 2),
        )
    return pids[0] if pids else None


def order_groups(message: Message) -> Iterator[OrderGroup]:
    """ORC with the segments that follow it; a further OBR under the same ORC is an order of its own."""
    group: OrderGroup | None = None
    shared = Segments(takewhile(lambda segment: segment.name != "ORC", message.segments))
    for segment in message.segments:
        if segment.name == "ORC":
            if group:
                yield group
            group = OrderGroup(segment, shared)
        elif segment.name == "OBR":
            if group is None:
                raise refused("OBR comes before ORC", ErrorCode.SEGMENT_SEQUENCE_ERROR, segment, 0)
            if group.obr:
                yield group
                group = OrderGroup(group.orc, shared)
            group.add(segment)
        elif group:
            group.add(segment)
    if group:
        yield group


def _action(segments: Segments, profile: Profile) -> Action:
    places, words = profile.order, profile.words
    found = segments.find(places.order_control)
    if found is None:
        raise missing_at("the order control code", places.order_control, segments)
    control = words.order_controls.get(found.text.upper(), found.text.upper())
    if control != "SC":
        if control in ORDER_CONTROLS:
            return ORDER_CONTROLS[control]
        raise refused_at(
            found,
            f"order control {control[:8]!r} cannot be carried out here; send {', '.join(ORDER_CONTROLS)} or SC",
            ErrorCode.TABLE_VALUE_NOT_FOUND,
        )
    found = segments.find(places.order_status)
    if found is None:
        raise missing_at("the order status of a status change (SC)", places.order_status, segments)
    status = words.order_statuses.get(found.text.upper(), found.text.upper())
    if status in ORDER_STATUSES:
        return ORDER_STATUSES[status]
    raise refused_at(
        found,
        f"order status {status[:8]!r} cannot be taken over here; send {', '.join(ORDER_STATUSES)}",
        ErrorCode.TABLE_VALUE_NOT_FOUND,
    )
