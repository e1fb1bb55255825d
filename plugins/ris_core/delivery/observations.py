"""The OBX segments of a result, as its receiver wants them (:class:`~ris_core.delivery.layout.Layout`); in ORU and MDM
alike."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ris_core.delivery import cda
from ris_core.delivery.layout import Part
from ris_core.delivery.result import REPORT_CODE, SECTION_CODES, Interpreter, Result, Section
from ris_core.delivery.segments import SEPARATORS, components, escaped, segment
from ris_core.hl7.timestamps import write_timestamp

_NULL: Final = '""'
_DELETED: Final = "D"


@dataclass(frozen=True, slots=True)
class _Value:
    """One observation: OBX-2, OBX-3, OBX-5, OBX-4 and what OBX-11 is when not the result's status."""

    value_type: str
    identifier: str
    value: str
    sub_id: str = "1"
    status: str = ""


def observations(result: Result) -> list[str]:
    """The segments, numbered from 1. Those of a recall have the same OBX-3 and OBX-4 as those of the version, its
    notice in place of the conclusion, null in place of every other value, and OBX-11 of the receiver's choice."""
    values = [value for part in result.layout.parts for value in _PARTS[part](result)]
    if result.recalled:
        values = list(_withdrawn(result, values))
    return [
        segment(
            "OBX",
            {
                1: str(number),
                2: value.value_type,
                3: value.identifier,
                4: value.sub_id,
                5: value.value,
                11: value.status or result.status,
                14: write_timestamp(result.observed_at),
                16: person(result.interpreter, "^"),
            },
        )
        for number, value in enumerate(values, start=1)
    ]


def recall_notice(result: Result) -> str:
    """What stands where the conclusion stood, for receivers that look at the text only."""
    assert result.recalled is not None  # noqa: S101 - asked for a recall only
    return f"KẾT QUẢ ĐÃ BỊ THU HỒI: {result.recalled.reason}"


def person(interpreter: Interpreter, separator: str) -> str:
    """id, family name, given name, -, -, prefix; as XCN components, or as CNN subcomponents within NDL."""
    family, _, given = interpreter.full_name.strip().partition(" ")
    parts = (interpreter.user_name, family, given, "", "", interpreter.title)
    return separator.join(map(escaped, parts)).rstrip(separator)


def _withdrawn(result: Result, values: list[_Value]) -> Iterator[_Value]:
    texts = [value for value in values if value.value_type == "FT" and not value.status]
    notice_stands_at = next(
        (value for value in texts if value.identifier == _section_identifier(result, Section("conclusion", ""))),
        texts[-1] if texts else None,
    )
    for value in values:
        text = SEPARATORS.formatted(recall_notice(result)) if value is notice_stands_at else _NULL
        yield _Value(value.value_type, value.identifier, text, value.sub_id, result.layout.recalled_as)


def _sections(result: Result) -> Iterator[_Value]:
    for section in result.sections:
        # a section that was taken out of a corrected report is deleted by name: a receiver that merges by OBX-3
        # would go on showing the old text otherwise
        value = SEPARATORS.formatted(section.text) if section.text else _NULL
        identifier = _section_identifier(result, section)
        yield _Value("FT", identifier, value, status="" if section.text else _DELETED)


def _whole_text(result: Result) -> Iterator[_Value]:
    text = "\n".join(f"{section.heading.upper()}\n{section.text}\n" for section in result.sections if section.text)
    identifier = _identifier(result, Part.WHOLE_TEXT, *REPORT_CODE, "LN", "TEXT", "Kết quả", "99QUANG")
    yield _Value("FT", identifier, SEPARATORS.formatted(text.strip()))


def _studies(result: Result) -> Iterator[_Value]:
    identifier = _identifier(result, Part.STUDIES, "113014", "DICOM Study", "DCM")
    for number, study_uid in enumerate(result.study_uids, start=1):
        yield _Value("ST", identifier, escaped(study_uid), str(number))


def _link(result: Result) -> Iterator[_Value]:
    if result.viewer_url:
        identifier = _identifier(result, Part.LINK, "VIEWER", "Đường dẫn xem ảnh", "99QUANG")
        yield _Value("RP", identifier, _pointer(result, result.viewer_url, "Application^html"))


def _pdf(result: Result) -> Iterator[_Value]:
    identifier = _identifier(result, Part.PDF, *REPORT_CODE, "LN", "PDF", "Phiếu kết quả", "99QUANG")
    yield _Value("ED", identifier, _encapsulated("application^pdf", result.pdf))


def _signed_xml(result: Result) -> Iterator[_Value]:
    if result.signed_xml:
        identifier = _identifier(result, Part.SIGNED_XML, *REPORT_CODE, "LN", "XML", "Kết quả ký số", "99QUANG")
        yield _Value("ED", identifier, _encapsulated("text^xml", result.signed_xml))


def _cda(result: Result) -> Iterator[_Value]:
    identifier = _identifier(result, Part.CDA, *REPORT_CODE, "LN", "CDA", "Kết quả CDA", "99QUANG")
    # HL7 table 0291 has no subtype for CDA: the implementation guides write x-hl7-cda-level-one
    yield _Value("ED", identifier, _encapsulated("multipart^x-hl7-cda-level-one", cda.compose(result)))


def _images(result: Result) -> Iterator[_Value]:
    identifier = _identifier(result, Part.IMAGES, "113000", "Of Interest", "DCM")
    for number, image in enumerate(result.images, start=1):
        yield _Value("ED", identifier, _encapsulated("image^jpeg", image.jpeg), str(number))


def _image_links(result: Result) -> Iterator[_Value]:
    identifier = _identifier(result, Part.IMAGE_LINKS, "113000", "Of Interest", "DCM", "LINK", "Ảnh chính", "99QUANG")
    for number, image in enumerate(result.images, start=1):
        yield _Value("RP", identifier, _pointer(result, image.url, "image^jpeg"), str(number))


_PARTS: Final[dict[Part, Callable[[Result], Iterator[_Value]]]] = {
    Part.SECTIONS: _sections,
    Part.WHOLE_TEXT: _whole_text,
    Part.STUDIES: _studies,
    Part.LINK: _link,
    Part.PDF: _pdf,
    Part.SIGNED_XML: _signed_xml,
    Part.CDA: _cda,
    Part.IMAGES: _images,
    Part.IMAGE_LINKS: _image_links,
}


def _section_identifier(result: Result, section: Section) -> str:
    """OBX-3: the receiver's own, else LOINC's and ours, else ours alone for a section that a template added."""
    own = (section.name.upper(), section.heading, "99QUANG")
    if section.name not in SECTION_CODES:
        return components(*own)
    code, english, _ = SECTION_CODES[section.name]
    return result.layout.identifiers.get(section.name) or components(code, english, "LN", *own)


def _identifier(result: Result, part: Part, *usual: str) -> str:
    """OBX-3: the receiver's own, which is written as it stands in the layout, else ``usual``."""
    return result.layout.identifiers.get(part) or components(*usual)


def _pointer(result: Result, url: str, kind: str) -> str:
    return f"{escaped(url)}^{escaped(result.sender.application)}^{kind}"


def _encapsulated(kind: str, data: bytes) -> str:
    """:param kind: ED-2 and ED-3: type and subtype"""
    return f"^{kind}^Base64^{base64.b64encode(data).decode('ascii')}"
