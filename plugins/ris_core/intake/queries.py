"""Queries for the state of orders, and for a patient: OSQ^Q06, QRY^R02, QRY^A19, QBP^Q11 (HL7 2.5.1 chapters 4, 5).

A sender that has the right to ask is told of the orders it has placed and of those made in the RIS; of nobody else's.
Without the right it is told nothing, not even whether there is such a patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.delivery.segments import diagnostic_service
from ris_core.errors import NotPermitted
from ris_core.hl7.acknowledgement import AcknowledgementCode, ErrorCode, Location, MessageRefused, Reply
from ris_core.hl7.er7 import Message, Segment
from ris_core.hl7.reply import Field, ReplySegment
from ris_core.hl7.timestamps import write_timestamp
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded, refused
from ris_core.orders.finding import requests_numbered
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.orders.records import RIS_SOURCE
from ris_core.patients.models import Patient, PatientIdentifier

MOST_ORDERS = 100
"""The newest ones are answered."""

_ORDER_STATUS = {
    ExamState.ORDERED: "SC", ExamState.FINAL: "CM", ExamState.RETURNED: "CM", ExamState.CANCELLED: "CA",
}  # fmt: skip
"""ORC-5, HL7 table 0038; any other state is IP."""
_RESULT_STATUS = {
    ExamState.ORDERED: "S", ExamState.IN_PROGRESS: "I", ExamState.READY_TO_READ: "R", ExamState.CLAIMED: "R",
    ExamState.DRAFT: "R", ExamState.PRELIMINARY: "P", ExamState.FINAL: "F", ExamState.RETURNED: "F",
    ExamState.RECALLED: "C", ExamState.CANCELLED: "X",
}  # fmt: skip
"""OBR-25, HL7 table 0123."""

_ANSWERS = {
    "OSQ^Q06": ("OSR", "Q06", "OSR_Q06"),
    "QRY^R02": ("ORF", "R04", "ORF_R04"),
    "QRY^A19": ("ADR", "A19", "ADR_A19"),
    "QBP^Q11": ("RSP", "K11", "RSP_K11"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query asks for: a patient, an order by any of its numbers, or both."""

    patient_id: str
    issuer: str
    number: str


def answer_query(message: Message, reading: Reading, actor: Actor) -> Reply:
    """The answer to ``message``; without orders when there are none.

    :raises MessageRefused: AR when the sender may not ask; 100, 101 when it does not say what it asks for; 204 when an
        id is that of several patients
    """
    if not reading.may_query:
        raise MessageRefused(
            "MSH-3, MSH-4: this sender may not ask for orders or patients here; ask for the right to be given to it",
            error=ErrorCode.UNSUPPORTED_MESSAGE_TYPE,
            location=Location("MSH", 1, 9),
            acknowledgement=AcknowledgementCode.REJECT,
            code=NotPermitted.code,
        )
    asked, definition = _read(message)
    patient = _patient(asked, definition)
    orders = _orders(asked, patient, message.sender)
    if patient is None and orders:
        patient = orders[0].patient
    tell_patient = patient if (orders or asked.patient_id) else None
    segments: list[ReplySegment] = [_echo(definition)]
    by_parameters = definition.name == "QPD"
    if by_parameters:
        total = str(len(orders))
        segments.insert(
            0,
            ReplySegment(
                "QAK", (definition.value(2), "OK" if orders else "NF", _components(definition, 1), total, total, "0")
            ),
        )
    if tell_patient is not None and (orders or message.type == "QRY^A19"):
        segments.append(_pid(tell_patient))
    if message.type == "QRY^A19":
        segments += _visit(orders)
    else:
        for order in orders:
            segments += [_orc(order), _obr(order)]
    record(
        actor,
        "orders.queried",
        patient_id=tell_patient.pk if tell_patient else None,
        query=message.type,
        found=len(orders),
    )
    return Reply(_ANSWERS[message.type], tuple(segments))


