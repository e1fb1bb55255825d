"""ORC, OBR and what belongs to them: one ordered service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.hl7.er7 import NULL, Segment
from ris_core.identifiers import AETitle, PlacerOrderNumber, StudyInstanceUID
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded, checked, coded_text, missing, moment, person, refused
from ris_core.orders.rules import DICOM_MODALITIES, OrderedStep, OrderRequest, VisitDetails
from ris_core.patients.rules import PatientDetails

_PRIORITY = {
    "S": "STAT", "STAT": "STAT", "E": "STAT", "CC": "STAT",
    "A": "HIGH", "ASAP": "HIGH", "H": "HIGH", "HIGH": "HIGH", "U": "HIGH", "UR": "HIGH", "T": "HIGH", "TS": "HIGH",
    "R": "ROUTINE", "ROUTINE": "ROUTINE", "N": "ROUTINE", "C": "ROUTINE", "PRN": "ROUTINE",
    "P": "MEDIUM", "M": "MEDIUM", "MEDIUM": "MEDIUM",
    "L": "LOW", "LOW": "LOW",
}  # fmt: skip
"""TQ1-9, OBR-27.6, ORC-7.6 and OBR-5 (HL7 table 0485 and common others) as (0040,1003)."""

_MODALITY = {
    "CAT": "CT", "NMR": "MR", "MRI": "MR", "NMS": "NM", "RUS": "US", "VUS": "US", "CUS": "US", "OUS": "US",
    "RX": "DX", "XRC": "RF", "XR": "DX", "EC": "ECG", "EN": "EEG",
}  # fmt: skip
"""OBR-24 (HL7 table 0074) where it is not a DICOM modality already."""

_MOST_INDICATION_CHARACTERS = 4000


@dataclass
class OrderGroup:
    """The segments of one order of a message, as they follow each other."""

    orc: Segment
    obr: Segment | None = None
    others: list[Segment] = field(default_factory=list)

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.others if segment.name == name), None)

    def all(self, name: str) -> list[Segment]:
        return [segment for segment in self.others if segment.name == name]


def read_placer_order_number(group: OrderGroup) -> PlacerOrderNumber:
    """ORC-2, or OBR-2 when it is empty.

    :raises MessageRefused: 101 when there is none
    """
    number = group.orc.value(2) or (group.obr.value(2) if group.obr else "")
    if not number:
        raise missing("the placer order number", group.orc, 2)
    return checked(PlacerOrderNumber, group.orc, 2, number)


def read_service_code(group: OrderGroup) -> str:
    """OBR-4.1.

    :raises MessageRefused: 101 when there is none
    """
    if group.obr is None:
        raise refused("the order has no OBR segment", ErrorCode.SEGMENT_SEQUENCE_ERROR, group.orc, 0)
    code = bounded(group.obr, 4, 64)
    if not code:
        raise missing("the service code", group.obr, 4)
    return code


def read_order(
    group: OrderGroup, source: str, patient: PatientDetails, visit: VisitDetails | None, reading: Reading
) -> OrderRequest:
    """The order of one group.

    :raises MessageRefused: naming the field that is missing or wrong
    """
    code = read_service_code(group)
    orc, obr = group.orc, group.obr
    assert obr is not None  # noqa: S101 - without OBR there is no service code
    ipcs = group.all("IPC")
    ipc = ipcs[0] if ipcs else None
    filler_order_number = orc.value(3) or obr.value(3)
    return OrderRequest(
        source=source,
        placer_order_number=read_placer_order_number(group),
        patient=patient,
        visit=visit,
        service_code=code,
        service_coding_system=bounded(obr, 4, 64, 3),
        service_name=obr.value(4, 2)[:255],
        modality=_modality(obr.value(24)),
        accession_number=((ipc.value(1) if ipc else "") or obr.value(18) or filler_order_number)[:128],
        filler_order_number=filler_order_number,
        requested_procedure_id=(ipc.value(2) if ipc else "") or obr.value(19),
        study_instance_uid=_study_instance_uid(group),
        priority=_priority(group),
        scheduled_at=_scheduled_at(group, reading.zone),
        requesting_physician=_first_said(person(orc, 12), person(obr, 16)),
        requesting_department=_department(orc),
        clinical_indication=_clinical_indication(group),
        ordered_at=moment(orc, 9, reading.zone),
        steps=tuple(map(_step, ipcs)) or _single_step(obr),
    )


def _first_said(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def _modality(sent: str) -> str:
    code = sent.upper()
    return code if code in DICOM_MODALITIES else _MODALITY.get(code, "")


def _study_instance_uid(group: OrderGroup) -> StudyInstanceUID | None:
    """ZDS-1 (IHE RAD TF-2 4.4), or IPC-3."""
    for name, number in (("ZDS", 1), ("IPC", 3)):
        segment = group.first(name)
        if segment and segment.value(number):
            return checked(StudyInstanceUID, segment, number, segment.value(number))
    return None


def _priority(group: OrderGroup) -> str | None:
    tq1 = group.first("TQ1")
    places = [(tq1, 9, 1), (group.obr, 27, 6), (group.orc, 7, 6), (group.obr, 5, 1)]
    for segment, number, component in places:
        sent = segment.value(number, component) if segment else ""
        if segment and sent:
            if sent.upper() not in _PRIORITY:
                raise refused(
                    f"priority {sent[:16]!r} is not known here; send S, A, R, P, C or T",
                    ErrorCode.TABLE_VALUE_NOT_FOUND, segment, number, component if component > 1 else 0,
                )  # fmt: skip
            return _PRIORITY[sent.upper()]
    return None


def _scheduled_at(group: OrderGroup, zone: tzinfo) -> datetime | None:
    """TQ1-7, OBR-27.4, ORC-7.4, OBR-36, OBR-6: the first that is given."""
    obr = group.obr
    return (
        moment(group.first("TQ1"), 7, zone)
        or moment(obr, 27, zone, 4)
        or moment(group.orc, 7, zone, 4)
        or moment(obr, 36, zone)
        or moment(obr, 6, zone)
    )


def _department(orc: Segment) -> str | None:
    """ORC-17 (entering organization), else ORC-13 (enterer's location)."""
    for number in (17, 13):
        if orc.raw(number):
            return "" if orc.raw(number) == NULL else coded_text(orc, number)[:255]
    return None


def _clinical_indication(group: OrderGroup) -> str | None:
    """OBR-31, OBR-13, DG1, NTE and OBX in this order, each text once; none when nothing is said."""
    obr = group.obr
    if obr is None:
        return None
    texts: list[str] = []
    for repetition in obr.repetitions(31):
        parts = [*obr.components(repetition), ""]
        texts.append(parts[1] or parts[0])
    texts.append(obr.text(13))
    texts += [coded_text(segment, 3) or segment.text(4) for segment in group.all("DG1")]
    texts += [segment.text(3) for segment in group.all("NTE")]
    texts += [_observation(segment) for segment in group.all("OBX") if segment.value(2) not in ("ED", "RP")]
    said = [text for text in dict.fromkeys(texts) if text and text != NULL]
    if not said:
        return "" if NULL in (obr.raw(31), obr.raw(13)) else None
    return "; ".join(said)[:_MOST_INDICATION_CHARACTERS]


def _observation(obx: Segment) -> str:
    value = obx.text(5) if obx.value(2) in ("ST", "TX", "FT") else coded_text(obx, 5)
    if not value:
        return ""
    label, unit = coded_text(obx, 3), obx.value(6)
    return f"{label}: {value} {unit}".strip() if label else value


def _step(ipc: Segment) -> OrderedStep:
    """One IPC segment: one scheduled procedure step (HL7 2.5.1 §4.5.6)."""
    modality = ipc.value(5).upper()
    if modality and modality not in DICOM_MODALITIES:
        raise refused(f"{modality[:16]!r} is no DICOM modality (0008,0060)", ErrorCode.TABLE_VALUE_NOT_FOUND, ipc, 5)
    station = ipc.value(9)
    return OrderedStep(
        scheduled_procedure_step_id=ipc.value(4),
        modality=modality,
        station_ae_title=checked(AETitle, ipc, 9, station) if station else "",
        room=coded_text(ipc, 8)[:64],
        description=coded_text(ipc, 6)[:255],
    )


def _single_step(obr: Segment) -> tuple[OrderedStep, ...]:
    """OBR-20 as IHE uses it: the Scheduled Procedure Step ID of the only step."""
    number = obr.value(20)
    return (OrderedStep(scheduled_procedure_step_id=number),) if number else ()
