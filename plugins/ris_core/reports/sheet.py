"""The printed report: a version as a PDF/A-3b page layout, always the same bytes for the same version.

Nothing is fetched: the style sheet and fonts come from this package, and any other address in the text stays text. The
fonts are under the SIL Open Font License (``printed/fonts/OFL-*.txt``).
"""

from __future__ import annotations

import functools
import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
import weasyprint
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from ris_core.errors import QuangError
from ris_core.reports.content import Content, Field, Table, Text
from ris_core.reports.rendering import filled_rows, section_text, shown_value, titles_of
from ris_core.reports.words import WORDS

_FOLDER = Path(__file__).parent / "printed"
_FONT_SCHEME = "quang:"
_IMAGE = "key-image-"
_MOST_PDF_BYTES = 8 * 1024 * 1024

LAYING_OUT = threading.Lock()
"""Layout burns a processor and its font configuration is shared: one at a time in a process."""


class DocumentTooLarge(QuangError):
    """The printed report became larger than an HL7 message should carry."""

    code = "QUANG-5005"


@dataclass(frozen=True, slots=True)
class PrintedImage:
    """A key image on the page."""

    jpeg: bytes
    sha256: str
    caption: str = ""

    @property
    def address(self) -> str:
        return f"{_FONT_SCHEME}{_IMAGE}{self.sha256}.jpg"


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
    key_images: tuple[PrintedImage, ...] = ()


def render_pdf(sheet: ReportSheet) -> bytes:
    """The report as PDF/A-3b.

    :raises DocumentTooLarge: more than 8 MB
    """
    words = WORDS[sheet.language]
    html = _template().render(sheet=sheet, words=words, sections=printed_sections(sheet), qr=_qr_code(sheet.viewer_url))
    with LAYING_OUT:
        css, fonts = report_style()
        pdf: bytes = weasyprint.HTML(string=html, url_fetcher=PackageFiles(sheet.key_images)).write_pdf(
            stylesheets=[css],
            font_config=fonts,
            pdf_variant="pdf/a-3b",
            pdf_identifier=hashlib.md5(html.encode(), usedforsecurity=False).digest(),
        )
    if len(pdf) > _MOST_PDF_BYTES:
        raise DocumentTooLarge(f"the printed report has {len(pdf)} bytes")
    return pdf


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


def _qr_code(url: str) -> Markup:
    """``url`` as an inline SVG of squares, which holds nothing of its text; empty for no address."""
    if not url:
        return Markup("")
    return Markup(segno.make(url, error="l").svg_inline(border=0, omitsize=True))  # noqa: S704


class PackageFiles(URLFetcher):  # type: ignore[misc]
    """Gives the fonts of this package and the sheet's own images, and refuses every other address."""

    def __init__(self, images: tuple[PrintedImage, ...] = ()) -> None:
        super().__init__(allowed_protocols=())
        self._images = {image.address: image.jpeg for image in images}

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        for font in (_FOLDER / "fonts").glob("*.ttf"):
            if url == _FONT_SCHEME + font.name:
                return URLFetcherResponse(url, font.read_bytes(), {"Content-Type": "font/ttf"})
        if url in self._images:
            return URLFetcherResponse(url, self._images[url], {"Content-Type": "image/jpeg"})
        raise FatalURLFetchingError("a printed report refers to nothing outside itself")


def report_fonts() -> FontConfiguration:
    """The report's fonts, also for what is drawn on it later; to be used while :data:`LAYING_OUT` is held."""
    return report_style()[1]


@functools.cache
def report_style() -> tuple[weasyprint.CSS, FontConfiguration]:
    """Style sheet and fonts; to be used while :data:`LAYING_OUT` is held."""
    fonts = FontConfiguration()
    css = weasyprint.CSS(filename=_FOLDER / "report.css", url_fetcher=PackageFiles(), font_config=fonts)
    return css, fonts


@functools.cache
def _template() -> Any:
    return printed_template("report.html.jinja")


def printed_template(name: str) -> Any:
    """A page of this package."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    environment.filters["moment"] = lambda at: at.strftime("%H:%M %d/%m/%Y")
    return environment.get_template(name)
