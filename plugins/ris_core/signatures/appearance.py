"""How a signature looks on the page: laid out like the report itself, so that Vietnamese names come out as written."""

from __future__ import annotations

import binascii
import functools
import uuid
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.generic import ArrayObject, Reference
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, InnerScaling, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.stamp import StaticStampStyle

from ris_core.print_layouts.typesetting import Page, typeset

_FOLDER = Path(__file__).parent / "printed"
ANCHOR: Final = "signature"
"""Name of the place in the printed report that is kept free for the signature."""

_POINTS_PER_MM = 72 / 25.4
WIDTH: Final = 72 * _POINTS_PER_MM
HEIGHT: Final = 21 * _POINTS_PER_MM
_MARGIN = 8 * _POINTS_PER_MM

_WORDS: Final = {
    "vi": {"signed": "ĐÃ KÝ SỐ", "by": "Ký bởi:", "issuer": "Nơi cấp:", "serial": "Số chứng thư:", "at": "Ký lúc:"},
    "en": {
        "signed": "DIGITALLY SIGNED",
        "by": "Signed by:",
        "issuer": "Issued by:",
        "serial": "Certificate:",
        "at": "Signed at:",
    },
}


@dataclass(frozen=True, slots=True)
class Appearance:
    """What is drawn."""

    language: str
    signer: str
    issuer: str
    serial: str
    at: datetime
    """Aware, in the site's zone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is drawn: page from 0, and left, bottom, right, top in points."""

    page: int
    box: tuple[int, int, int, int]


def place_in(reader: PdfFileReader) -> Place:
    """The place that the report keeps free; in a report without one, the foot of its last page. Always on the page."""
    pages = int(reader.root["/Pages"]["/Count"])
    found = _anchor(reader)
    page = pages - 1 if found is None else found[0]
    width, height = _size(reader, page)
    left, top = (width - _MARGIN - WIDTH, _MARGIN + HEIGHT) if found is None else found[1:]
    left = max(0.0, min(left, width - WIDTH))
    top = min(max(top, HEIGHT), height)
    return Place(page, (round(left), round(top - HEIGHT), round(left + WIDTH), round(top)))


def _size(reader: PdfFileReader, page: int) -> tuple[float, float]:
    """Width and height of a page; the box may be inherited from the pages' tree (ISO 32000-1 §7.7.3.4)."""
    node = reader.find_page_for_modification(page)[0].get_object()
    while "/MediaBox" not in node:
        node = node["/Parent"]
    left, bottom, right, top = (float(number) for number in node["/MediaBox"])
    return right - left, top - bottom


def _anchor(reader: PdfFileReader) -> tuple[int, float, float] | None:
    """Page, left and top of the named destination (ISO 32000-1 §12.3.2.3)."""
    try:
        names = reader.root["/Names"]["/Dests"]["/Names"]
    except KeyError:
        return None
    for position in range(0, len(names), 2):
        destination = names[position + 1]
        if str(names[position]) == ANCHOR and isinstance(destination, ArrayObject):
            page = _page_number(reader, destination.raw_get(0).reference)
            return None if page is None else (page, float(destination[2]), float(destination[3]))
    return None


def _page_number(reader: PdfFileReader, wanted: Reference) -> int | None:
    for number in range(int(reader.root["/Pages"]["/Count"])):
        if reader.find_page_for_modification(number)[0].reference == wanted:
            return number
    return None


def stamp_style(appearance: Appearance) -> StaticStampStyle:
    """The drawing for pyHanko."""
    return StaticStampStyle(
        background=_Drawing(draw(appearance)),
        border_width=0,
        background_layout=SimpleBoxLayoutRule(
            x_align=AxisAlignment.ALIGN_MID,
            y_align=AxisAlignment.ALIGN_MID,
            margins=Margins(0, 0, 0, 0),
            inner_content_scaling=InnerScaling.SHRINK_TO_FIT,
        ),
    )


def draw(appearance: Appearance) -> bytes:
    """The drawing as a PDF of one page."""
    html = _template().render(look=appearance, words=_WORDS[appearance.language], language=appearance.language)
    return typeset(Page(html, (_style(),))).pdf


class _Drawing(PdfContent):
    """The first page of a PDF, to be drawn in another (pyHanko's own takes files only)."""

    def __init__(self, pdf: bytes) -> None:
        self._pdf = pdf
        super().__init__()

    def render(self) -> bytes:
        drawing = self._ensure_writer.import_page_as_xobject(PdfFileReader(BytesIO(self._pdf)))
        name = b"/Import" + binascii.hexlify(uuid.uuid4().bytes)
        self.resources.xobject[name.decode("ascii")] = drawing
        left, bottom, right, top = drawing.get_object()["/BBox"]
        self.box = BoxConstraints(width=abs(left - right), height=abs(bottom - top))
        return name + b" Do"


@functools.cache
def _style() -> str:
    return (_FOLDER / "stamp.css").read_text(encoding="utf-8")


@functools.cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("stamp.html.jinja")
