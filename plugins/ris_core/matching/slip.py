"""The exam slip: patient, service and room in words, the exam's key as QR and Code 128, for devices without a worklist.

One body of HTML, printed by a browser or laid out as PDF; nothing in it is fetched.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ris_core.matching.keys import shown_key
from ris_core.print_layouts.codes import code128, qr_code
from ris_core.print_layouts.slip_heads import TYPESET_LOGO, SlipHead
from ris_core.print_layouts.typesetting import Page, typeset

Paper = Literal["a5", "a6", "label"]
PAPERS: Final[tuple[Paper, ...]] = ("a6", "a5", "label")
"""A label is 80 × 50 mm."""
_FOLDER: Final = Path(__file__).parent / "printed"
STYLE: Final = _FOLDER / "slip.css"

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
    head: SlipHead
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


def slip_body(slip: Slip, paper: Paper, logo_address: str) -> Markup:
    """The slip as HTML, for a page that has :data:`STYLE`, and gets the head's logo from ``logo_address``."""
    html = _template().render(
        slip=slip,
        paper=paper,
        words=WORDS[slip.language],
        head=slip.head.html(logo_address),
        shown_key=shown_key(slip.key),
        qr=Markup(qr_code(slip.key, border=2)),  # noqa: S704 - squares
        code128=Markup(code128(slip.key)),  # noqa: S704 - bars
    )
    return Markup(html)  # noqa: S704 - the template escapes


def slip_pdf(slip: Slip, paper: Paper) -> bytes:
    """The slip as PDF, one page."""
    body = slip_body(slip, paper, TYPESET_LOGO)
    html = f'<!doctype html><html lang="{slip.language}"><title>{slip.key}</title>{body}</html>'
    return typeset(Page(html, (STYLE.read_text(encoding="utf-8"),), slip.head.files)).pdf


@functools.cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("slip.html.jinja")
