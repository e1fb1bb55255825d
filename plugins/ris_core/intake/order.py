"""ORC, OBR and what belongs to them: one ordered service."""

from __future__ import annotations

from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.hl7.er7 import Segment
from ris_core.identifiers import AETitle, PlacerOrderNumber, StudyInstanceUID
from ris_core.intake.condition import read_condition
from ris_core.intake.places import Places, Segments
from ris_core.intake.practitioners import read_practitioners
from ris_core.intake.profile import Profile
from ris_core.intake.reading import Reading
from ris_core.intake.texts import said_of_order
from ris_core.intake.values import (
    bounded_at,
    checked_at,
    coded_text_at,
    missing_at,
    moment_at,
    person,
    refused,
    refused_at,
)
from ris_core.orders.rules import DICOM_MODALITIES, OrderedStep, OrderRequest, VisitDetails
from ris_core.patients.rules import PatientDetails

_PRIORITY = {
    "S": "STAT", "STAT": "STAT", "E": "STAT", "CC": "STAT",
    "A": "HIGH", "ASAP": "HIGH", "H": "HIGH", "HIGH": "HIGH", "U": "HIGH", "UR": "HIGH", "T": "HIGH", "TS": "HIGH",
    "R": "ROUTINE", "ROUTINE": "ROUTINE", "N": "ROUTINE", "C": "ROUTINE", "PRN": "ROUTINE",
    "P": "MEDIUM", "M": "MEDIUM", "MEDIUM": "MEDIUM",
    "L": "LOW", "LOW": "LOW",
}  # fmt: skip
"""HL7 table 0485 and common others as (0040,1003)."""

_MODALITY = {
    "CAT": "CT", "NMR": "MR", "MRI": "MR", "NMS": "NM", "RUS": "US", "VUS": "US", "CUS": "US", "OUS": "US",
    "RX": "DX", "XRC": "RF", "XR": "DX", "EC": "ECG", "EN": "EEG",
}  # fmt: skip
"""HL7 table 0074 where it is not a DICOM modality already."""


class OrderGroup:
    """The segments of one order of a message, as they follow each other.

    :param shared: what stands before the message's first order: patient, visit, and what the sender adds to them
    """

    def __init__(self, orc: Segment, shared: Segments) -> None:
        self.orc = orc
        self.obr: Segment | None = None
        self._shared = shared
        self._others: list[Segment] = []
        self._segments: Segments | None = None

    def add(self, segment: Segment) -> None:
        """Append a segment; the group must not have been read yet."""
        if segment.name == "OBR":
            self.obr = segment
        else:
            self._others.append(segment)

    @property
    def segments(self) -> Segments:
        """Where the order's places are looked up."""
        if self._segments is None:
            own = (self.orc, self.obr, *self._others) if self.obr else (self.orc, *self._others)
            self._segments = Segments(own, self._shared)
        return self._segments


def read_placer_order_number(group: OrderGroup, profile: Profile) -> PlacerOrderNumber:
    """
    :raises MessageRefused: 101 when there is none
    """
    places = profile.order.placer_order_number
    found = group.segments.find(places)
    if found is None:
        raise missing_at("the placer order number", places, group.segments)
    return checked_at(PlacerOrderNumber, found)


def read_service_code(group: OrderGroup, profile: Profile) -> str:
    """
    :raises MessageRefused: 100 without OBR, 101 when there is none
    """
    places = profile.order.service_code
    code = bounded_at(group.segments.find(places), 64)
    if not code and group.obr is None:
        raise refused("the order has no OBR segment", ErrorCode.SEGMENT_SEQUENCE_ERROR, group.orc, 0)
    if not code:
        raise missing_at("the service code", places, group.segments)
    return code


