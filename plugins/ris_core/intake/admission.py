"""ADT of one patient: who they are, and how far a visit is (HL7 2.5.1 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from ris_core.audit.services import Actor
from ris_core.errors import QuangError
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, Segment
from ris_core.intake.patient import read_patient, read_visit
from ris_core.intake.places import Places, Segments, at
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.refusals import refusal_of
from ris_core.intake.values import moment, refused
from ris_core.orders.models import PatientClass, VisitState
from ris_core.patients.consequences import details_changed
from ris_core.patients.errors import UnknownPatient
from ris_core.patients.models import Patient
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import find_patient, record_patient
from ris_core.patients.visits import note_visit


@dataclass(frozen=True, slots=True)
class Event:
    """What a trigger event says of a visit."""

    state: VisitState | None = None
    """How far the visit is now; none: as before."""
    moment: int = 0
    """PV1 field that tells when; 0: none does."""
    takes_back: bool = False
    """It cancels another event: the visit must be known."""
    creates: bool = True
    """A patient who is not known is added."""


_ADMITTED, _DISCHARGED = 44, 45

EVENTS: Final[dict[str, Event]] = {
    "A01": Event(VisitState.ADMITTED, _ADMITTED),
    "A02": Event(),
    "A03": Event(VisitState.DISCHARGED, _DISCHARGED),
    "A04": Event(VisitState.REGISTERED, _ADMITTED),
    "A05": Event(VisitState.PRE_ADMITTED),
    "A06": Event(VisitState.ADMITTED),
    "A07": Event(VisitState.REGISTERED),
    "A08": Event(creates=False),
    "A11": Event(VisitState.CANCELLED, takes_back=True),
    "A12": Event(takes_back=True),
    "A13": Event(VisitState.ADMITTED, takes_back=True),
    "A28": Event(),
    "A31": Event(creates=False),
}
"""By trigger event (HL7 table 0003). The ward is always that of PV1-3, which in a cancelled transfer (A12) is where the
patient is again. A patient class change (A06, A07) is in PV1-2."""


def apply_admission(message: Message, reading: Reading, actor: Actor) -> None:
    """Add or update the patient of ``message``, and the visit that it names.

    :raises MessageRefused: 204 an unknown visit is cancelled, or an unknown patient updated and
        ``hl7.updates_create_patients`` is off; 205 (held) the details are another person's; 100 without one PID
    """
    event = EVENTS[trigger_of(message)]
    pid = _only_pid(message)
    details = read_patient(pid, reading, message.segments)
    visit = read_visit(message.first("PV1"), reading, message.segments)
    segments = Segments(message.segments)
    if event.takes_back and visit is None:
        raise refused("the visit number is missing; send it", ErrorCode.REQUIRED_FIELD_MISSING, _pv1(message, pid), 19)
    at_moment = _moment(message.first("PV1"), event, reading)
    try:
        patient = known_or_new(details, actor, creates=event.creates)
        if visit is not None:
            state = event.state
            if event.takes_back and state == VisitState.ADMITTED and visit.patient_class == PatientClass.OUTPATIENT:
                state = VisitState.REGISTERED
            note_visit(visit, patient, actor, state=state, at=at_moment, must_be_known=event.takes_back)
    except QuangError as error:
        raise refusal_of(error, places_of(reading.profile), segments) from error


def known_or_new(details: PatientDetails, actor: Actor, *, creates: bool = True) -> Patient:
    """The patient of ``details``, brought up to date; devices and readers learn what has changed.

    :raises UnknownPatient: nobody has these identifiers, and updates do not create patients here
    :raises IdentityConflict: the details are another person's
    """
    must_be_known = not creates and not settings.QUANG.hl7.updates_create_patients
    if must_be_known and not any(find_patient(identifier) for identifier in details.identifiers):
        raise UnknownPatient("no patient has this identifier; send A28 or A04 first", field="patient_identifier")
    patient, identifiers, changed = record_patient(details, actor)
    if changed:
        details_changed(patient, identifiers, changed)
    return patient


def trigger_of(message: Message) -> str:
    """MSH-9.2, or EVN-1 where MSH-9 has none (HL7 2.1)."""
    evn = message.first("EVN")
    return (message.header.value(9, 2) or (evn.value(1) if evn else "")).upper()


def places_of(profile: Profile) -> dict[str, Places]:
    """Where in an ADT message a field of the domain stands."""
    pid_3 = (profile.patient.identifiers[0].place,)
    return {
        "patient_identifier": pid_3,
        "identifier": pid_3,
        "survivor": pid_3,
        "visit_number": profile.visit.visit_number,
        "merged": at("MRG-1"),
        "prior_identifier": at("MRG-1"),
        "prior_visit_number": at("MRG-5"),
    }


def _only_pid(message: Message) -> Segment:
    pids = list(message.all("PID"))
    if len(pids) != 1:
        raise MessageRefused(
            f"the message has {len(pids)} PID segments; send one patient in a message",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("PID", min(2, len(pids)) or 1),
        )
    return pids[0]


def _pv1(message: Message, pid: Segment) -> Segment:
    return message.first("PV1") or pid


def _moment(pv1: Segment | None, event: Event, reading: Reading) -> datetime | None:
    return moment(pv1, event.moment, reading.zone) if event.moment else None
