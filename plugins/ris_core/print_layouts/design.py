"""What a print layout says: paper, letterhead, images, signature … as values that cannot be out of bounds.

A design is what the form of a layout fills; :attr:`ReportDesign.template` replaces the arrangement of the page where
somebody writes their own. Sizes in millimetres.
"""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta

from ris_core.errors import InvalidValue

PAPERS: Final = {"A4": (210.0, 297.0), "A5": (148.0, 210.0), "LETTER": (215.9, 279.4)}
"""Width and height of upright sheets (ISO 216, ANSI/ASME Y14.1)."""
MOST_TEMPLATE_CHARACTERS: Final = 100_000

Line = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Colour = Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$")]
Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
Margin = Annotated[float, Meta(ge=0, le=80)]
Source = Annotated[str, Meta(max_length=MOST_TEMPLATE_CHARACTERS)]
FontName = Literal["Be Vietnam Pro", "Noto Sans", "Noto Serif"]
FontSize = Annotated[float, Meta(ge=4, le=20)]
Fact = Literal[
    "patient_id", "birth_date", "sex", "ordered_by", "department", "accession_number", "observed_at", "indication"
]
FACTS: Final[tuple[Fact, ...]] = (
    "patient_id", "birth_date", "sex", "ordered_by", "department", "accession_number", "observed_at", "indication",
)  # fmt: skip


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a design; immutable, refuses keys that it does not know."""


class Paper(Part, frozen=True):
    """The sheet and its margins."""

    size: Literal["A4", "A5", "LETTER", "OWN"] = "A4"
    width_mm: Annotated[float, Meta(ge=50, le=450)] = 210.0
    """Of an own size, upright."""
    height_mm: Annotated[float, Meta(ge=50, le=600)] = 297.0
    landscape: bool = False
    top_mm: Margin = 14.0
    right_mm: Margin = 16.0
    bottom_mm: Margin = 20.0
    left_mm: Margin = 18.0

    @property
    def sheet_mm(self) -> tuple[float, float]:
        """Width and height as it is printed."""
        width, height = PAPERS.get(self.size, (self.width_mm, self.height_mm))
        return (height, width) if self.landscape else (width, height)

    @property
    def room_mm(self) -> tuple[float, float]:
        """Width and height within the margins."""
        width, height = self.sheet_mm
        return width - self.left_mm - self.right_mm, height - self.top_mm - self.bottom_mm


class Letterhead(Part, frozen=True):
    """The head of the first page; what is empty is as in the site's settings."""

    shown: bool = True
    above: Line = ""
    """Who is above the hospital (Sở Y tế …)."""
    hospital: Line = ""
    department: Line = ""
    lines: Annotated[tuple[Line, ...], Meta(max_length=4)] = ()
    """Address and what else is to be said."""
    phone: Line = ""
    logo: Sha256 = ""
    """SHA-256 of a kept picture."""
    logo_side: Literal["left", "right"] = "left"
    logo_height_mm: Annotated[float, Meta(ge=5, le=60)] = 20.0
    colour: Colour = "#0b5d7a"

    def over(self, *, hospital: str, department: str, address: str, phone: str) -> Letterhead:
        """The same with the site's own where nothing is said."""
        return msgspec.structs.replace(
            self,
            hospital=self.hospital or hospital,
            department=self.department or department,
            lines=self.lines or tuple(line for line in (address,) if line),
            phone=self.phone or phone,
        )


class Lettering(Part, frozen=True):
    font: FontName = "Be Vietnam Pro"
    size_pt: FontSize = 10.0


class Body(Part, frozen=True):
    title: Line = ""
    """Instead of the usual title."""
    facts: tuple[Fact, ...] = FACTS
    """What is told of patient and exam beside the name."""


class Images(Part, frozen=True):
    """Key images on the page."""

    place: Literal["after", "before", "own_page", "none"] = "after"
    """After the text, before it, on pages of their own, not at all."""
    columns: Annotated[int, Meta(ge=1, le=4)] = 3
    per_page: Annotated[int, Meta(ge=1, le=12)] = 12
    captions: bool = True


class QrCode(Part, frozen=True):
    opens: Literal["images", "verify", "none"] = "images"
    """The images by a signed link, or the page on which anybody checks a signed report."""
    size_mm: Annotated[float, Meta(ge=12, le=50)] = 30.0


class SignatureBlock(Part, frozen=True):
    side: Literal["left", "center", "right"] = "right"
    role: Line = ""
    """Instead of the usual words above the name."""
    approval_mark: bool = True
    """Whether it says that the report was approved in the system."""


class Footer(Part, frozen=True):
    patient: bool = True
    """Patient and numbers on every page."""
    text: Line = ""
    page_numbers: bool = True


class Watermarks(Part, frozen=True):
    """Large words across the page of what must not be taken for a report in force."""

    draft: bool = True
    recalled: bool = True


class ReportDesign(Part, frozen=True):
    """How a report is printed."""

    paper: Paper = Paper()
    letterhead: Letterhead = Letterhead()
    lettering: Lettering = Lettering()
    body: Body = Body()
    images: Images = Images()
    qr: QrCode = QrCode()
    signature: SignatureBlock = SignatureBlock()
    footer: Footer = Footer()
    watermarks: Watermarks = Watermarks()
    template: Source = ""
    """Jinja2 of the whole page; empty: the suite's own arrangement."""
    style: Source = ""
    """CSS after that of the form."""

    def checked(self) -> Self:
        """:raises InvalidValue: the margins leave no room"""
        width, height = self.paper.room_mm
        if width < 40 or height < 40:
            raise InvalidValue("the margins leave less than 40 mm", field="paper.width_mm")
        return self


