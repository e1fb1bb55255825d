"""The exam slip: patient, service and room in words, the exam's key as QR and Code 128, for devices without a worklist.

One body of HTML, printed by a browser or laid out as PDF; nothing in it is fetched.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import barcode
import segno
import weasyprint
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from weasyprint.text.fonts import FontConfiguration

from ris_core.matching.keys import shown_key
from ris_core.reports.sheet import LAYING_OUT, PackageFiles

Paper = Literal["a5", "a6", "label"]
PAPERS: Final[tuple[Paper, ...]] = ("a6", "a5", "label")
"""A label is 80 × 50 mm."""
_FOLDER: Final = Path(__file__).parent / "printed"
STYLE: Final = _FOLDER / "slip.css"
_QUIET_MODULES: Final = 10
"""White on both sides of a Code 128 (ISO/IEC 15417 4.3)."""

WORDS: Final[dict[str, dict[str, str]]] = {
    "vi": {
        "title": "PHIẾU QUÉT VÀO MÁY CHỤP", "patient_id": "Mã BN", "born": "Sinh", "service": "Dịch vụ",
        "at": "Giờ hẹn", "accession": "Số phiếu", "key": "Mã gõ tay",
        "hint": "Quét hoặc gõ mã này vào máy chụp: ô mã bệnh nhân, số phiếu hoặc ghi chú đều được.",
    },
    "en": {
        "title": "SCAN AT THE DEVICE", "patient_id": "Patient id", "born": "Born", "service": "Service",
        "at": "Planned", "accession": "Accession no.", "key": "Key to type",
        "hint": "Scan or type this key at the device: patient id, accession number or comments, any of them will do.",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slip:
    """Everything that is printed. Times are aware, in the site's zone."""

    language: str
    site_name: str
    key: str
    patient_name: str
    patient_id: str
    birth_date: str
    """As it is shown: ``21/11/1980``, ``1980``."""
    sex: str
    service_name: str
    modality: str
    room: str
    scheduled_at: datetime
    accession_number: str


def slip_body(slip: Slip, paper: Paper) -> Markup:
    """The slip as HTML, for a page that has :data:`STYLE`."""
    html = _template().render(
        slip=slip,
        paper=paper,
        words=WORDS[slip.language],
        shown_key=shown_key(slip.key),
        qr=Markup(segno.make_qr(slip.key, error="m").svg_inline(border=2, omitsize=True)),  # noqa: S704 - of our alphabet
        code128=_code128(slip.key),
    )
    return Markup(html)  # noqa: S704 - the template escapes


def slip_pdf(slip: Slip, paper: Paper) -> bytes:
    """The slip as PDF, one page."""
    html = f'<!doctype html><html lang="{slip.language}"><title>{slip.key}</title>{slip_body(slip, paper)}</html>'
    with LAYING_OUT:
        css, fonts = _style()
        pdf: bytes = weasyprint.HTML(string=html, url_fetcher=PackageFiles()).write_pdf(
            stylesheets=[css], font_config=fonts
        )
    return pdf


def _code128(key: str) -> Markup:
    """Bars as one path in a drawing whose unit is a module, ``height`` 30 of them."""
    modules: str = barcode.get("code128", key).build()[0]
    bars, at = [], 0
    while at < len(modules):
        end = at
        while end < len(modules) and modules[end] == modules[at]:
            end += 1
        if modules[at] == "1":
            bars.append(f"M{at + _QUIET_MODULES} 0h{end - at}v30h-{end - at}z")
        at = end
    width = len(modules) + 2 * _QUIET_MODULES
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="code128" viewBox="0 0 {width} 30" preserveAspectRatio="none" shape-rendering="crispEdges">'
        f'<path d="{"".join(bars)}"/></svg>'
    )


@functools.cache
def _style() -> tuple[weasyprint.CSS, FontConfiguration]:
    fonts = FontConfiguration()
    return weasyprint.CSS(filename=STYLE, url_fetcher=PackageFiles(), font_config=fonts), fonts


@functools.cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("slip.html.jinja")
