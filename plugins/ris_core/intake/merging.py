"""ADT about two records: merge, link, separate, change of identifier, move of a visit (HL7 2.5.1 §3.6).

The record that stays is in PID, the one that goes in MRG. A message may hold several such pairs (A40).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from ris_core.audit.services import Actor, record
from ris_core.errors import IdentityConflict, QuangError
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, Segment
from ris_core.identifiers import PatientIdentifier
from ris_core.intake.admission import EVENTS, apply_admission, known_or_new, places_of, trigger_of
from ris_core.intake.patient import read_identifier, read_identifiers, read_patient, read_visit
from ris_core.intake.places import Place, Segments
from ris_core.intake.reading import Reading
from ris_core.intake.refusals import refusal_of
from ris_core.intake.values import missing, refused
from ris_core.orders.models import Visit
from ris_core.patients.errors import MergeRefused, UnknownPatient
from ris_core.patients.identifiers import add_identifier, exchange_identifier, prefer_identifier
from ris_core.patients.links import link_patients, unlink_patients
from ris_core.patients.merging import came_by, merge_patients
from ris_core.patients.models import Patient
from ris_core.patients.rules import Known, merge_contradiction
from ris_core.patients.services import find_patient, identifiers_of
from ris_core.patients.visits import move_visit, note_visit, renumber_visit

_MERGES = ("A18", "A34", "A40")


@dataclass(slots=True)
class Pair:
    """What stays (PID), what goes (MRG), and the segments that follow them."""

    pid: Segment
    mrg: Segment
    others: list[Segment] = field(default_factory=list)

    @property
    def segments(self) -> Segments:
        return Segments((self.pid, self.mrg, *self.others))


def apply_merging(message: Message, reading: Reading, actor: Actor) -> None:
    """Carry out every pair of ``message``; all of them or none.

    :raises MessageRefused: 100 without PID and MRG; 204 an unknown visit is moved; 205 a patient and itself, or (held)
        what a person has to decide: two records that contradict each other too
    """
    trigger = trigger_of(message)
    for pair in _pairs(message):
        try:
            if trigger in _MERGES:
                _merge(pair, reading, actor)
            elif trigger == "A45":
                _move_visit(pair, reading, actor)
            else:
                _exchange_identifier(pair, reading, actor)
        except QuangError as error:
            raise refusal_of(error, places_of(reading.profile), pair.segments) from error


def apply_linking(message: Message, reading: Reading, actor: Actor) -> None:
    """A24: the patients of both PIDs are one person, their records stay apart; A37: they are not.

    :raises MessageRefused: 100 without two PID segments; 204 the records to separate are not known
    """
    pids = list(message.all("PID"))
    if len(pids) != 2:
        raise MessageRefused(
            f"the message has {len(pids)} PID segments; send the two patients",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("PID", len(pids) or 1),
        )
    links = trigger_of(message) == "A24"
    meant: list[int] = []
    for pid in pids:
        try:
            meant.append(_patient(pid, reading, actor, creates=links).pk)
            if len(meant) == 2:
                (link_patients if links else unlink_patients)(meant[0], meant[1], actor)
        except QuangError as error:
            raise refusal_of(error, places_of(reading.profile), Segments((pid,))) from error


def apply_adt(message: Message, reading: Reading, actor: Actor) -> None:
    """An ADT message of HL7 2.1, whose event is in EVN-1.

    :raises MessageRefused: 201 when it is none that is taken here
    """
    trigger = trigger_of(message)
    if trigger in EVENTS:
        apply_admission(message, reading, actor)
    elif trigger in (*_MERGES, "A45", "A47"):
        apply_merging(message, reading, actor)
    elif trigger in ("A24", "A37"):
        apply_linking(message, reading, actor)
    else:
        raise MessageRefused(
            "EVN-1: this event is not taken here",
            error=ErrorCode.UNSUPPORTED_EVENT_CODE,
            location=Location("EVN", 1, 1),
        )


def _pairs(message: Message) -> Iterator[Pair]:
    pid: Segment | None = None
    pair: Pair | None = None
    for segment in message.segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            if pid is None:
                raise refused("MRG comes before PID", ErrorCode.SEGMENT_SEQUENCE_ERROR, segment, 0)
            if pair:
                yield pair
            pair = Pair(pid, segment)
        elif pair and pid is pair.pid:
            pair.others.append(segment)
    if pair is None:
        raise MessageRefused(
            "the message has no PID followed by MRG: nothing is merged or changed",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("MRG" if pid else "PID"),
        )
    yield pair


def _merge(pair: Pair, reading: Reading, actor: Actor) -> None:
    priors = _prior_identifiers(pair.mrg, reading)
    if not priors:
        raise missing("the prior patient identifier", pair.mrg, 1)
    staying = read_identifiers(pair.pid, reading)
    if not set(priors).isdisjoint(staying):
        raise refused(
            "the prior identifier is the surviving patient's own; a patient cannot be merged into itself",
            ErrorCode.DUPLICATE_KEY_IDENTIFIER, pair.mrg, 1,
        )  # fmt: skip
    survivor = _patient(pair.pid, reading, actor)
    for prior in priors:
        found = find_patient(prior)
        if found is None:
            # images and orders may still come under it, and are the survivor's
            record(actor, "patient.merge_of_unknown", subject=f"patient:{survivor.pk}", patient_id=survivor.pk)
            add_identifier(survivor.pk, prior, actor)
        elif found.pk != survivor.pk:
            if came_by(prior) is not None:
                raise MergeRefused(
                    "the prior patient has been merged into another one before; a person has to decide which of the "
                    "two merges holds",
                    field="merged",
                )
            _compare(found, survivor, reading, actor)
            merge_patients(found.pk, survivor.pk, actor)
    # of a merge that is turned round, or repeated with the numbers exchanged, what the sender calls surviving counts
    primary = next((row for row in identifiers_of(survivor.pk) if row.is_primary), None)
    if primary and staying and PatientIdentifier(primary.value, primary.issuer, primary.kind) in priors:
        prefer_identifier(staying[0], actor)


def _compare(going: Patient, staying: Patient, reading: Reading, actor: Actor) -> None:
    """Let a merge of two records that seem to be two persons' wait for a person, as the sender's profile says.

    :raises IdentityConflict: they contradict each other, and nobody has confirmed the merge
    """
    difference = merge_contradiction(_known(going), _known(staying))
    if difference is None:
        return
    if not reading.identity_confirmed and reading.profile.contradicting_merges == "held":
        raise IdentityConflict(
            f"the records to merge have {difference}: they seem to be two persons; a person has to compare them",
            field="merged",
        )
    record(
        actor,
        "patient.identity_confirmed" if reading.identity_confirmed else "patient.merge_believed",
        subject=f"patient:{going.pk}",
        patient_id=staying.pk,
        contradiction=difference.name,
    )


def _known(patient: Patient) -> Known:
    used = (row for row in identifiers_of(patient.pk) if row.kind == "NI")
    return Known(patient.birth_date, patient.sex, frozenset(row.value for row in used))


def _exchange_identifier(pair: Pair, reading: Reading, actor: Actor) -> None:
    """A47: the same person under another identifier."""
    priors, new = _prior_identifiers(pair.mrg, reading), read_identifiers(pair.pid, reading)
    if not priors:
        raise missing("the prior patient identifier", pair.mrg, 1)
    if not new:
        raise missing("the patient identifier", pair.pid, 3)
    for prior in priors:
        if find_patient(prior) is not None:
            exchange_identifier(prior, next((each for each in new if each.kind == prior.kind), new[0]), actor)
    _patient(pair.pid, reading, actor)


def _move_visit(pair: Pair, reading: Reading, actor: Actor) -> None:
    """A45: the visit MRG-5 of the patient MRG-1 is a visit of the patient in PID, under the number of PV1-19."""
    pv1 = next((segment for segment in pair.others if segment.name == "PV1"), None)
    details = read_visit(pv1, reading, pair.others)
    prior_number = pair.mrg.value(5) or (details.visit_number if details else "")
    if not prior_number:
        raise missing("the prior visit number", pair.mrg, 5)
    issuer = pair.mrg.value(5, 4) or (details.issuer if details else reading.facility)
    visits = Visit.objects.filter(visit_number=prior_number)
    visit = visits.filter(issuer=issuer[:64]).first()
    if visit is None and details is not None:  # moved and renumbered already
        visit = Visit.objects.filter(visit_number=details.visit_number, issuer=details.issuer).first()
    if visit is None:
        raise UnknownPatient("no visit with this number is here", field="prior_visit_number")
    receiver = _patient(pair.pid, reading, actor)
    for prior in _prior_identifiers(pair.mrg, reading):
        giver = find_patient(prior)
        if giver is not None and visit.patient_id not in (giver.pk, receiver.pk):
            raise IdentityConflict("the visit is that of a third patient", field="prior_visit_number")
    visit = move_visit(visit.pk, receiver.pk, actor)
    if details is not None:
        renumber_visit(visit.pk, details.visit_number, details.issuer, actor)
        note_visit(details, receiver, actor)


def _patient(pid: Segment, reading: Reading, actor: Actor, *, creates: bool = True) -> Patient:
    """Whom a PID means; one without a name, as some merges have, can only mean somebody who is known."""
    if creates and Segments((pid,)).saying(reading.profile.patient.name):
        return known_or_new(read_patient(pid, reading), actor)
    found: dict[int, Patient] = {}
    for identifier in read_identifiers(pid, reading):
        patient = find_patient(identifier)
        if patient is not None:
            found[patient.pk] = patient
    if not found:
        raise UnknownPatient("no patient has this identifier", field="patient_identifier")
    if len(found) > 1:
        raise IdentityConflict(
            "the identifiers belong to different patients here; a person has to decide whether they are one",
            field="patient_identifier",
        )
    return next(iter(found.values()))


def _prior_identifiers(mrg: Segment, reading: Reading) -> tuple[PatientIdentifier, ...]:
    """MRG-1, every repetition; MRG-4 before HL7 2.3.1, where MRG-1 may be empty."""
    source = reading.profile.patient.identifiers[0]
    component = f".{source.place.component}" if source.place.component else ""
    found: dict[PatientIdentifier, None] = {}
    for number in (1, 4):
        place = msgspec.structs.replace(source, place=Place(f"MRG-{number}{component}"))
        for repetition in mrg.repetitions(number) if not found else ():
            identifier = read_identifier(place, mrg, repetition, reading)
            if identifier:
                found[identifier] = None
    return tuple(found)
