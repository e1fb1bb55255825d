"""Designs: what fits, what does not, and where the fault lies."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.errors import InvalidValue
from ris_core.print_layouts.design import (
    DESIGNS,
    Images,
    Paper,
    ReportDesign,
    design_data,
    design_of,
    design_sha256,
    image_cell_mm,
)
from ris_core.print_layouts.ready import READY


@pytest.mark.parametrize("kind", DESIGNS)
def test_nothing_said_is_the_usual_design(kind: Any) -> None:
    assert design_of(kind, {}) == DESIGNS[kind]()


@pytest.mark.parametrize(("_facts", "design"), READY, ids=lambda value: getattr(value, "code", ""))
def test_ready_designs_are_kept_and_read_back(_facts: Any, design: Any) -> None:
    again = design_of(_facts.kind, design_data(design))
    assert again == design
    assert design_sha256(again) == design_sha256(design)


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("REPORT", {"paper": {"top_mm": 90.0}}, "paper.top_mm"),
        ("REPORT", {"paper": {"top_mm": "x"}}, "paper.top_mm"),
        ("REPORT", {"paper": {"size": "OWN", "width_mm": 60.0}}, "paper.width_mm"),
        ("REPORT", {"letterhead": {"logo": "../etc"}}, "letterhead.logo"),
        ("REPORT", {"letterhead": {"colour": "red; }"}}, "letterhead.colour"),
        ("REPORT", {"images": {"per_page": 13}}, "images.per_page"),
        ("REPORT", {"lettering": {"font": "Comic Sans"}}, "lettering.font"),
        ("REPORT", {"letterhead": {"lines": ["a\nb"]}}, "letterhead.lines"),
        ("LABEL", {"sheet": {"single": False, "columns": 4}}, "sheet.columns"),
        ("LABEL", {"sheet": {"single": False, "rows": 9}}, "sheet.rows"),
        ("LABEL", {"lines": ["secret"]}, "lines"),
    ],
)
def test_what_is_out_of_bounds_is_refused_at_its_place(kind: str, data: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        design_of(kind, data)
    assert refused.value.field == field


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(InvalidValue):
        design_of("REPORT", {"papers": {}})


@pytest.mark.parametrize("place", ["after", "before", "own_page"])
@pytest.mark.parametrize("per_page", range(1, 13))
@pytest.mark.parametrize("columns", range(1, 5))
@pytest.mark.parametrize("size", ["A4", "A5"])
def test_as_many_images_as_chosen_fit_on_a_page(size: Any, columns: int, per_page: int, place: Any) -> None:
    design = ReportDesign(paper=Paper(size=size), images=Images(columns=columns, per_page=per_page, place=place))
    (width, height), (across, down) = design.paper.room_mm, image_cell_mm(design)
    rows = -(-per_page // columns)
    assert columns * across + (columns - 1) * 4 <= width + 0.01
    assert rows * (down + 10) + 10 <= height or down == 15.0
