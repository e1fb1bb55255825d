"""The report as a CDA document (HL7 CDA R2): header, and the sections as narrative text. Pure: the same result gives
the same bytes.

Ids are UUIDs made from the report's numbers (no OID of a hospital is known); numbers of others stand as extensions
under the UUID of who gave them. ``setId`` names the report, ``versionNumber`` its version, ``relatedDocument`` the
version that this one replaces.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ris_core.delivery.result import REPORT_CODE, SECTION_CODES, Result, Section
from ris_core.xml_text import writable

_HL7: Final = "urn:hl7-org:v3"
_LOINC: Final = "2.16.840.1.113883.6.1"
_CONFIDENTIALITY: Final = "2.16.840.1.113883.5.25"
_GENDER: Final = "2.16.840.1.113883.5.1"
_NAMESPACE: Final = uuid.UUID("6f0c6c8e-1d5e-5a0b-9a55-51554147a102")
_TITLES: Final = {
    "P": "Kết quả chẩn đoán hình ảnh (sơ bộ)",
    "F": "Kết quả chẩn đoán hình ảnh",
    "C": "Kết quả chẩn đoán hình ảnh (đính chính)",
}


def compose(result: Result) -> bytes:
    """The document in UTF-8."""
    root = Element("ClinicalDocument", xmlns=_HL7)
    SubElement(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    SubElement(root, "id", root=_uuid("document", result.document_id))
    _code(root, *REPORT_CODE)
    SubElement(root, "title").text = f"{_TITLES[result.status]}: {result.service_name}"
    _time(root, "effectiveTime", result.approved_at)
    SubElement(root, "confidentialityCode", code="N", codeSystem=_CONFIDENTIALITY)
    SubElement(root, "languageCode", code="vi-VN")
    SubElement(root, "setId", root=_uuid("report", result.report_id))
    SubElement(root, "versionNumber", value=str(result.version_number))
    _record_target(root, result)
    _author(root, result)
    _custodian(root, result)
    if result.status != "P":
        _legal_authenticator(root, result)
    _orders(root, result)
    _service_event(root, result)
    if result.former_number:
        related = SubElement(root, "relatedDocument", typeCode="RPLC")
        parent = SubElement(related, "parentDocument")
        SubElement(parent, "id", root=_uuid("document", f"{result.report_id}.{result.former_number}"))
    _body(root, (section for section in result.sections if section.text))
    for element in root.iter():
        element.text = writable(element.text) if element.text else None
        element.attrib = {name: writable(value) for name, value in element.attrib.items()}
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def _record_target(root: Element, result: Result) -> None:
    role = SubElement(SubElement(root, "recordTarget"), "patientRole")
    for identifier in result.patient_identifiers:
        issuer = f"{identifier.issuer}|{identifier.kind}"
        SubElement(
            role, "id", root=_uuid("issuer", issuer), extension=identifier.value,
            assigningAuthorityName=identifier.issuer,
        )  # fmt: skip
    patient = SubElement(role, "patient")
    family, _, rest = result.patient_name.split("=")[0].partition("^")
    name = SubElement(patient, "name")
    SubElement(name, "family").text = family
    SubElement(name, "given").text = " ".join(rest.split("^")).strip()
    known = result.sex in ("M", "F")
    gender = {"code": result.sex, "codeSystem": _GENDER} if known else {"nullFlavor": "UNK"}
    SubElement(patient, "administrativeGenderCode", gender)
    SubElement(patient, "birthTime", {"value": result.birth_date} if result.birth_date else {"nullFlavor": "UNK"})


def _author(root: Element, result: Result) -> None:
    author = SubElement(root, "author")
    _time(author, "time", result.approved_at)
    _assigned(author, "assignedAuthor", result)


def _legal_authenticator(root: Element, result: Result) -> None:
    authenticator = SubElement(root, "legalAuthenticator")
    _time(authenticator, "time", result.approved_at)
    SubElement(authenticator, "signatureCode", code="S")
    _assigned(authenticator, "assignedEntity", result)


def _assigned(parent: Element, tag: str, result: Result) -> None:
    interpreter = result.interpreter
    entity = SubElement(parent, tag)
    SubElement(entity, "id", root=_uuid("user", result.sender.facility), extension=interpreter.user_name)
    name = SubElement(SubElement(entity, "assignedPerson"), "name")
    family, _, given = interpreter.full_name.strip().partition(" ")
    if interpreter.title:
        SubElement(name, "prefix").text = interpreter.title
    SubElement(name, "family").text = family
    SubElement(name, "given").text = given


def _custodian(root: Element, result: Result) -> None:
    custodian = SubElement(SubElement(root, "custodian"), "assignedCustodian")
    organisation = SubElement(custodian, "representedCustodianOrganization")
    SubElement(organisation, "id", root=_uuid("facility", result.sender.facility))
    SubElement(organisation, "name").text = result.sender.facility or result.sender.application


def _orders(root: Element, result: Result) -> None:
    order = SubElement(SubElement(root, "inFulfillmentOf"), "order")
    numbers = (
        ("placer", result.placer_order_number),
        ("filler", result.filler_order_number),
        ("accession", result.accession_number),
    )
    for kind, number in numbers:
        if number:
            SubElement(order, "id", root=_uuid("order", kind), extension=number, assigningAuthorityName=kind)


def _service_event(root: Element, result: Result) -> None:
    event = SubElement(SubElement(root, "documentationOf"), "serviceEvent", classCode="ACT")
    for study_uid in result.study_uids:
        SubElement(event, "id", root=study_uid)
    code = {"code": result.service_code, "displayName": result.service_name}
    SubElement(event, "code", {**code, "codeSystem": _uuid("services", result.service_coding_system)})
    _time(event, "effectiveTime", result.observed_at)


def _body(root: Element, sections: Iterable[Section]) -> None:
    body = SubElement(SubElement(root, "component"), "structuredBody")
    for section in sections:
        part = SubElement(SubElement(body, "component"), "section")
        if section.name in SECTION_CODES:
            _code(part, *SECTION_CODES[section.name][:2])
        SubElement(part, "title").text = section.heading
        text = SubElement(part, "text")
        for line in section.text.split("\n"):
            SubElement(text, "paragraph").text = line


def _code(parent: Element, code: str, meaning: str) -> None:
    SubElement(parent, "code", code=code, codeSystem=_LOINC, codeSystemName="LOINC", displayName=meaning)


def _time(parent: Element, tag: str, at: datetime) -> None:
    SubElement(parent, tag, value=at.strftime("%Y%m%d%H%M%S%z"))


def _uuid(kind: str, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind}|{name}")).upper()