def _read(message: Message) -> tuple[Asked, Segment]:
    qpd, qrd = message.first("QPD"), message.first("QRD")
    if qpd:  # QPD-3 patient (CX), QPD-4 order number
        asked = Asked(bounded(qpd, 3, 64), bounded(qpd, 3, 64, 4), bounded(qpd, 4, 128))
        definition, field = qpd, 3
    elif qrd:  # QRD-8 patient (XCN), QRD-10 order number
        asked = Asked(bounded(qrd, 8, 64), bounded(qrd, 8, 64, 9), bounded(qrd, 10, 128))
        definition, field = qrd, 8
    else:
        name = "QPD" if message.type.startswith("QBP") else "QRD"
        raise MessageRefused(
            f"the query has no {name} segment", error=ErrorCode.SEGMENT_SEQUENCE_ERROR, location=Location(name)
        )
    if not (asked.patient_id or (asked.number and message.type != "QRY^A19")):
        raise refused("name the patient or the order", ErrorCode.REQUIRED_FIELD_MISSING, definition, field)
    return asked, definition


def _patient(asked: Asked, definition: Segment) -> Patient | None:
    if not asked.patient_id:
        return None
    identifiers = PatientIdentifier.objects.filter(value=asked.patient_id).select_related("patient")
    if asked.issuer:
        identifiers = identifiers.filter(issuer=asked.issuer)
    found = {}
    for identifier in identifiers[:MOST_ORDERS]:
        patient = identifier.patient
        while patient.merged_into is not None:
            patient = patient.merged_into
        found[patient.pk] = patient
    if len(found) > 1:
        raise refused(
            "the id is that of several patients; name who issued it",
            ErrorCode.UNKNOWN_KEY_IDENTIFIER, definition, 3 if definition.name == "QPD" else 8,
        )  # fmt: skip
    return next(iter(found.values()), None)


def _orders(asked: Asked, patient: Patient | None, sender: str) -> list[RequestedProcedure]:
    wanted = RequestedProcedure.objects.filter(source__in=(sender, RIS_SOURCE))
    if asked.patient_id:
        if patient is None:
            return []
        wanted = wanted.filter(Q(patient=patient) | Q(patient__merged_into=patient))
    if asked.number:
        number = asked.number
        wanted = wanted.filter(
            Q(placer_order_number=number) | Q(filler_order_number=number) | Q(request_id__in=requests_numbered(number))
        )
    return list(wanted.select_related("request__visit", "patient").order_by("-scheduled_at", "-pk")[:MOST_ORDERS])


def _echo(definition: Segment) -> ReplySegment:
    return ReplySegment(
        definition.name, tuple(_components(definition, number) for number in range(1, len(definition.fields)))
    )


def _components(segment: Segment, number: int) -> Field:
    return [tuple(segment.components(repetition)) for repetition in segment.repetitions(number)]


def _pid(patient: Patient) -> ReplySegment:
    identifiers: list[tuple[str, ...]] = [
        (row.value, "", "", row.issuer, row.kind) for row in patient.identifiers.order_by("-is_primary", "pk")
    ]
    family, _, given = patient.dicom_name.partition("^")
    name = (family, *given.split("^"))
    return ReplySegment("PID", ("1", "", identifiers, "", name, "", patient.birth_date, patient.sex or "U"))


def _visit(orders: list[RequestedProcedure]) -> list[ReplySegment]:
    """PV1 of the newest visit that the sender has told of."""
    visit = next((order.request.visit for order in orders if order.request.visit), None)
    if visit is None:
        return []
    number = (visit.visit_number, "", "", visit.issuer)
    return [ReplySegment("PV1", ("1", visit.patient_class or "U", (visit.ward,), *[""] * 15, number))]


def _orc(order: RequestedProcedure) -> ReplySegment:
    status = _ORDER_STATUS.get(ExamState(order.exam_state), "IP")
    ordered = _time(order.request.ordered_at)
    return ReplySegment(
        "ORC",
        ("SR", order.placer_order_number, order.filler_order_number, "", status, "", "", "", ordered, "", "",
         ("", order.request.requesting_physician)),
    )  # fmt: skip


def _obr(order: RequestedProcedure) -> ReplySegment:
    service = (order.service_code, order.service_name, order.service_coding_system)
    fields: dict[int, Field] = {
        1: "1",
        2: order.placer_order_number,
        3: order.filler_order_number,
        4: service,
        7: _time(order.images_arrived_at),
        18: order.request.sent_accession_number or order.request.accession_number,
        19: order.requested_procedure_id,
        24: diagnostic_service(order.modality),
        25: _RESULT_STATUS[ExamState(order.exam_state)],
        36: _time(order.scheduled_at),
    }
    return ReplySegment("OBR", tuple(fields.get(number, "") for number in range(1, 37)))


def _time(at: datetime | None) -> str:
    return write_timestamp(timezone.localtime(at)) if at else ""
