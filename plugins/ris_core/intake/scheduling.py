"""SIU^S12, S13, S14, S15, S26: appointments of orders (HL7 2.5.1 chapter 10)."""

from __future__ import annotations

from ris_core.appointments.models import AppointmentStatus
from ris_core.appointments.rules import AppointmentNotice
from ris_core.appointments.services import record_appointment
from ris_core.audit.services import Actor
from ris_core.devices.models import Device
from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, Segment
from ris_core.intake.patient import read_identifiers
from ris_core.intake.places import Segments
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded, coded_text, missing, moment

_BY_EVENT = {
    "S12": AppointmentStatus.BOOKED,
    "S13": AppointmentStatus.BOOKED,
    "S14": AppointmentStatus.BOOKED,
    "S15": AppointmentStatus.CANCELLED,
    "S26": AppointmentStatus.NO_SHOW,
}
_BY_STATUS = {
    "ARRIVED": AppointmentStatus.ARRIVED,
    "CANCELLED": AppointmentStatus.CANCELLED,
    "CANCELED": AppointmentStatus.CANCELLED,
    "DELETED": AppointmentStatus.CANCELLED,
    "DC": AppointmentStatus.CANCELLED,
    "NOSHOW": AppointmentStatus.NO_SHOW,
}
"""SCH-25, HL7 table 0278, of a modification (S14); others leave it booked."""

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    TransitionRefused: ErrorCode.APPLICATION_RECORD_LOCKED,
    InvalidValue: ErrorCode.REQUIRED_FIELD_MISSING,
}
_PLACES = {"patient_identifier": ("PID", 3), "placer_order_number": ("SCH", 26), "starts_at": ("SCH", 11)}

_MOST_MINUTES = 24 * 60


def apply_appointment(message: Message, reading: Reading, actor: Actor) -> None:
    """Book, move or cancel the appointment of ``message``.

    :raises MessageRefused: naming what is missing or wrong; held when the order is another patient's
    """
    notice = read_appointment(message, reading)
    try:
        record_appointment(notice, actor)
    except QuangError as error:
        code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), ErrorCode.DATA_TYPE_ERROR)
        segment, field = _PLACES.get(error.field, ("SCH", 0))
        raise MessageRefused(
            f"{segment}-{field}: {error.detail}" if field else error.detail,
            error=code,
            location=Location(segment, 1, field),
            held=isinstance(error, IdentityConflict),
            code=error.code,
        ) from error


def read_appointment(message: Message, reading: Reading) -> AppointmentNotice:
    """The appointment of ``message``.

    :raises MessageRefused: 100 without SCH, 101 without a number; 102 for values that cannot be
    """
    sch = message.first("SCH")
    if sch is None:
        raise MessageRefused(
            "the message has no SCH segment: it schedules nothing",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("SCH"),
        )
    number = bounded(sch, 2, 128) or bounded(sch, 1, 128)
    if not number:
        raise missing("the appointment id", sch, 2)
    pid, ais, ail = message.first("PID"), message.first("AIS"), message.first("AIL")
    segments = Segments(message.segments)
    places = reading.profile.order
    return AppointmentNotice(
        source=message.sender,
        number=number,
        status=_status(message, sch),
        placer_order_number=bounded(sch, 26, 128) or segments.value(places.placer_order_number)[:128],
        filler_order_number=bounded(sch, 27, 128),
        accession_number=segments.value(places.accession_number)[:128],
        patient_identifiers=read_identifiers(pid, reading, message.segments) if pid else (),
        service_code=bounded(ais, 3, 64) if ais else "",
        starts_at=(
            moment(sch, 11, reading.zone, 4)
            or moment(ais, 4, reading.zone)
            or moment(message.first("AIG"), 8, reading.zone)
            or moment(ail, 6, reading.zone)
        ),
        minutes=_minutes(sch, 9, 10) or (_minutes(ais, 7, 8) if ais else 0),
        station_ae_title=_station(message, reading),
        room=_room(ail, reading) if ail else "",
        reason=(coded_text(sch, 7) or coded_text(sch, 6))[:255],
    )


def _status(message: Message, sch: Segment) -> AppointmentStatus:
    by_event = _BY_EVENT[message.header.value(9, 2)]
    if by_event is not AppointmentStatus.BOOKED:
        return by_event
    return _BY_STATUS.get(sch.value(25).upper().replace(" ", ""), by_event)


def _minutes(segment: Segment, field: int, unit_field: int) -> int:
    """A duration; one that is no number, or of an unknown unit, is not told."""
    text, unit = segment.value(field), segment.value(unit_field).upper()
    if not text.isdecimal() or len(text) > 6:
        return 0
    minutes = {"": int(text), "M": int(text), "MIN": int(text), "S": int(text) // 60, "H": int(text) * 60}.get(unit, 0)
    return min(minutes, _MOST_MINUTES)


def _station(message: Message, reading: Reading) -> str:
    """The device among the general resources (AIG-3): a word of the profile, or the AE title of a registered device."""
    words = reading.profile.words.stations
    names = [aig.value(3) for aig in message.all("AIG")]
    for name in names:
        if title := words.get(name.upper()):
            return title
    titles = [name for name in names if name and len(name) <= 16]
    return Device.objects.filter(ae_title__in=titles).values_list("ae_title", flat=True).first() or ""


def _room(ail: Segment, reading: Reading) -> str:
    """AIL-3 (PL): the room, else the point of care."""
    room = ail.value(3, 2) or ail.value(3)
    return reading.profile.words.rooms.get(room.upper(), room)[:64]
