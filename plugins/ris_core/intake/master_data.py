"""MFN: staff, locations, services and devices, record by record; each record is answered in the MFK (HL7 chapter 8).

Records that are right are taken also when others are wrong: the answer is then AE and names those that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from django.db import transaction

from ris_core.audit.services import Actor
from ris_core.catalogue.entries import EntryKind
from ris_core.catalogue.services import Entry, save_entry
from ris_core.errors import QuangError
from ris_core.hl7.acknowledgement import ErrorCode, Location, MessageRefused, Reply
from ris_core.hl7.er7 import Message, Segment
from ris_core.hl7.reply import ReplySegment
from ris_core.intake.devices import save_device
from ris_core.intake.order import modality_of_word
from ris_core.intake.reading import Reading
from ris_core.intake.values import coded_text
from ris_core.provisioning.staff import follow_staff

_EVENTS = {"MAD": None, "MUP": None, "MDC": False, "MDL": False, "MAC": True}
"""MFE-1, HL7 table 0180, and whether the entry is active afterwards; MDL withdraws it: nothing is deleted."""

_FILES = {
    "STF": EntryKind.STAFF, "PRA": EntryKind.STAFF, "USR": EntryKind.STAFF,
    "OMA": EntryKind.SERVICE, "OMB": EntryKind.SERVICE, "OMC": EntryKind.SERVICE, "OMD": EntryKind.SERVICE,
    "OME": EntryKind.SERVICE, "CDM": EntryKind.SERVICE, "SRV": EntryKind.SERVICE,
    "DEP": EntryKind.DEPARTMENT, "ROOM": EntryKind.ROOM,
}  # fmt: skip
"""MFI-1 (HL7 table 0175, and ours): what a record is that has nothing but its MFE segment."""

_STAFF_KINDS = {
    "T": "TECHNOLOGIST", "TECH": "TECHNOLOGIST", "KTV": "TECHNOLOGIST", "TECHNOLOGIST": "TECHNOLOGIST",
    "N": "NURSE", "NURSE": "NURSE", "DD": "NURSE", "D": "PHYSICIAN", "P": "PHYSICIAN", "MD": "PHYSICIAN",
    "BS": "PHYSICIAN", "PHYSICIAN": "PHYSICIAN", "O": "OTHER", "OTHER": "OTHER",
}  # fmt: skip

_DEPARTMENT_TYPES = frozenset({"D", "N", "C"})
"""LOC-3, HL7 table 0260: department, nursing unit, clinic."""


@dataclass
class Record:
    """One MFE segment with those that follow it."""

    mfe: Segment
    others: list[Segment] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        """MFE-4 as code, text, coding system."""
        return self.mfe.value(4), self.mfe.value(4, 2), self.mfe.value(4, 3)


def apply_master_data(message: Message, reading: Reading, actor: Actor) -> Reply:
    """Take over every record of ``message``.

    :raises MessageRefused: 100, 101 without MFI or any MFE segment
    """
    mfi = message.first("MFI")
    records = list(_records(message))
    for name, found in (("MFI", mfi), ("MFE", records)):
        if not found:
            raise MessageRefused(
                f"the message has no {name} segment", error=ErrorCode.SEGMENT_SEQUENCE_ERROR, location=Location(name)
            )
    assert mfi is not None  # noqa: S101 - refused above
    answers = []
    first: MessageRefused | None = None
    for record in records:
        refusal = _try(record, mfi, message.sender, reading, actor)
        first = first or refusal
        answers.append(_answer(record, refusal))
    echoed = ReplySegment("MFI", (_parts(mfi, 1), _parts(mfi, 2), mfi.value(3), "", "", mfi.value(6)))
    event = message.header.value(9, 2)
    return Reply(("MFK", event, "MFK_M01"), (echoed, *answers), first)


def _records(message: Message) -> Iterator[Record]:
    record: Record | None = None
    for segment in message.segments:
        if segment.name == "MFE":
            if record:
                yield record
            record = Record(segment)
        elif record:
            record.others.append(segment)
    if record:
        yield record


def _try(record: Record, mfi: Segment, source: str, reading: Reading, actor: Actor) -> MessageRefused | None:
    """Take over one record; why it was not."""
    try:
        with transaction.atomic():
            _take_over(record, mfi, source, reading, actor)
    except MessageRefused as refusal:
        return refusal
    except QuangError as error:
        return _refusal(record, error.detail, ErrorCode.DATA_TYPE_ERROR, error.code)
    return None


def _take_over(record: Record, mfi: Segment, source: str, reading: Reading, actor: Actor) -> None:
    event = record.mfe.value(1).upper()
    if event not in _EVENTS:
        raise _refusal(
            record,
            f"record event {event[:8]!r} is not known; send {', '.join(_EVENTS)}",
            ErrorCode.TABLE_VALUE_NOT_FOUND,
        )
    active = _EVENTS[event]
    for segment in record.others:
        if segment.name == "ZDV":
            save_device(segment, active, actor)
            return
    entry = _entry(record, mfi, reading)
    if entry is None:
        raise _refusal(
            record,
            f"what the record is cannot be told: send {', '.join(_READERS)} or ZDV after MFE, or its kind in MFI-1",
            ErrorCode.SEGMENT_SEQUENCE_ERROR,
        )
    if active is not None:  # only withdrawn or taken back: what else the record says is not taken over
        entry = replace(entry, values={}, active=active, must_exist=True)
    save_entry(replace(entry, source=source), actor)
    if entry.kind is EntryKind.STAFF:
        follow_staff(
            entry.code.strip(), entry.coding_system.strip(), source, reading.profile.words.staff_accounts, actor
        )


def _entry(record: Record, mfi: Segment, reading: Reading) -> Entry | None:
    for segment in record.others:
        read = _READERS.get(segment.name)
        if read:
            return read(segment, record, reading)
    kind = _FILES.get(mfi.value(1).upper())
    code, name, system = record.key
    if kind is None:
        return None
    values = {"name": name} if name else {}
    if kind is EntryKind.SERVICE and (modality := modality_of_word(code, reading.profile)):
        values["modality"] = modality
    return Entry(kind=kind, code=code, coding_system=system, values=values)


def _staff(stf: Segment, record: Record, reading: Reading) -> Entry:
    """STF-2 or STF-1, -3 name, -4 type, -7 active, -8 department, -18 job title; PRA-3 category."""
    pra = next((segment for segment in record.others if segment.name == "PRA"), None)
    name = " ".join(part for part in (stf.value(3), stf.value(3, 3), stf.value(3, 2)) if part)
    word = (stf.value(4) or (pra.value(3) if pra else "")).upper()
    said = {
        "name": name or stf.value(1, 2) or record.key[1],
        "kind": _STAFF_KINDS.get(word, "PHYSICIAN" if not word else "OTHER"),
        "title": stf.value(3, 6) or stf.value(3, 5) or coded_text(stf, 18),
        "department_code": stf.value(8),
    }
    active = {"A": True, "I": False}.get(stf.value(7).upper())
    code = stf.value(2) or stf.value(1) or record.key[0]
    return Entry(kind=EntryKind.STAFF, code=code, coding_system=stf.value(1, 3), values=_given(said), active=active)


def _location(loc: Segment, record: Record, reading: Reading) -> Entry:
    """LOC-1 (point of care, room), -2 description, -3 type; a location with a room is one, others are departments."""
    unit, room = loc.value(1), loc.value(1, 2)
    name = loc.value(2) or record.key[1]
    if room and loc.value(3).upper() not in _DEPARTMENT_TYPES:
        said = {"name": name or room, "department_code": unit}
        return Entry(kind=EntryKind.ROOM, code=room, values=_given(said))
    return Entry(kind=EntryKind.DEPARTMENT, code=unit or record.key[0], values=_given({"name": name}))


def _service(om1: Segment, record: Record, reading: Reading) -> Entry:
    """OM1-2 the service, OM1-49 its section (HL7 table 0074, or a DICOM modality)."""
    code, name, system = om1.value(2), om1.value(2, 2), om1.value(2, 3)
    said = {
        "name": name or om1.value(7) or record.key[1],
        "modality": modality_of_word(om1.value(49), reading.profile) or modality_of_word(code, reading.profile),
    }
    return Entry(
        kind=EntryKind.SERVICE, code=code or record.key[0], coding_system=system or record.key[2], values=_given(said)
    )


def _z_form(kind: EntryKind, *fields: str) -> Callable[[Segment, Record, Reading], Entry]:
    """A segment of ours: field 1 code, 2 name, 3 coding system, then ``fields``."""

    def read(segment: Segment, record: Record, reading: Reading) -> Entry:
        said = {"name": segment.text(2), **{name: segment.text(number) for number, name in enumerate(fields, start=4)}}
        if said.get("modality"):
            word = said["modality"]
            said["modality"] = modality_of_word(word, reading.profile) or word
        if said.get("kind"):
            said["kind"] = _STAFF_KINDS.get(said["kind"].upper(), said["kind"])
        return Entry(
            kind=kind, code=segment.value(1) or record.key[0], coding_system=segment.value(3), values=_given(said)
        )

    return read


_READERS: dict[str, Callable[[Segment, Record, Reading], Entry]] = {
    "STF": _staff,
    "LOC": _location,
    "OM1": _service,
    "ZSV": _z_form(EntryKind.SERVICE, "modality", "body_part", "default_device", "minimum_minutes"),
    "ZDP": _z_form(EntryKind.DEPARTMENT),
    "ZRM": _z_form(EntryKind.ROOM, "department_code"),
    "ZUS": _z_form(EntryKind.STAFF, "kind", "title", "department_code"),
}
"""What a record is, by the segment after its MFE."""


def _given(said: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if value}


def _refusal(record: Record, detail: str, error: ErrorCode, code: str = "") -> MessageRefused:
    location = Location("MFE", record.mfe.sequence)
    return MessageRefused(f"MFE {record.mfe.sequence}: {detail}", error=error, location=location, code=code)


def _answer(record: Record, refusal: MessageRefused | None) -> ReplySegment:
    """MFA: event, control id, when, S(uccessful) or U(nsuccessful) with the reason, the record's key."""
    outcome = ("U", refusal.detail[:200], "HL70181") if refusal else ("S", "", "HL70181")
    return ReplySegment(
        "MFA", (record.mfe.value(1), record.mfe.value(2), "", outcome, _parts(record.mfe, 4), record.mfe.value(5))
    )


def _parts(segment: Segment, number: int) -> tuple[str, ...]:
    """A field of the message as it is sent back."""
    repetitions = segment.repetitions(number)
    return tuple(segment.components(repetitions[0])) if repetitions else ()
