"""ORU^R01 that comes in: results made elsewhere (HL7 2.5.1 chapter 7), kept with their exam."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ris_core.audit.services import Actor
from ris_core.errors import IdentityConflict, QuangError
from ris_core.external_results.models import MOST_DOCUMENT_BYTES, MOST_TEXT_CHARACTERS
from ris_core.external_results.rules import StatedDocument, StatedResult
from ris_core.external_results.services import record_result
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message, Segment
from ris_core.identifiers import PatientIdentifier
from ris_core.intake.patient import read_identifiers
from ris_core.intake.reading import Reading
from ris_core.intake.values import bounded, coded_text, missing, moment, refused
from ris_core.orders.errors import UnknownOrder

_MEDIA_TYPES = {"PDF": "application/pdf", "JPEG": "image/jpeg", "PNG": "image/png", "PLAIN": "text/plain"}
"""ED-3; anything else is kept as bytes that are only ever downloaded."""

_STATUSES = frozenset("OISAPCRFXYZDNUW")
"""OBX-11 and OBR-25, HL7 tables 0085 and 0123."""

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    UnknownOrder: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
}
_PLACES = {"patient_identifier": ("PID", 3), "placer_order_number": ("OBR", 2)}


def apply_results(message: Message, reading: Reading, actor: Actor) -> None:
    """Keep every result of ``message``.

    :raises MessageRefused: naming what is missing or wrong; 204 when an order is not here; held when it is another
        patient's
    """
    pid = message.first("PID")
    if pid is None:
        raise MessageRefused(
            "the message has no PID segment", error=ErrorCode.SEGMENT_SEQUENCE_ERROR, location=Location("PID")
        )
    identifiers = read_identifiers(pid, reading, message.segments)
    if not identifiers:
        raise missing("the patient identifier", pid, 3)
    found = False
    for orc, obr, others in _groups(message):
        found = True
        stated = _read(orc, obr, others, message.sender, identifiers, reading)
        try:
            record_result(stated, actor)
        except QuangError as error:
            kinds = (code for kind, code in _ERROR_CODES.items() if isinstance(error, kind))
            segment, field = _PLACES.get(error.field, ("OBR", 0))
            raise MessageRefused(
                f"{segment}-{field}: {error.detail}",
                error=next(kinds, ErrorCode.DATA_TYPE_ERROR),
                location=Location(segment, obr.sequence if segment == "OBR" else 1, field),
                held=isinstance(error, IdentityConflict),
                code=error.code,
            ) from error
    if not found:
        raise MessageRefused(
            "the message has no OBR segment: it has no result",
            error=ErrorCode.SEGMENT_SEQUENCE_ERROR,
            location=Location("OBR"),
        )


def _groups(message: Message) -> Iterator[tuple[Segment | None, Segment, list[Segment]]]:
    """OBR with the ORC before it and what follows it."""
    orc: Segment | None = None
    obr: Segment | None = None
    others: list[Segment] = []
    for segment in message.segments:
        if segment.name in ("ORC", "OBR"):
            if obr:
                yield orc, obr, others
                obr, others = None, []
                orc = segment if segment.name == "ORC" else None
            if segment.name == "ORC":
                orc = segment
            else:
                obr = segment
        elif obr:
            others.append(segment)
    if obr:
        yield orc, obr, others


def _read(
    orc: Segment | None,
    obr: Segment,
    others: list[Segment],
    source: str,
    identifiers: tuple[PatientIdentifier, ...],
    reading: Reading,
) -> StatedResult:
    placer = bounded(obr, 2, 128) or (bounded(orc, 2, 128) if orc else "")
    filler = bounded(obr, 3, 128) or (bounded(orc, 3, 128) if orc else "")
    accession = bounded(obr, 18, 128)
    if not (placer or filler or accession):
        raise missing("the order's number", obr, 2)
    status = obr.value(25).upper()
    if status and status not in _STATUSES:
        raise refused(
            f"{status[:8]!r} is not in HL7 table 0123; send F, P, C or X", ErrorCode.TABLE_VALUE_NOT_FOUND, obr, 25
        )
    text = "\n".join(line for line in map(_line, others) if line)
    if len(text) > MOST_TEXT_CHARACTERS:
        raise refused(f"its text is longer than {MOST_TEXT_CHARACTERS} characters", ErrorCode.DATA_TYPE_ERROR, obr, 4)
    interpreter = obr.subcomponents(obr.raw(32), 1)
    return StatedResult(
        source=source,
        patient_identifiers=identifiers,
        placer_order_number=placer,
        filler_order_number=filler,
        accession_number=accession,
        service_code=obr.value(4),
        status=status or "F",
        observed_at=moment(obr, 7, reading.zone),
        interpreter=" ".join(part for part in (interpreter[1:3] or interpreter[:1]) if part)[:255],
        text=text,
        documents=tuple(_document(segment) for segment in others if segment.name == "OBX" and segment.value(2) == "ED"),
    )


def _line(segment: Segment) -> str:
    """An OBX as ``name: value unit (range) flag``, a note as its text."""
    if segment.name == "NTE":
        return segment.text(3)
    if segment.name != "OBX" or segment.value(2) == "ED" or segment.value(11) == "D":
        return ""
    value = segment.text(5) if segment.value(2) in ("ST", "TX", "FT", "NM", "") else coded_text(segment, 5)
    if not value or value == '""':
        return ""
    reference = segment.value(7)
    parts = [value, segment.value(6), f"({reference})" if reference else "", segment.value(8)]
    stated = " ".join(part for part in parts if part)
    label = coded_text(segment, 3)
    return f"{label}: {stated}" if label else stated


def _document(obx: Segment) -> StatedDocument:
    """ED: source application, type, subtype, encoding, data."""
    repetitions = obx.repetitions(5)
    parts = [*(obx.components(repetitions[0]) if repetitions else []), *[""] * 5]
    kinds, encoding, data = (parts[1].upper(), parts[2].upper()), parts[3].upper(), parts[4]
    if encoding != "BASE64":
        raise refused("a document must be encoded as Base64", ErrorCode.DATA_TYPE_ERROR, obx, 5, 4)
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused("the document is no Base64", ErrorCode.DATA_TYPE_ERROR, obx, 5, 5) from error
    if not content or len(content) > MOST_DOCUMENT_BYTES:
        detail = f"a document has 1 to {MOST_DOCUMENT_BYTES} bytes"
        raise refused(detail, ErrorCode.DATA_TYPE_ERROR, obx, 5, 5)
    media_type = next((_MEDIA_TYPES[kind] for kind in kinds if kind in _MEDIA_TYPES), "application/octet-stream")
    if media_type == "application/pdf" and not content.startswith(b"%PDF-"):
        raise refused("the document says it is a PDF and is none", ErrorCode.DATA_TYPE_ERROR, obx, 5, 5)
    return StatedDocument(coded_text(obx, 3)[:255], media_type, content)
