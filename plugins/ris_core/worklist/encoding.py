"""A worklist answer as a DICOM file, written by hand: it happens in the transaction of every order.

Explicit VR Little Endian, ISO_IR 192 (UTF-8, NFC), all return keys of PS3.4 table K.6-1 that we know a value of, and
the keys of type 2 empty. pydicom takes about 5 ms for the same bytes; the tests hold this encoder against it.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass

from ris_core.errors import InvalidValue
from ris_core.identifiers import StudyInstanceUID

MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Code:
    """An item of a code sequence (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class OtherPatientId:
    """An item of Other Patient IDs Sequence (0010,1002): a further identifier, such as the national id (CCCD)."""

    value: str
    issuer: str
    kind: str = "TEXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistAnswer:
    """One scheduled procedure step with its requested procedure, request, visit and patient, by DICOM keyword.

    Identifiers must fit their value representation; :func:`encode_answer` refuses those that do not, because a cut
    identifier is another identifier. Descriptions are cut to what their representation holds. Dates are ``YYYYMMDD``
    and times ``HHMMSS`` in the site's zone.
    """

    # scheduled procedure step
    scheduled_station_ae_title: str
    """Empty: any device of the modality; the device that asks is then answered with its own AE title."""
    scheduled_procedure_step_start_date: str
    scheduled_procedure_step_start_time: str
    modality: str
    scheduled_procedure_step_id: str
    scheduled_procedure_step_description: str = ""
    scheduled_performing_physician_name: str = ""
    scheduled_station_name: str = ""
    scheduled_procedure_step_location: str = ""
    scheduled_protocol_codes: tuple[Code, ...] = ()
    scheduled_procedure_step_status: str = "SCHEDULED"
    pre_medication: str = ""
    requested_contrast_agent: str = ""
    comments_on_the_scheduled_procedure_step: str = ""
    # requested procedure
    requested_procedure_id: str
    study_instance_uid: str
    requested_procedure_description: str = ""
    requested_procedure_codes: tuple[Code, ...] = ()
    requested_procedure_priority: str = "ROUTINE"
    reason_for_the_requested_procedure: str = ""
    reason_codes: tuple[Code, ...] = ()
    """Reason for Requested Procedure Code Sequence (0040,100A): diagnoses (ICD-10) as codes."""
    requested_procedure_location: str = ""
    requested_procedure_comments: str = ""
    patient_transport_arrangements: str = ""
    # imaging service request
    accession_number: str
    requesting_physician: str = ""
    requesting_service: str = ""
    referring_physician_name: str = ""
    imaging_service_request_comments: str = ""
    issue_date: str = ""
    issue_time: str = ""
    placer_order_number: str = ""
    filler_order_number: str = ""
    # visit
    admission_id: str = ""
    current_patient_location: str = ""
    special_needs: str = ""
    patient_state: str = ""
    # patient
    patient_name: str
    """PN: ``NGUYỄN^VĂN AN``."""
    patient_id: str
    issuer_of_patient_id: str = ""
    other_patient_ids: tuple[OtherPatientId, ...] = ()
    patient_birth_date: str = ""
    """Sent only when the whole date is known; a made-up day would later contradict the patient's identity."""
    patient_sex: str = ""
    patient_weight: str = ""
    """Kilograms, as a decimal string."""
    patient_size: str = ""
    """Metres, as a decimal string."""
    medical_alerts: str = ""
    """Several separated by line breaks or semicolons; each becomes a value of its own, none is cut off."""
    allergies: str = ""
    """Likewise."""
    pregnancy_status: int | None = None
    """1 no, 2 possibly, 3 definitely, 4 unknown (0010,21C0)."""
    last_menstrual_date: str = ""
    additional_patient_history: str = ""
    patient_comments: str = ""
    confidentiality_constraint: str = ""


def _tag(number: int, representation: str) -> bytes:
    return (number >> 16).to_bytes(2, "little") + (number & 0xFFFF).to_bytes(2, "little") + representation.encode()


_UNDEFINED = b"\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\x00\xe0" + _UNDEFINED
_ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


def _plain(tag: bytes, raw: bytes, padding: bytes = b" ") -> bytes:
    if len(raw) & 1:
        raw += padding
    return tag + len(raw).to_bytes(2, "little") + raw


def text_element(head: bytes, value: bytes) -> bytes:
    """An element of text: ``head`` is its tag with its representation, ``value`` gets its length and its padding."""
    return _plain(head, value)


def _sequence_start(number: int) -> bytes:
    return _tag(number, "SQ") + b"\x00\x00" + _UNDEFINED


def _empty_sequence(number: int) -> bytes:
    return _tag(number, "SQ") + b"\x00\x00\x00\x00\x00\x00"


IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"


def _file_meta(transfer_syntax_uid: str = EXPLICIT_VR_LITTLE_ENDIAN) -> bytes:
    """Preamble and file meta information (PS3.10 7.1)."""
    meta = (
        _tag(0x00020001, "OB") + b"\x00\x00\x02\x00\x00\x00\x00\x01"
        + _plain(_tag(0x00020002, "UI"), MODALITY_WORKLIST_FIND.encode(), b"\0")
        + _plain(_tag(0x00020003, "UI"), b"2.25.59317904136524786130275", b"\0")
        + _plain(_tag(0x00020010, "UI"), transfer_syntax_uid.encode(), b"\0")
        + _plain(_tag(0x00020012, "UI"), b"2.25.188137408224130711213911", b"\0")
    )  # fmt: skip
    length = _tag(0x00020000, "UL") + b"\x04\x00" + len(meta).to_bytes(4, "little")
    return b"\0" * 128 + b"DICM" + length + meta


FILE_META = _file_meta()
"""How every answer begins; what follows is its dataset, the character set first."""
_FILE_START = FILE_META + _plain(_tag(0x00080005, "CS"), b"ISO_IR 192")


def as_file(dataset: bytes, *, implicit: bool) -> bytes:
    """A dataset as it came over the network as a DICOM file."""
    return (_file_meta(IMPLICIT_VR_LITTLE_ENDIAN) if implicit else FILE_META) + dataset


_ANY_STATION = _tag(0x00400001, "AE") + b"\x00\x00"


def for_station(encoded: bytes, ae_title: str) -> bytes:
    """``encoded`` with ``ae_title`` as Scheduled Station AE Title where the step names no station.

    The sequence is of undefined length, so nothing before the value changes.
    """
    return encoded.replace(_ANY_STATION, _plain(_ANY_STATION[:6], ae_title.encode("ascii")), 1)


_BETWEEN_VALUES = re.compile(r"[\r\n;]+")
_LINE_BREAKS = {10: 10, 13: 13}
_CONTROLS: dict[int, str | int] = dict.fromkeys((*range(32), *range(127, 160), ord("\\")), " ")
_CONTROLS_OF_LONG_TEXT = _CONTROLS | _LINE_BREAKS


def _text(tag: bytes, value: str, limit: int) -> bytes:
    """A description: cut to ``limit`` characters; control characters and backslash become spaces."""
    if not value:
        return tag + b"\0\0"
    if not value.isascii() and not unicodedata.is_normalized("NFC", value):
        value = unicodedata.normalize("NFC", value)
    if "\\" in value or not value.isprintable():
        value = value.translate(_CONTROLS)
    return _plain(tag, value.strip()[:limit].rstrip().encode())


def _texts(tag: bytes, value: str, limit: int) -> bytes:
    """A text of several values (LO, 1-n): what is longer than ``limit`` goes on in the next value, at a word's end.

    An allergy that is cut off would be an allergy that nobody is told of.
    """
    if not value:
        return tag + b"\0\0"
    parts: list[str] = []
    for said in _BETWEEN_VALUES.split(unicodedata.normalize("NFC", value)):
        parts.extend(textwrap.wrap(said.translate(_CONTROLS).strip(), limit))
    return _plain(tag, "\\".join(parts).encode())


def _person_name(tag: bytes, value: str) -> bytes:
    """PN: at most three groups between ``=``, without blanks around them and without empty ones at the end."""
    if "=" in value:
        value = "=".join(group.strip() for group in value.translate(_CONTROLS).split("=")[:3]).rstrip("=")
    return _text(tag, value, 64)


def _long_text(tag: bytes, value: str) -> bytes:
    """LT: up to 10,240 characters, lines kept; here the backslash is a character like any other."""
    if not value:
        return tag + b"\0\0"
    text = unicodedata.normalize("NFC", value).replace("\\", "\ufdd0").translate(_CONTROLS_OF_LONG_TEXT)
    return _plain(tag, text.replace("\ufdd0", "\\").strip()[:10240].rstrip().encode())


def _identifier(tag: bytes, value: str, limit: int, keyword: str) -> bytes:
    """An identifying value, whole or refused.

    :raises InvalidValue: when it is too long or has a control character or a backslash
    """
    if not value:
        return tag + b"\0\0"
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    if len(value) > limit or "\\" in value or not value.isprintable() or value != value.strip():
        raise InvalidValue(f"{keyword} must have at most {limit} printable characters, no backslash", field=keyword)
    return _plain(tag, value.encode())


def _digits(tag: bytes, value: str, lengths: tuple[int, ...], keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    if len(value) not in lengths or not (value.isascii() and value.isdigit()):
        raise InvalidValue(f"{keyword} must have {' or '.join(map(str, lengths))} digits", field=keyword)
    return _plain(tag, value.encode())


def _code_string(tag: bytes, value: str, keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    if len(value) > 16 or not value.isascii() or not value.replace("_", "").replace(" ", "").isalnum():
        raise InvalidValue(f"{keyword} must be a code string of at most 16 characters", field=keyword)
    return _plain(tag, value.upper().encode())


def _decimal(tag: bytes, value: str, keyword: str) -> bytes:
    if not value:
        return tag + b"\0\0"
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 < number < 1000 or len(value) > 16 or not value.isascii():
        raise InvalidValue(f"{keyword} must be a positive decimal number", field=keyword)
    return _plain(tag, value.strip().encode())


_CODE_VALUE, _CODE_SCHEME, _CODE_MEANING = _tag(0x00080100, "SH"), _tag(0x00080102, "SH"), _tag(0x00080104, "LO")


def _codes(number: int, codes: tuple[Code, ...]) -> bytes:
    if not codes:
        return _empty_sequence(number)
    items = b"".join(
        _ITEM
        # a code of the hospital may be longer than SH: then the meaning alone tells it, a cut code would be another one
        + _text(_CODE_VALUE, code.value if len(code.value) <= 16 else "", 16)
        + _text(_CODE_SCHEME, code.scheme, 16)
        + _text(_CODE_MEANING, code.meaning, 64)
        + _ITEM_END
        for code in codes
    )
    return _sequence_start(number) + items + _SEQUENCE_END


_OTHER_ID, _OTHER_ISSUER, _OTHER_KIND = _tag(0x00100020, "LO"), _tag(0x00100021, "LO"), _tag(0x00100022, "CS")


def _other_ids(others: tuple[OtherPatientId, ...]) -> bytes:
    if not others:
        return b""
    items = b"".join(
        _ITEM
        + _identifier(_OTHER_ID, other.value, 64, "OtherPatientIDsSequence")
        + _text(_OTHER_ISSUER, other.issuer, 64)
        + _text(_OTHER_KIND, other.kind, 16)
        + _ITEM_END
        for other in others
    )
    return _sequence_start(0x00101002) + items + _SEQUENCE_END


def _fitting(value: str) -> str:
    """An order number if LO can hold it, else nothing: the accession number tells the request anyway."""
    return value if len(value) <= 64 and "\\" not in value else ""


_T = {
    name: _tag(number, representation)
    for name, number, representation in (
        ("accession_number", 0x00080050, "SH"),
        ("referring_physician_name", 0x00080090, "PN"),
        ("patient_name", 0x00100010, "PN"),
        ("patient_id", 0x00100020, "LO"),
        ("issuer_of_patient_id", 0x00100021, "LO"),
        ("patient_birth_date", 0x00100030, "DA"),
        ("patient_sex", 0x00100040, "CS"),
        ("patient_size", 0x00101020, "DS"),
        ("patient_weight", 0x00101030, "DS"),
        ("medical_alerts", 0x00102000, "LO"),
        ("allergies", 0x00102110, "LO"),
        ("additional_patient_history", 0x001021B0, "LT"),
        ("pregnancy_status", 0x001021C0, "US"),
        ("last_menstrual_date", 0x001021D0, "DA"),
        ("patient_comments", 0x00104000, "LT"),
        ("study_instance_uid", 0x0020000D, "UI"),
        ("requesting_physician", 0x00321032, "PN"),
        ("requesting_service", 0x00321033, "LO"),
        ("requested_procedure_description", 0x00321060, "LO"),
        ("admission_id", 0x00380010, "LO"),
        ("special_needs", 0x00380050, "LO"),
        ("current_patient_location", 0x00380300, "LO"),
        ("patient_state", 0x00380500, "LO"),
        ("modality", 0x00080060, "CS"),
        ("requested_contrast_agent", 0x00321070, "LO"),
        ("station", 0x00400001, "AE"),
        ("start_date", 0x00400002, "DA"),
        ("start_time", 0x00400003, "TM"),
        ("performing_physician", 0x00400006, "PN"),
        ("step_description", 0x00400007, "LO"),
        ("step_id", 0x00400009, "SH"),
        ("station_name", 0x00400010, "SH"),
        ("step_location", 0x00400011, "SH"),
        ("pre_medication", 0x00400012, "LO"),
        ("step_status", 0x00400020, "CS"),
        ("step_comments", 0x00400400, "LT"),
        ("requested_procedure_id", 0x00401001, "SH"),
        ("reason", 0x00401002, "LO"),
        ("priority", 0x00401003, "SH"),
        ("transport", 0x00401004, "LO"),
        ("procedure_location", 0x00401005, "LO"),
        ("procedure_comments", 0x00401400, "LT"),
        ("issue_date", 0x00402004, "DA"),
        ("issue_time", 0x00402005, "TM"),
        ("placer_order_number", 0x00402016, "LO"),
        ("filler_order_number", 0x00402017, "LO"),
        ("request_comments", 0x00402400, "LT"),
        ("confidentiality", 0x00403001, "LO"),
    )
}
_STEP_SEQUENCE_START = _sequence_start(0x00400100) + _ITEM
_STEP_SEQUENCE_END = _ITEM_END + _SEQUENCE_END
_REFERENCED_SEQUENCES = _empty_sequence(0x00081110) + _empty_sequence(0x00081120)


def encode_answer(answer: WorklistAnswer) -> bytes:
    """The answer as a DICOM file.

    :raises InvalidValue: when an identifier, date, code or UID does not fit its value representation
    """
    if not answer.patient_id or not answer.requested_procedure_id or not answer.scheduled_procedure_step_id:
        raise InvalidValue("a worklist answer needs patient, procedure and step identifiers", field="PatientID")
    t = _T
    birth_date = answer.patient_birth_date if len(answer.patient_birth_date) == 8 else ""
    pregnancy = b"\0\0"
    if answer.pregnancy_status is not None:
        pregnancy = b"\2\0" + answer.pregnancy_status.to_bytes(2, "little")
    return b"".join((
        _FILE_START,
        _identifier(t["accession_number"], answer.accession_number, 16, "AccessionNumber"),
        _person_name(t["referring_physician_name"], answer.referring_physician_name),
        _REFERENCED_SEQUENCES,
        _person_name(t["patient_name"], answer.patient_name),
        _identifier(t["patient_id"], answer.patient_id, 64, "PatientID"),
        _text(t["issuer_of_patient_id"], answer.issuer_of_patient_id, 64),
        _digits(t["patient_birth_date"], birth_date, (8,), "PatientBirthDate"),
        _code_string(t["patient_sex"], answer.patient_sex, "PatientSex"),
        _other_ids(answer.other_patient_ids),
        _decimal(t["patient_size"], answer.patient_size, "PatientSize"),
        _decimal(t["patient_weight"], answer.patient_weight, "PatientWeight"),
        _texts(t["medical_alerts"], answer.medical_alerts, 64),
        _texts(t["allergies"], answer.allergies, 64),
        _long_text(t["additional_patient_history"], answer.additional_patient_history),
        t["pregnancy_status"], pregnancy,
        _digits(t["last_menstrual_date"], answer.last_menstrual_date, (8,), "LastMenstrualDate"),
        _long_text(t["patient_comments"], answer.patient_comments),
        _plain(t["study_instance_uid"], StudyInstanceUID(answer.study_instance_uid).encode(), b"\0"),
        _person_name(t["requesting_physician"], answer.requesting_physician),
        _text(t["requesting_service"], answer.requesting_service, 64),
        _text(t["requested_procedure_description"], answer.requested_procedure_description, 64),
        _codes(0x00321064, answer.requested_procedure_codes),
        _text(t["admission_id"], _fitting(answer.admission_id), 64),
        _text(t["special_needs"], answer.special_needs, 64),
        _text(t["current_patient_location"], answer.current_patient_location, 64),
        _text(t["patient_state"], answer.patient_state, 64),
        _STEP_SEQUENCE_START,
        _code_string(t["modality"], answer.modality, "Modality"),
        _text(t["requested_contrast_agent"], answer.requested_contrast_agent, 64),
        _identifier(t["station"], answer.scheduled_station_ae_title, 16, "ScheduledStationAETitle"),
        _digits(t["start_date"], answer.scheduled_procedure_step_start_date, (8,), "ScheduledProcedureStepStartDate"),
        _digits(t["start_time"], answer.scheduled_procedure_step_start_time, (4, 6), "ScheduledProcedureStepStartTime"),
        _person_name(t["performing_physician"], answer.scheduled_performing_physician_name),
        _text(t["step_description"], answer.scheduled_procedure_step_description, 64),
        _codes(0x00400008, answer.scheduled_protocol_codes),
        _identifier(t["step_id"], answer.scheduled_procedure_step_id, 16, "ScheduledProcedureStepID"),
        _text(t["station_name"], answer.scheduled_station_name, 16),
        _text(t["step_location"], answer.scheduled_procedure_step_location, 16),
        _text(t["pre_medication"], answer.pre_medication, 64),
        _code_string(t["step_status"], answer.scheduled_procedure_step_status, "ScheduledProcedureStepStatus"),
        _long_text(t["step_comments"], answer.comments_on_the_scheduled_procedure_step),
        _STEP_SEQUENCE_END,
        _identifier(t["requested_procedure_id"], answer.requested_procedure_id, 16, "RequestedProcedureID"),
        _text(t["reason"], answer.reason_for_the_requested_procedure, 64),
        _text(t["priority"], answer.requested_procedure_priority, 16),
        _text(t["transport"], answer.patient_transport_arrangements, 64),
        _text(t["procedure_location"], answer.requested_procedure_location, 64),
        _codes(0x0040100A, answer.reason_codes),
        _long_text(t["procedure_comments"], answer.requested_procedure_comments),
        _digits(t["issue_date"], answer.issue_date, (8,), "IssueDateOfImagingServiceRequest"),
        _digits(t["issue_time"], answer.issue_time, (4, 6), "IssueTimeOfImagingServiceRequest"),
        _text(t["placer_order_number"], _fitting(answer.placer_order_number), 64),
        _text(t["filler_order_number"], _fitting(answer.filler_order_number), 64),
        _long_text(t["request_comments"], answer.imaging_service_request_comments),
        _text(t["confidentiality"], answer.confidentiality_constraint, 64),
    ))  # fmt: skip
