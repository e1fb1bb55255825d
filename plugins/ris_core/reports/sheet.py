"""The printed report: a version in a print layout as PDF/A-3b; the same version and layout give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ris_core.print_layouts.arranging import Task, arranged
from ris_core.print_layouts.codes import drawing_file, qr_code
from ris_core.print_layouts.design import ReportDesign, design_data
from ris_core.print_layouts.style import report_styles
from ris_core.print_layouts.typesetting import SCHEME, File, Printed
from ris_core.reports.content import Content, Field, Table, Text
from ris_core.reports.rendering import filled_rows, section_text, shown_value, titles_of
from ris_core.reports.words import WORDS

USUAL_DESIGN: Final = ReportDesign()
"""What is printed by where no layout was made."""
DRAFT: Final = "D"
_TEMPLATE: Final = "report.html.jinja"


@dataclass(frozen=True, slots=True)
class PrintedImage:
    """A key image on the page."""

    jpeg: bytes
    sha256: str
    caption: str = ""

    @property
    def name(self) -> str:
        return f"key-image-{self.sha256}.jpg"


@dataclass(frozen=True, slots=True)
class ReportSheet:
    """Everything that is printed. Times are aware, in the site's zone."""

    language: str
    site_name: str
    department: str
    site_address: str
    site_phone: str
    patient_name: str
    patient_id: str
    birth_date: str
    """As it is shown: ``21/11/1980``, ``11/1980``, ``1980``."""
    sex: str
    accession_number: str
    service_name: str
    ordering_physician: str
    ordering_department: str
    indication: str
    observed_at: datetime
    status: str
    """HL7 table 0123 (P, F, C); D: a draft that somebody previews."""
    version_number: int
    content: Content
    approver: str
    """With title: ``BS. Nguyễn Văn An``."""
    approved_at: datetime
    viewer_url: str
    """Printed as QR code; empty: none."""
    verify_url: str = ""
    """Of the page on which anybody checks a signed report."""
    key_images: tuple[PrintedImage, ...] = ()
    recalled_at: datetime | None = None


def render_pdf(
    sheet: ReportSheet, design: ReportDesign = USUAL_DESIGN, pictures: Mapping[str, File] | None = None
) -> bytes:
    """The report as PDF/A-3b.

    :param pictures: those that ``design`` shows, by their SHA-256
    :raises DocumentTooLarge: more than 8 MB
    :raises LayoutFaulty: the design's own template cannot be printed
    :raises DocumentNotMade: the layout engine failed
    """
    return print_report(sheet, design, pictures).pdf


def print_report(sheet: ReportSheet, design: ReportDesign, pictures: Mapping[str, File] | None = None) -> Printed:
    """The same, with what the layout engine passed over."""
    files = {f"picture-{sha256}": file for sha256, file in (pictures or {}).items()}
    files |= {image.name: File(image.jpeg, "image/jpeg") for image in sheet.key_images}
    if code := qr_code({"images": sheet.viewer_url, "verify": sheet.verify_url}.get(design.qr.opens, ""), error="l"):
        files["qr.svg"] = File(drawing_file(code), "image/svg+xml")
    return arranged(
        Task(
            shipped=_TEMPLATE,
            template=design.template,
            context=report_context(sheet, design, frozenset(files)),
            styles=report_styles(design),
            files=files,
            archival=True,
            own_style=bool(design.style),
        )
    )