def read_order(
    group: OrderGroup, source: str, patient: PatientDetails, visit: VisitDetails | None, reading: Reading
) -> OrderRequest:
    """The order of one group.

    :raises MessageRefused: naming the field that is missing or wrong
    """
    profile, zone, segments = reading.profile, reading.zone, group.segments
    places = profile.order
    code = read_service_code(group, profile)
    return OrderRequest(
        source=source,
        placer_order_number=read_placer_order_number(group, profile),
        patient=patient,
        visit=visit,
        service_code=code,
        service_coding_system=_coding_system(segments, profile),
        service_name=segments.value(places.service_name)[:255],
        modality=modality_of_word(segments.value(places.modality), profile),
        accession_number=segments.value(places.accession_number)[:128],
        filler_order_number=segments.value(places.filler_order_number),
        requested_procedure_id=segments.value(places.requested_procedure_id),
        study_instance_uid=_study_instance_uid(segments, places.study_instance_uid),
        priority=_priority(segments, profile),
        scheduled_at=moment_at(segments.find(places.scheduled_at), zone),
        requesting_physician=_requesting_physician(segments, places.requesting_physician),
        practitioners=read_practitioners(segments, places, reading),
        requesting_department=_department(segments, profile),
        clinical_indication=said_of_order(segments, places.clinical_indication, 4000),
        comments=said_of_order(segments, places.comments, 1024),
        condition=read_condition(segments, profile),
        procedure_code=bounded_at(segments.find(places.procedure_code), 64),
        procedure_coding_system=bounded_at(segments.find(places.procedure_coding_system), 64),
        procedure_name=segments.value(places.procedure_name)[:255],
        ordered_at=moment_at(segments.find(places.ordered_at), zone),
        steps=_steps(segments, profile),
    )


def _coding_system(segments: Segments, profile: Profile) -> str:
    system = bounded_at(segments.find(profile.order.coding_system), 64)
    return profile.words.coding_systems.get(system.upper(), system)


def modality_of_word(sent: str, profile: Profile) -> str:
    """A sender's word as a DICOM modality; empty when it is none."""
    word = sent.upper()
    code = profile.words.modalities.get(word, word)
    return code if code in DICOM_MODALITIES else _MODALITY.get(code, "")


def _study_instance_uid(segments: Segments, places: Places) -> StudyInstanceUID | None:
    found = segments.find(places)
    return checked_at(StudyInstanceUID, found) if found else None


def _priority(segments: Segments, profile: Profile) -> str | None:
    found = segments.find(profile.order.priority)
    if found is None:
        return None
    word = found.text.upper()
    priority = profile.words.priorities.get(word) or _PRIORITY.get(word)
    if priority is None:
        raise refused_at(
            found,
            f"priority {found.text[:16]!r} is not known here; send S, A, R, P, C or T",
            ErrorCode.TABLE_VALUE_NOT_FOUND,
        )
    return priority


def _requesting_physician(segments: Segments, places: Places) -> str | None:
    """The first that is said (XCN, or the text of a component)."""
    for place in places:
        segment = segments.of(place)
        if segment is None:
            continue
        name = place.value_in(segment)[:255] or None if place.component else person(segment, place.field)
        if name is not None:
            return name
    return None


def _department(segments: Segments, profile: Profile) -> str | None:
    said = segments.saying(profile.order.requesting_department)
    if said is None:
        return None
    place, segment = said
    text = coded_text_at(place, segment)[:255]
    words = profile.words.departments
    return words.get(place.value_in(segment).upper()) or words.get(text.upper(), text)


def _steps(segments: Segments, profile: Profile) -> tuple[OrderedStep, ...]:
    """One step for each IPC segment (HL7 2.5.1 §4.5.6), else the only one, when its plan says anything."""
    places, ipcs = profile.step, segments.all("IPC")
    if ipcs:
        return tuple(_step(Segments([ipc], segments), Segments([ipc]).value(places.step_id), profile) for ipc in ipcs)
    step = _step(segments, segments.value(places.step_id), profile)
    return (step,) if step != OrderedStep() else ()


def _step(segments: Segments, step_id: str, profile: Profile) -> OrderedStep:
    places, words = profile.step, profile.words
    sent_modality = segments.find(places.modality)
    modality = ""
    if sent_modality:
        word = sent_modality.text.upper()
        modality = words.modalities.get(word, word)
        if modality not in DICOM_MODALITIES:
            raise refused_at(
                sent_modality, f"{word[:16]!r} is no DICOM modality (0008,0060)", ErrorCode.TABLE_VALUE_NOT_FOUND
            )
    said = segments.saying(places.room)
    room = coded_text_at(*said) if said else ""
    room_code = said[0].value_in(said[1]) if said else ""
    description = segments.saying(places.description)
    return OrderedStep(
        scheduled_procedure_step_id=step_id,
        modality=modality,
        station_ae_title=_station(segments, profile, room_code),
        room=(words.rooms.get(room_code.upper()) or words.rooms.get(room.upper(), room))[:64],
        description=coded_text_at(*description)[:255] if description else "",
    )


def _station(segments: Segments, profile: Profile, room: str) -> str:
    """The AE title that is sent, or that the sender's name of the device or of the room stands for."""
    stations = profile.words.stations
    found = segments.find(profile.step.station)
    if found is None:
        return stations.get(room.upper(), "") if room else ""
    title = stations.get(found.text.upper())
    return title or checked_at(AETitle, found)
