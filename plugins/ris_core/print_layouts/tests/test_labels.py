"""Labels: what scanners read back from the page, where each stands."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import zxingcpp
from django.conf import settings
from PIL import Image
from pypdf import PdfReader

from ris_core.errors import InvalidValue
from ris_core.matching.keys import keys_in
from ris_core.print_layouts.design import LabelCode, LabelDesign
from ris_core.print_layouts.labels import LabelFacts, print_labels
from ris_core.print_layouts.pages import page_pictures
from ris_core.print_layouts.ready import READY
from ris_core.print_layouts.samples import sample_label
from ris_core.print_layouts.style import label_places

POINTS_PER_MM = 72 / 25.4
SHEET = next(design for facts, design in READY if facts.code == "nhan-phim-a4")


def a_label(**values: Any) -> LabelFacts:
    return replace(sample_label(settings.QUANG), **values)


@pytest.mark.parametrize("holds", ["key", "accession_number"])
def test_both_codes_of_a_label_are_read_back(holds: Any) -> None:
    design = LabelDesign(code=LabelCode(kind="both", holds=holds, qr_mm=14))
    label = a_label(key="ACDE3469")
    [picture] = page_pictures(print_labels([label], design, "vi").pdf)[0]
    image = Image.open(io.BytesIO(picture))
    codes = {
        code.format.name: code.text
        for code in zxingcpp.read_barcodes(image.resize((image.width * 2, image.height * 2)))
    }
    assert set(codes) == {"QRCode", "Code128"}
    for text in codes.values():
        assert text == label.accession_number if holds == "accession_number" else "ACDE3469" in text.replace("-", "")
    assert keys_in("ACDE3469") is not None


def test_a_single_label_is_a_page_of_its_size_with_vietnamese_letters() -> None:
    reader = PdfReader(io.BytesIO(print_labels([a_label()] * 2, LabelDesign(), "vi").pdf))
    assert len(reader.pages) == 2
    size = [float(side) / POINTS_PER_MM for side in reader.pages[0].mediabox[2:]]
    assert size == pytest.approx([70, 36], abs=0.1)
    text = reader.pages[0].extract_text()
    for expected in ("NGUYỄN THỊ ƯỚC MẪU", "21/11/1980", "BN00012345", "CDHA261121000", "Chụp X quang ngực thẳng"):
        assert expected in text


def test_on_a_sheet_labels_begin_at_the_first_free_place_and_go_on_to_the_next_sheet() -> None:
    assert isinstance(SHEET, LabelDesign)
    places = label_places(SHEET)
    assert len(places) == 24
    reader = PdfReader(io.BytesIO(print_labels([a_label()] * 5, SHEET, "vi", free=22).pdf))
    found: list[tuple[int, float, float]] = []
    for number, page in enumerate(reader.pages):

        def visit(text: str, matrix: Any, at: Any, *_: Any, number: int = number) -> None:
            if "NGUYỄN" in text:
                found.append((number, float(at[4]) / POINTS_PER_MM, 297 - float(at[5]) / POINTS_PER_MM))

        page.extract_text(visitor_text=visit)
    expected = [(0, *places[22]), (0, *places[23]), *((1, *place) for place in places[:3])]
    assert len(reader.pages) == 2
    assert [number for number, _x, _y in found] == [number for number, _x, _y in expected]


def test_an_own_content_of_labels_names_its_line() -> None:
    from ris_core.print_layouts.sandbox import LayoutFaulty

    own = msgspec.structs.replace(LabelDesign(), template="<p>{{ label.patient_name }}</p>\n{{ label.nothing }}")
    with pytest.raises(LayoutFaulty, match="line 2"):
        print_labels([a_label()], own, "vi")


@pytest.mark.parametrize("count", [0, 201])
def test_none_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(InvalidValue):
        print_labels([a_label()] * count, LabelDesign(), "vi")
