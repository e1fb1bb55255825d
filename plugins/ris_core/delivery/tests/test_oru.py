"""The ORU^R01 as a receiver reads it, checked with hl7apy, which knows nothing of our encoder."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.parser import parse_message

from ris_core.delivery.oru import VERSIONS, compose
from ris_core.delivery.result import Interpreter, Result, Section
from ris_core.delivery.segments import Party
from ris_core.identifiers import PatientIdentifier

VIETNAM = timezone(timedelta(hours=7))
RESULT = Result(
    control_id="QR0123456789abcdef01",
    composed_at=datetime(2026, 11, 21, 9, 41, 7, tzinfo=VIETNAM),
    hl7_version="2.5.1",
    sender=Party("QUANG", "RIS"),
    receiver=Party("HIS", "BVQ"),
    patient_identifiers=(PatientIdentifier("BN0001", "BVQ"), PatientIdentifier("001080000001", "VN", "NI")),
    patient_name="NGUYỄN^THỊ ĐÀO",
    birth_date="1980",
    sex="F",
    patient_class="O",
    ward="PK01",
    visit_number="V77",
    visit_issuer="BVQ",
    placer_order_number="PL|1",
    filler_order_number="F1",
    accession_number="AC-LONG-NUMBER-OF-THE-HIS",
    requested_procedure_id="RP1",
    service_code="CT.SONAO",
    service_name="Chụp CLVT sọ não",
    service_coding_system="BVQ",
    modality="CT",
    ordering_physician="LÊ THỊ HOA",
    observed_at=datetime(2026, 11, 21, 9, 0, tzinfo=VIETNAM),
    status="F",
    approved_at=datetime(2026, 11, 21, 9, 40, tzinfo=VIETNAM),
    interpreter=Interpreter("bs_quan", "Trần Minh Quân", "ThS.BS."),
    sections=(Section("findings", "Dòng một\nDòng hai | 3^4 & 5~6 \\ MSH|"), Section("conclusion", "Bình thường")),
    study_uids=("2.25.1", "2.25.2"),
    viewer_url="http://127.0.0.1:8080/open/abc.def",
    pdf=b"%PDF-1.7\n\x00\xff\r\n",
)
TEMPLATES = tuple(replace(RESULT, hl7_version=version) for version in VERSIONS)


def read(message: bytes) -> Message:
    return parse_message(message.decode(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)


def fields(message: bytes, name: str) -> list[list[str]]:
    return [line.split("|") for line in message.decode().split("\r") if line.startswith(name + "|")]


@pytest.mark.parametrize("result", TEMPLATES, ids=VERSIONS)
def test_every_version_is_valid_by_its_own_standard(result: Result) -> None:
    # hl7apy's strict level does not know the value type that follows from OBX-2; structure, order of segments,
    # required fields and lengths are what it checks here
    message = parse_message(compose(result).decode(), validation_level=VALIDATION_LEVEL.TOLERANT)
    assert message.name == "ORU_R01"
    assert message.version == result.hl7_version
    assert message.validate(report_file=None)


@pytest.mark.parametrize("result", TEMPLATES, ids=VERSIONS)
def test_names_the_message_as_its_version_does(result: Result) -> None:
    header = fields(compose(result), "MSH")[0]
    assert header[8] == ("ORU^R01" if result.hl7_version == "2.3" else "ORU^R01^ORU_R01")
    assert (header[9], header[11], header[17]) == (result.control_id, result.hl7_version, "UNICODE UTF-8")


def test_the_order_comes_back_as_the_his_sent_it() -> None:
    message = read(compose(RESULT))
    assert message.pid.pid_3[0].value == "BN0001^^^BVQ^MR"
    assert message.pid.pid_3[1].value == "001080000001^^^VN^NI"
    assert message.pid.pid_5.value == "NGUYỄN^THỊ ĐÀO"
    assert message.pid.pid_7.value == "1980"
    assert message.pv1.pv1_19.value == "V77^^^BVQ"
    assert message.obr.obr_2.value == r"PL\F\1"
    assert message.obr.obr_18.value == "AC-LONG-NUMBER-OF-THE-HIS"
    assert message.obr.obr_4.value == "CT.SONAO^Chụp CLVT sọ não^BVQ"


def test_who_approved_and_when_is_told_with_the_sites_offset() -> None:
    obr = fields(compose(RESULT), "OBR")[0]
    assert obr[22] == "20261121094000+0700"
    assert obr[25] == "F"
    assert obr[32] == "bs_quan&Trần&Minh Quân&&&ThS.BS.^20261121094000+0700"


def test_text_cannot_become_structure() -> None:
    observations = fields(compose(RESULT), "OBX")
    assert observations[0][5] == "Dòng một\\.br\\Dòng hai \\F\\ 3\\S\\4 \\T\\ 5\\R\\6 \\E\\ MSH\\F\\"
    assert len(compose(RESULT).split(b"MSH|")) == 2


def test_the_pdf_comes_back_byte_for_byte() -> None:
    pdf = next(row for row in fields(compose(RESULT), "OBX") if row[2] == "ED")
    source, kind, subtype, encoding, data = pdf[5].split("^")
    assert (source, kind, subtype, encoding) == ("", "application", "pdf", "Base64")
    assert base64.b64decode(data, validate=True) == RESULT.pdf


def test_studies_and_viewer_link_are_there_only_with_images() -> None:
    with_images = fields(compose(RESULT), "OBX")
    assert [row[5] for row in with_images if row[3].startswith("113014")] == ["2.25.1", "2.25.2"]
    assert next(row for row in with_images if row[2] == "RP")[5].startswith("http://127.0.0.1:8080/open/abc.def^")
    without = fields(compose(replace(RESULT, study_uids=(), viewer_url="")), "OBX")
    assert {row[2] for row in without} == {"FT", "ED"}


def test_a_section_taken_out_by_a_correction_is_deleted_by_name() -> None:
    corrected = replace(RESULT, status="C", sections=(Section("conclusion", "Khác"), Section("recommendation", "")))
    rows = {row[3].split("^")[3]: row for row in fields(compose(corrected), "OBX") if row[2] == "FT"}
    assert (rows["RECOMMENDATION"][5], rows["RECOMMENDATION"][11]) == ('""', "D")
    assert (rows["CONCLUSION"][5], rows["CONCLUSION"][11]) == ("Khác", "C")


def test_the_same_result_gives_the_same_bytes() -> None:
    assert compose(RESULT) == compose(replace(RESULT))


@pytest.mark.parametrize(("status", "order_status"), [("P", "IP"), ("F", "CM"), ("C", "CM")])
def test_the_order_status_follows_the_reports(status: str, order_status: str) -> None:
    message = compose(replace(RESULT, status=status))
    assert fields(message, "ORC")[0][5] == order_status
    assert {row[11] for row in fields(message, "OBX")} == {status}
