"""Results and their recall in every format, read by programs that know nothing of our encoders."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from ris_core.delivery import callback, cda, fhir, mdm, oru
from ris_core.delivery.layout import Layout, Part, layout_data, layout_of
from ris_core.delivery.result import KeyImage, Recalled, Result, Section
from ris_core.delivery.tests.test_oru import RESULT
from ris_core.errors import InvalidValue

VIETNAM = timezone(timedelta(hours=7))
JPEG = b"\xff\xd8\xff\xe0jpeg"
IMAGES = (KeyImage("1.2.3", JPEG, "https://ris/open/image/abc", "Lát 41"),)
RECALLED = Recalled("Nhầm người bệnh", datetime(2026, 11, 21, 11, 0, tzinfo=VIETNAM))
WITHDRAWN = replace(RESULT, recalled=RECALLED)
EVERYTHING = replace(RESULT, images=IMAGES, signed_xml=b"<signed/>", layout=Layout(parts=tuple(Part)))


def rows(message: bytes, name: str) -> list[list[str]]:
    return [line.split("|") for line in message.decode().split("\r") if line.startswith(name + "|")]


def observation(message: bytes, code: str) -> list[str]:
    return next(row for row in rows(message, "OBX") if code in row[3].split("^"))


def bundle(result: Result) -> dict[str, Any]:
    systems = fhir.Systems(lambda each: f"urn:test:{each.kind}", lambda kind: f"urn:test:{kind}")
    composed: dict[str, Any] = json.loads(fhir.compose(result, systems))
    Bundle.model_validate(composed)
    return composed


def resources(result: Result) -> dict[str, dict[str, Any]]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle(result)["entry"]}


def test_a_layout_says_what_stands_in_the_message_and_in_which_order() -> None:
    kinds = [(row[2], row[3].split("^")[0]) for row in rows(oru.compose(EVERYTHING), "OBX")]
    assert kinds == [
        ("FT", "18782-3"), ("FT", "19005-8"), ("FT", "18748-4"), ("ST", "113014"), ("ST", "113014"), ("RP", "VIEWER"),
        ("ED", "18748-4"), ("ED", "18748-4"), ("ED", "18748-4"), ("ED", "113000"), ("RP", "113000"),
    ]  # fmt: skip
    image = observation(oru.compose(replace(EVERYTHING, layout=Layout(parts=(Part.IMAGES,)))), "113000")
    assert image[5].startswith("^image^jpeg^Base64^")
    assert base64.b64decode(image[5].split("^")[4]) == JPEG


def test_a_receiver_may_have_its_own_codes() -> None:
    own = replace(RESULT, layout=Layout(identifiers={"conclusion": "KL^Kết luận^BVQ", "pdf": "PDF"}))
    assert [row[3] for row in rows(oru.compose(own), "OBX")][1] == "KL^Kết luận^BVQ"
    assert observation(oru.compose(own), "PDF")[2] == "ED"


@pytest.mark.parametrize(
    "data",
    [{"parts": []}, {"parts": ["pdf", "pdf"]}, {"colour": "red"}, {"identifiers": {"pdf": "A|B"}},
     {"identifiers": {"anhang": "A"}}, {"recalled_as": "F"}],
)  # fmt: skip
def test_a_layout_that_none_is_says_so(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refused:
        layout_of(data)
    assert refused.value.field == "layout"


def test_a_layout_comes_back_from_json_as_it_was() -> None:
    assert layout_of(layout_data(EVERYTHING.layout)) == EVERYTHING.layout
    assert layout_data(Layout()) == {}


@pytest.mark.parametrize("recalled_as", ["W", "D"])
def test_a_recall_withdraws_every_value_and_says_so_where_the_conclusion_stood(recalled_as: Any) -> None:
    message = oru.compose(replace(WITHDRAWN, layout=Layout(recalled_as=recalled_as)))
    sent, withdrawn = rows(oru.compose(RESULT), "OBX"), rows(message, "OBX")
    assert [(row[3], row[4]) for row in withdrawn] == [(row[3], row[4]) for row in sent]
    assert {row[11] for row in withdrawn} == {recalled_as}
    assert observation(message, "19005-8")[5] == "KẾT QUẢ ĐÃ BỊ THU HỒI: Nhầm người bệnh"
    assert {row[5] for row in withdrawn if "19005-8" not in row[3]} == {'""'}
    assert (rows(message, "ORC")[0][5], rows(message, "OBR")[0][25]) == ("IP", "C")
    assert b"JVBERi" not in message


@pytest.mark.parametrize("version", oru.VERSIONS)
@pytest.mark.parametrize(
    "result",
    [RESULT, WITHDRAWN, replace(RESULT, status="P"), replace(RESULT, former_number=1, version_number=2)],
    ids=["new", "recalled", "preliminary", "newer"],
)
def test_a_document_is_valid_by_its_own_standard(result: Result, version: str) -> None:
    message = mdm.compose(replace(result, hl7_version=version))
    parsed = parse_message(message.decode(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    header = rows(message, "MSH")[0][8].split("^")
    assert (header[0], header[1]) == ("MDM", mdm.event_of(result))
    assert parsed.txa.txa_15.value == "F1"


@pytest.mark.parametrize(
    ("newer", "number", "parent"), [("T10", "F1.1.3", "F1.1.2"), ("T06", "F1.1.3", "F1.1.2"), ("T08", "F1.1.2", "")]
)
def test_a_later_version_of_a_document_names_the_former(newer: Any, number: str, parent: str) -> None:
    later = replace(
        RESULT, status="C", version_number=3, former_number=2, original_number=2, layout=Layout(newer_document=newer)
    )
    txa = rows(mdm.compose(later), "TXA")[0]
    assert mdm.event_of(later) == newer
    assert (txa[12].split("^")[0], txa[13].split("^")[0]) == (number, parent)
    assert (txa[17], txa[19]) == ("AU", "AV")


def test_a_recalled_document_is_cancelled_and_has_no_content() -> None:
    message = mdm.compose(WITHDRAWN)
    txa = rows(message, "TXA")[0]
    assert (txa[12], txa[19], txa[21]) == ("F1.1.1^QUANG", "CA", "Nhầm người bệnh")
    assert rows(message, "MSH")[0][8] == "MDM^T11^MDM_T01"
    assert not rows(message, "OBX")


def test_who_signed_a_document_and_when_stands_in_txa_22() -> None:
    person = rows(mdm.compose(RESULT), "TXA")[0][22].split("^")
    assert (person[0], person[5], person[14]) == ("bs_quan", "ThS.BS.", "20261121094000+0700")


def test_a_cda_document_names_patient_order_version_and_text() -> None:
    root = ElementTree.fromstring(cda.compose(replace(RESULT, version_number=2, former_number=1)))  # noqa: S314 - our own
    ns = {"h": "urn:hl7-org:v3"}
    assert root.find("h:recordTarget/h:patientRole/h:id", ns).attrib["extension"] == "BN0001"  # type: ignore[union-attr]
    assert root.find("h:versionNumber", ns).attrib["value"] == "2"  # type: ignore[union-attr]
    paragraphs = [each.text for each in root.iterfind(".//h:paragraph", ns)]
    assert paragraphs == ["Dòng một", "Dòng hai | 3^4 & 5~6 \\ MSH|", "Bình thường"]
    former = ElementTree.fromstring(cda.compose(RESULT))  # noqa: S314 - our own
    parent = root.find("h:relatedDocument/h:parentDocument/h:id", ns)
    assert parent is not None
    assert parent.attrib == former.find("h:id", ns).attrib  # type: ignore[union-attr]
    assert root.find("h:setId", ns).attrib == former.find("h:setId", ns).attrib  # type: ignore[union-attr]


def test_fhir_puts_report_and_document_by_their_own_identifiers() -> None:
    entries = bundle(EVERYTHING)["entry"]
    assert [entry["request"]["method"] for entry in entries] == ["PUT", "PUT"]
    assert entries[0]["request"]["url"] == "DiagnosticReport?identifier=urn%3Atest%3Areport%7CF1.1"
    report = resources(EVERYTHING)["DiagnosticReport"]
    assert (report["status"], report["conclusion"]) == ("final", "Bình thường")
    kinds = [form["contentType"] for form in report["presentedForm"]]
    assert kinds == ["text/html", "application/pdf", "text/xml", "text/xml", "image/jpeg", "image/jpeg"]


@pytest.mark.parametrize(
    ("status", "report", "document"), [("P", "preliminary", "preliminary"), ("C", "corrected", "amended")]
)
def test_fhir_says_which_state_a_version_has(status: str, report: str, document: str) -> None:
    found = resources(replace(RESULT, status=status))
    assert (found["DiagnosticReport"]["status"], found["DocumentReference"]["docStatus"]) == (report, document)


def test_fhir_withdraws_a_recalled_result() -> None:
    found = resources(WITHDRAWN)
    assert {found["DiagnosticReport"]["status"], found["DocumentReference"]["status"]} == {"entered-in-error"}
    assert "presentedForm" not in found["DiagnosticReport"]
    assert "THU HỒI" in found["DiagnosticReport"]["conclusion"]


def test_fhir_text_cannot_become_markup() -> None:
    hostile = replace(RESULT, sections=(Section("conclusion", "<script>alert(1)</script> & ]]>"),))
    assert "<script" not in resources(hostile)["DiagnosticReport"]["text"]["div"]


def test_a_callback_tells_state_version_and_files() -> None:
    body = json.loads(callback.compose(EVERYTHING))
    assert (body["report"]["id"], body["report"]["version"], body["report"]["status"]) == ("F1.1", 1, "final")
    assert base64.b64decode(body["content"]["pdf"]) == RESULT.pdf
    assert body["content"]["images"][0]["sop_instance_uid"] == "1.2.3"
    recalled = json.loads(callback.compose(WITHDRAWN))
    assert recalled["report"]["status"] == "recalled"
    assert recalled["report"]["recalled"]["reason"] == "Nhầm người bệnh"
    assert "content" not in recalled


def test_a_trial_says_that_it_is_one() -> None:
    trial = replace(RESULT, test=True)
    assert rows(oru.compose(trial), "MSH")[0][10] == "T"
    assert rows(mdm.compose(trial), "MSH")[0][10] == "T"
    assert json.loads(callback.compose(trial))["test"] is True
    assert bundle(trial)["meta"]["tag"][0]["code"] == "HTEST"
