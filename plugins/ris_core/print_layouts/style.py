"""Style sheets from a design: paper, margins, page numbers, sizes; what does not depend on it is in ``shipped/``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from ris_core.print_layouts.design import PAPERS, LabelDesign, Lettering, ReportDesign, image_cell_mm
from ris_core.print_layouts.typesetting import SIGNS

SHIPPED: Final = Path(__file__).parent / "shipped"
_SIDES: Final = {"left": "1.6em auto 0 0", "center": "1.6em auto 0", "right": "1.6em 0 0 auto"}


def report_styles(design: ReportDesign) -> tuple[str, ...]:
    """The shipped sheet, what the form chose, what somebody wrote."""
    paper, footer, accent = design.paper, design.footer, design.letterhead.colour
    width, height = paper.sheet_mm
    across, down = image_cell_mm(design)
    rule = "border-top: 0.4pt solid #999; padding-top: 1.5mm; margin-top: 2mm; vertical-align: top"
    number = 'counter(page) " / " counter(pages)' if footer.page_numbers else '""'
    chosen = f"""
@page {{
  size: {width:g}mm {height:g}mm;
  margin: {paper.top_mm:g}mm {paper.right_mm:g}mm {paper.bottom_mm:g}mm {paper.left_mm:g}mm;
  @bottom-left {{ content: element(footer); width: {"88%" if footer.page_numbers else "100%"}; vertical-align: top; }}
  @bottom-right {{ content: {number}; font: 8pt {_fonts(design.lettering)}; color: #444; {rule}; }}
}}
html {{ font: {design.lettering.size_pt:g}pt/1.42 {_fonts(design.lettering)}; }}
.letterhead {{ border-bottom-color: {accent}; }}
.letterhead .site, h2 {{ color: {accent}; }}
.letterhead .logo {{ height: {design.letterhead.logo_height_mm:g}mm; }}
.letterhead .qr {{ width: {design.qr.size_mm:g}mm; }}
.letterhead .qr img {{ width: {design.qr.size_mm:g}mm; height: {design.qr.size_mm:g}mm; }}
.conclusion {{ border-left-color: {accent}; }}
.approval {{ margin: {_SIDES[design.signature.side]}; }}
.pictures figure {{ width: {across:.2f}mm; }}
.pictures img {{ max-width: {across:.2f}mm; max-height: {down:.2f}mm; }}
"""
    return (_shipped("report.css"), chosen, design.style)


def label_styles(design: LabelDesign) -> tuple[str, ...]:
    """The same for labels; each stands at its place in millimetres, so that it falls on its label."""
    label, sheet, code = design.label, design.sheet, design.code
    width, height = (label.width_mm, label.height_mm) if sheet.single else PAPERS[sheet.paper]
    chosen = f"""
@page {{ size: {width:g}mm {height:g}mm; margin: 0; }}
html {{ font: {design.lettering.size_pt:g}pt/1.22 {_fonts(design.lettering)}; }}
.sheet {{ width: {width:g}mm; height: {height:g}mm; }}
.label {{ width: {label.width_mm:g}mm; height: {label.height_mm:g}mm; padding: {label.padding_mm:g}mm;
  border: {"0.2mm solid #000" if label.border else "none"}; }}
.label .bars {{ height: {code.height_mm:g}mm; }}
.label .qr {{ width: {code.qr_mm:g}mm; height: {code.qr_mm:g}mm; }}
"""
    return (_shipped("label.css"), chosen, design.style)


def label_places(design: LabelDesign) -> list[tuple[float, float]]:
    """Left and top of each label on a sheet, row by row."""
    sheet, label = design.sheet, design.label
    if sheet.single:
        return [(0.0, 0.0)]
    return [
        (
            sheet.left_mm + column * (label.width_mm + sheet.gap_x_mm),
            sheet.top_mm + row * (label.height_mm + sheet.gap_y_mm),
        )
        for row in range(sheet.rows)
        for column in range(sheet.columns)
    ]


def _fonts(lettering: Lettering) -> str:
    return f'"{lettering.font}", "{SIGNS}", sans-serif'


@functools.cache
def _shipped(name: str) -> str:
    return (SHIPPED / name).read_text(encoding="utf-8")