def report_context(sheet: ReportSheet, design: ReportDesign, files: frozenset[str]) -> dict[str, Any]:
    """What a layout's template is given: plain texts, lists and mappings (``docs/how-to/print-layouts.md``)."""
    words = WORDS[sheet.language]
    logo = f"picture-{design.letterhead.logo}"
    letterhead = design.letterhead.over(
        hospital=sheet.site_name, department=sheet.department, address=sheet.site_address, phone=sheet.site_phone
    )
    images = [
        {"address": SCHEME + image.name, "number": number, "caption": image.caption}
        for number, image in enumerate(sheet.key_images, start=1)
    ]
    shown, size = [] if design.images.place == "none" else images, design.images.per_page
    return {
        "report": {
            "language": sheet.language,
            "patient_name": sheet.patient_name,
            "patient_id": sheet.patient_id,
            "birth_date": sheet.birth_date,
            "sex": words["sexes"].get(sheet.sex, sheet.sex),
            "accession_number": sheet.accession_number,
            "service_name": sheet.service_name,
            "ordered_by": sheet.ordering_physician,
            "department": sheet.ordering_department,
            "indication": sheet.indication,
            "observed_at": shown_moment(sheet.observed_at),
            "status": sheet.status,
            "version_number": sheet.version_number,
            "approver": sheet.approver,
            "approved_at": shown_moment(sheet.approved_at),
            "approved_at_iso": sheet.approved_at.isoformat(),
            "recalled_at": shown_moment(sheet.recalled_at) if sheet.recalled_at else "",
        },
        "layout": {key: value for key, value in design_data(design).items() if key not in ("template", "style")},
        "letterhead": {
            "above": letterhead.above,
            "hospital": letterhead.hospital,
            "department": letterhead.department,
            "lines": list(letterhead.lines),
            "phone": letterhead.phone,
        },
        "words": {key: value for key, value in words.items() if key != "sections"},
        "facts": _facts(sheet, design),
        "sections": printed_sections(sheet),
        "images": images,
        "image_pages": [shown[at : at + size] for at in range(0, len(shown), size)],
        "logo": SCHEME + logo if logo in files else "",
        "qr": f"{SCHEME}qr.svg" if "qr.svg" in files else "",
        "watermark": _watermark(sheet, design),
    }


def printed_sections(sheet: ReportSheet) -> list[dict[str, Any]]:
    """The sections with something in them: ``code``, ``title``, ``text`` and ``blocks``, each of a
    ``type`` ``text``, ``field`` or ``table``."""
    titles = titles_of(sheet.content, WORDS[sheet.language]["sections"])
    result = []
    for section in sheet.content.sections:
        text = section_text(section)
        if text:
            blocks = [block for each in section.blocks if (block := _printed_block(each))]
            result.append({"code": section.code, "title": titles[section.code], "text": text, "blocks": blocks})
    return result


def _printed_block(block: Text | Field | Table) -> dict[str, Any] | None:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text} if block.text else None
    if isinstance(block, Field):
        value = shown_value(block)
        return {"type": "field", "label": block.label, "value": value} if value else None
    rows = filled_rows(block)
    heads = [f"{column.label} ({column.unit})" if column.unit else column.label for column in block.columns]
    return {"type": "table", "title": block.title, "heads": heads, "rows": rows} if rows else None


def _facts(sheet: ReportSheet, design: ReportDesign) -> list[list[dict[str, Any]]]:
    """Rows of the table about patient and exam: two facts in a row, a long one alone."""
    words = WORDS[sheet.language]
    values = {
        "patient_id": sheet.patient_id,
        "birth_date": sheet.birth_date,
        "sex": words["sexes"].get(sheet.sex, sheet.sex),
        "ordered_by": sheet.ordering_physician,
        "department": sheet.ordering_department,
        "accession_number": sheet.accession_number,
        "observed_at": shown_moment(sheet.observed_at),
        "indication": sheet.indication,
    }
    cells = [_fact(words["patient_name"], sheet.patient_name, strong=True)]
    cells += [_fact(words[fact], values[fact]) for fact in design.body.facts if fact != "indication"]
    rows = [cells[at : at + 2] for at in range(0, len(cells), 2)]
    if len(rows[-1]) == 1:
        rows[-1][0]["wide"] = True
    if "indication" in design.body.facts and sheet.indication:
        rows.append([_fact(words["indication"], sheet.indication, wide=True)])
    return rows


def _fact(label: str, value: str, *, strong: bool = False, wide: bool = False) -> dict[str, Any]:
    return {"label": label, "value": value, "strong": strong, "wide": wide}


def _watermark(sheet: ReportSheet, design: ReportDesign) -> str:
    words: dict[str, str] = WORDS[sheet.language]["watermarks"]
    if sheet.recalled_at is not None and design.watermarks.recalled:
        return words["recalled"]
    return words["draft"] if sheet.status == DRAFT and design.watermarks.draft else ""


def shown_moment(at: datetime) -> str:
    """As it is printed: ``09:40 21/11/2026``."""
    return at.strftime("%H:%M %d/%m/%Y")
