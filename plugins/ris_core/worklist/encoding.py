"""A worklist answer as a DICOM file, written by hand: it happens in the transaction of every order.

Explicit VR Little Endian, ISO_IR 192 (UTF-8, NFC), all return keys of PS3.4 table K.6-1 that we know a value of, and
the keys of type 2 empty. pydicom takes about 5 ms for the same bytes; the tests hold this encoder against it.
"""

from __future__ import annotations

from ris_core.errors import InvalidValue
from ris_core.identifiers import StudyInstanceUID
from ris_core.worklist.answer import WorklistAnswer
from ris_core.worklist.elements import (
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    code_string,
    codes,
    decimal,
    digits,
    empty_sequence,
    fitting,
    identifier,
    long_text,
    other_ids,
    person_name,
    plain,
    sequence_start,
    tag,
    text,
    texts,
)

MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"


def _file_meta(transfer_syntax_uid: str = EXPLICIT_VR_LITTLE_ENDIAN) -> bytes:
    """Preamble and file meta information (PS3.10 7.1)."""
    meta = (
        tag(0x00020001, "OB") + b"\x00\x00\x02\x00\x00\x00\x00\x01"
        + plain(tag(0x00020002, "UI"), MODALITY_WORKLIST_FIND.encode(), b"\0")
        + plain(tag(0x00020003, "UI"), b"2.25.59317904136524786130275", b"\0")
        + plain(tag(0x00020010, "UI"), transfer_syntax_uid.encode(), b"\0")
        + plain(tag(0x00020012, "UI"), b"2.25.188137408224130711213911", b"\0")
    )  # fmt: skip
    length = tag(0x00020000, "UL") + b"\x04\x00" + len(meta).to_bytes(4, "little")
    return b"\0" * 128 + b"DICM" + length + meta


FILE_META = _file_meta()
"""How every answer begins; what follows is its dataset, the character set first."""
_FILE_START = FILE_META + plain(tag(0x00080005, "CS"), b"ISO_IR 192")


def as_file(dataset: bytes, *, implicit: bool) -> bytes:
    """A dataset as it came over the network as a DICOM file."""
    return (_file_meta(IMPLICIT_VR_LITTLE_ENDIAN) if implicit else FILE_META) + dataset


_ANY_STATION = tag(0x00400001, "AE") + b"\x00\x00"


def for_station(encoded: bytes, ae_title: str) -> bytes:
    """``encoded`` with ``ae_title`` as Scheduled Station AE Title where the step names no station.

    The sequence is of undefined length, so nothing before the value changes.
    """
    return encoded.replace(_ANY_STATION, plain(_ANY_STATION[:6], ae_title.encode("ascii")), 1)


_T = {
    name: tag(number, representation)
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
_STEP_SEQUENCE_START = sequence_start(0x00400100) + ITEM
_STEP_SEQUENCE_END = ITEM_END + SEQUENCE_END
_REFERENCED_SEQUENCES = empty_sequence(0x00081110) + empty_sequence(0x00081120)


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
        identifier(t["accession_number"], answer.accession_number, 16, "AccessionNumber"),
        person_name(t["referring_physician_name"], answer.referring_physician_name),
        _REFERENCED_SEQUENCES,
        person_name(t["patient_name"], answer.patient_name),
        identifier(t["patient_id"], answer.patient_id, 64, "PatientID"),
        text(t["issuer_of_patient_id"], answer.issuer_of_patient_id, 64),
        digits(t["patient_birth_date"], birth_date, (8,), "PatientBirthDate"),
        code_string(t["patient_sex"], answer.patient_sex, "PatientSex"),
        other_ids(answer.other_patient_ids),
        decimal(t["patient_size"], answer.patient_size, "PatientSize"),
        decimal(t["patient_weight"], answer.patient_weight, "PatientWeight"),
        texts(t["medical_alerts"], answer.medical_alerts, 64),
        texts(t["allergies"], answer.allergies, 64),
        long_text(t["additional_patient_history"], answer.additional_patient_history),
        t["pregnancy_status"], pregnancy,
        digits(t["last_menstrual_date"], answer.last_menstrual_date, (8,), "LastMenstrualDate"),
        long_text(t["patient_comments"], answer.patient_comments),
        plain(t["study_instance_uid"], StudyInstanceUID(answer.study_instance_uid).encode(), b"\0"),
        person_name(t["requesting_physician"], answer.requesting_physician),
        text(t["requesting_service"], answer.requesting_service, 64),
        text(t["requested_procedure_description"], answer.requested_procedure_description, 64),
        codes(0x00321064, answer.requested_procedure_codes),
        text(t["admission_id"], fitting(answer.admission_id), 64),
        text(t["special_needs"], answer.special_needs, 64),
        text(t["current_patient_location"], answer.current_patient_location, 64),
        text(t["patient_state"], answer.patient_state, 64),
        _STEP_SEQUENCE_START,
        code_string(t["modality"], answer.modality, "Modality"),
        text(t["requested_contrast_agent"], answer.requested_contrast_agent, 64),
        identifier(t["station"], answer.scheduled_station_ae_title, 16, "ScheduledStationAETitle"),
        digits(t["start_date"], answer.scheduled_procedure_step_start_date, (8,), "ScheduledProcedureStepStartDate"),
        digits(t["start_time"], answer.scheduled_procedure_step_start_time, (4, 6), "ScheduledProcedureStepStartTime"),
        person_name(t["performing_physician"], answer.scheduled_performing_physician_name),
        text(t["step_description"], answer.scheduled_procedure_step_description, 64),
        codes(0x00400008, answer.scheduled_protocol_codes),
        identifier(t["step_id"], answer.scheduled_procedure_step_id, 16, "ScheduledProcedureStepID"),
        text(t["station_name"], answer.scheduled_station_name, 16),
        text(t["step_location"], answer.scheduled_procedure_step_location, 16),
        text(t["pre_medication"], answer.pre_medication, 64),
        code_string(t["step_status"], answer.scheduled_procedure_step_status, "ScheduledProcedureStepStatus"),
        long_text(t["step_comments"], answer.comments_on_the_scheduled_procedure_step),
        _STEP_SEQUENCE_END,
        identifier(t["requested_procedure_id"], answer.requested_procedure_id, 16, "RequestedProcedureID"),
        text(t["reason"], answer.reason_for_the_requested_procedure, 64),
        text(t["priority"], answer.requested_procedure_priority, 16),
        text(t["transport"], answer.patient_transport_arrangements, 64),
        text(t["procedure_location"], answer.requested_procedure_location, 64),
        codes(0x0040100A, answer.reason_codes),
        long_text(t["procedure_comments"], answer.requested_procedure_comments),
        digits(t["issue_date"], answer.issue_date, (8,), "IssueDateOfImagingServiceRequest"),
        digits(t["issue_time"], answer.issue_time, (4, 6), "IssueTimeOfImagingServiceRequest"),
        text(t["placer_order_number"], fitting(answer.placer_order_number), 64),
        text(t["filler_order_number"], fitting(answer.filler_order_number), 64),
        long_text(t["request_comments"], answer.imaging_service_request_comments),
        text(t["confidentiality"], answer.confidentiality_constraint, 64),
    ))  # fmt: skip
