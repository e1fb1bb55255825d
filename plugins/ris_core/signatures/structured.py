"""The structured result in XML: written to be signed, and read again where a signed file is checked.

Its form is ``schema/signed-result-1.xsd``; ``docs/conformance/signed-results.md`` explains it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lxml import etree

from ris_core.errors import InvalidValue
from ris_core.json_text import read_json
from ris_core.reports.content import Content
from ris_core.reports.rendering import texts_of
from ris_core.signatures.binding import FORM, SignedResult
from ris_core.xml_text import writable

SCHEMA: Final = Path(__file__).parent / "schema" / "signed-result-1.xsd"


def write_result(result: SignedResult) -> bytes:
    """The result in UTF-8; the same bytes for the same result."""
    binding = result.binding
    root = _element(None, "SignedResult", nsmap={None: FORM})
    _element(root, "Site", result.site_name)
    patient = _element(root, "Patient")
    for identifier in result.patient_identifiers:
        _element(patient, "Identifier", identifier.value, issuer=identifier.issuer, kind=identifier.kind)
    _element(patient, "Name", result.patient_name)
    _element(patient, "BirthDate", result.birth_date)
    _element(patient, "Sex", result.sex)
    order = _element(root, "Order")
    _element(order, "AccessionNumber", result.accession_number)
    _element(order, "PlacerOrderNumber", result.placer_order_number)
    _element(order, "FillerOrderNumber", result.filler_order_number)
    _element(order, "Service", result.service_name, code=result.service_code, codingSystem=result.service_coding_system)
    _element(order, "Modality", result.modality)
    report = _element(root, "Report", reading=binding.reading, version=str(binding.version), status=binding.status)
    for name, text in texts_of(result.content).items():
        if text:
            _element(report, "Section", text, name=name)
    _element(report, "Content", result.content.canonical_bytes().decode())
    _element(report, "ApprovedBy", result.approver_name, username=result.approver_username, at=result.approved_at)
    binds = _element(root, "Binds")
    _element(binds, "Text", sha256=binding.text_sha256)
    _element(binds, "Document", mediaType="application/pdf", sha256=binding.document_sha256)
    for uid in binding.study_uids:
        _element(binds, "Study", uid=uid)
    for image in binding.key_images:
        _element(
            binds, "KeyImage",
            sopInstanceUid=image.sop_instance_uid, frame=str(image.frame_number), sha256=image.sha256,
        )  # fmt: skip
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _element(parent: Any, tag_name: str, text: str = "", *, nsmap: Any = None, **attributes: str) -> Any:
    tag = f"{{{FORM}}}{tag_name}"
    element = etree.Element(tag, nsmap=nsmap) if parent is None else etree.SubElement(parent, tag)
    if text:
        element.text = writable(text)
    for key, value in attributes.items():
        element.set(key, writable(value))
    return element


@dataclass(frozen=True, slots=True)
class StatedBinding:
    """What a structured result says of itself; no patient data."""

    version: int
    status: str
    text_sha256: str
    text_agrees: bool
    """Whether the content in the result has the hash that it states, and the words are those of the content."""
    document_sha256: str
    study_uids: tuple[str, ...]
    key_image_count: int


def parse_bounded(data: bytes) -> Any:
    """``data`` as XML; nothing is fetched and no entity is expanded.

    :raises ValueError: it is not well-formed, or names entities
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("not well-formed") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type is not taken")
    return root


def read_binding(data: bytes) -> StatedBinding:
    """What the structured result in ``data`` binds.

    :raises ValueError: it has not the form of the schema
    """
    root = parse_bounded(data)
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    if not schema.validate(root):
        raise ValueError("not of the schema")

    report, binds = root.find(f"{{{FORM}}}Report"), root.find(f"{{{FORM}}}Binds")
    sections = {element.get("name"): element.text or "" for element in report.findall(f"{{{FORM}}}Section")}
    stated = binds.find(f"{{{FORM}}}Text").get("sha256")
    content = (report.find(f"{{{FORM}}}Content").text or "").encode()
    return StatedBinding(
        version=int(report.get("version")),
        status=report.get("status"),
        text_sha256=stated,
        text_agrees=hashlib.sha256(content).hexdigest() == stated and _texts(content) == sections,
        document_sha256=binds.find(f"{{{FORM}}}Document").get("sha256"),
        study_uids=tuple(element.get("uid") for element in binds.findall(f"{{{FORM}}}Study")),
        key_image_count=len(binds.findall(f"{{{FORM}}}KeyImage")),
    )


def _texts(content: bytes) -> dict[str, str] | None:
    """The text of each section that has some; none when ``content`` is not the content of a report."""
    try:
        texts = texts_of(Content.from_json(read_json(content, field="content")))
    except InvalidValue:
        return None
    return {name: text for name, text in texts.items() if text}