LabelLine = Literal[
    "site", "patient", "birth_sex", "patient_id", "service", "accession_number", "exam_date", "key", "department"
]
LABEL_LINES: Final[tuple[LabelLine, ...]] = (
    "patient", "birth_sex", "patient_id", "service", "accession_number", "exam_date", "department", "key", "site",
)  # fmt: skip


class Label(Part, frozen=True):
    """One label."""

    width_mm: Annotated[float, Meta(ge=15, le=300)] = 70.0
    height_mm: Annotated[float, Meta(ge=8, le=300)] = 36.0
    padding_mm: Annotated[float, Meta(ge=0, le=20)] = 2.0
    border: bool = False


class LabelCode(Part, frozen=True):
    """What a scanner reads."""

    kind: Literal["none", "qr", "code128", "both"] = "code128"
    holds: Literal["key", "accession_number"] = "key"
    """The exam's key with its check characters, or the accession number."""
    height_mm: Annotated[float, Meta(ge=4, le=60)] = 9.0
    """Of the bars."""
    qr_mm: Annotated[float, Meta(ge=8, le=80)] = 16.0


class LabelSheet(Part, frozen=True):
    """A sheet of labels; ``single``: every label is a page of its own (label printers)."""

    single: bool = True
    paper: Literal["A4", "A5", "LETTER"] = "A4"
    columns: Annotated[int, Meta(ge=1, le=10)] = 3
    rows: Annotated[int, Meta(ge=1, le=30)] = 8
    top_mm: Margin = 4.5
    left_mm: Margin = 0.0
    gap_x_mm: Annotated[float, Meta(ge=0, le=40)] = 0.0
    gap_y_mm: Annotated[float, Meta(ge=0, le=40)] = 0.0


class LabelDesign(Part, frozen=True):
    """How labels of exams are printed."""

    label: Label = Label()
    lettering: Lettering = Lettering(size_pt=7.0)
    code: LabelCode = LabelCode()
    lines: tuple[LabelLine, ...] = ("patient", "birth_sex", "patient_id", "service", "accession_number", "exam_date")
    sheet: LabelSheet = LabelSheet()
    template: Source = ""
    """Jinja2 of one label's content; empty: the suite's own arrangement."""
    style: Source = ""

    def checked(self) -> Self:
        """:raises InvalidValue: the labels do not fit on their sheet"""
        if self.sheet.single:
            return self
        width, height = PAPERS[self.sheet.paper]
        sheet, label = self.sheet, self.label
        across = sheet.left_mm + sheet.columns * label.width_mm + (sheet.columns - 1) * sheet.gap_x_mm
        down = sheet.top_mm + sheet.rows * label.height_mm + (sheet.rows - 1) * sheet.gap_y_mm
        if across > width + 0.5:
            raise InvalidValue(f"the labels are {across:g} mm wide, the sheet {width:g} mm", field="sheet.columns")
        if down > height + 0.5:
            raise InvalidValue(f"the labels are {down:g} mm high, the sheet {height:g} mm", field="sheet.rows")
        return self


Design = ReportDesign | LabelDesign
Kind = Literal["REPORT", "LABEL"]
DESIGNS: Final[dict[Kind, type[ReportDesign] | type[LabelDesign]]] = {"REPORT": ReportDesign, "LABEL": LabelDesign}


def design_of(kind: str, value: Any) -> Design:
    """The design in JSON's ``value``.

    :raises InvalidValue: it is none; ``field`` is the place in it: ``paper.top_mm``
    """
    made = DESIGNS["LABEL" if kind == "LABEL" else "REPORT"]
    try:
        return msgspec.convert(value, made, strict=True).checked()
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        raise InvalidValue(what, field=place.rstrip("`").partition("[")[0] or "design") from error


def design_data(design: Design) -> dict[str, Any]:
    """``design`` as JSON."""
    data: dict[str, Any] = msgspec.to_builtins(design)
    return data


def design_sha256(design: Design) -> str:
    return hashlib.sha256(msgspec.json.encode(design, order="sorted")).hexdigest()


def pictures_in(design: Design) -> frozenset[str]:
    """SHA-256 of the pictures that a design shows, by its form or as ``picture(…)`` in its own template."""
    if isinstance(design, ReportDesign) and design.letterhead.logo:
        return frozenset({design.letterhead.logo})
    return frozenset()


def image_cell_mm(design: ReportDesign) -> tuple[float, float]:
    """Width and largest height of one key image, so that ``per_page`` of them fit on a page."""
    width, height = design.paper.room_mm
    # a hair less than there is room for: the layout engine computes in pixels and would wrap what fits exactly
    across = (width - (design.images.columns - 1) * 4.0) / design.images.columns - 0.1
    rows = math.ceil(design.images.per_page / design.images.columns)
    down = (height - 12.0) / rows - 11.0
    return across, max(15.0, down if design.images.place == "own_page" else min(across, down))
