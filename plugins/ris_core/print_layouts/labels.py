"""Labels of exams: for films and folders, one by one on a label printer or on sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from ris_core.errors import InvalidValue
from ris_core.matching.keys import shown_key
from ris_core.print_layouts.arranging import Task, arranged, shipped_source
from ris_core.print_layouts.codes import code128, drawing_file, qr_code
from ris_core.print_layouts.design import LabelDesign
from ris_core.print_layouts.style import label_places, label_styles
from ris_core.print_layouts.typesetting import SCHEME, File, Printed

MOST_LABELS: Final = 200
"""Printed at once."""
WORDS: Final[dict[str, dict[str, str]]] = {
    "vi": {"born": "Sinh", "patient_id": "Mã BN", "accession": "Số phiếu", "exam_date": "Ngày chụp", "key": "Mã ca"},
    "en": {"born": "Born", "patient_id": "Patient id", "accession": "Acc. no.", "exam_date": "Exam", "key": "Exam key"},
}

_PAGE: Final = "labels.html.jinja"
_CONTENT: Final = '{% include "label.html.jinja" %}'


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What a label may tell."""

    key: str
    """The exam's key, eight characters."""
    accession_number: str
    patient_name: str
    patient_id: str
    birth_date: str
    """As it is shown."""
    sex: str
    """In words."""
    service_name: str
    modality: str
    department: str
    exam_at: datetime
    """Aware, in the site's zone."""
    site_name: str


def print_labels(labels: Sequence[LabelFacts], design: LabelDesign, language: str, *, free: int = 0) -> Printed:
    """``labels`` as PDF.

    :param free: places to leave free on the first sheet, whose labels are used up
    :raises InvalidValue: none, or too many
    :raises LayoutFaulty, DocumentTooLarge, DocumentNotMade: as :func:`ris_core.print_layouts.arranging.arranged`
    """
    if not 0 < len(labels) <= MOST_LABELS:
        raise InvalidValue(f"1 to {MOST_LABELS} labels are printed at once", field="labels")
    places = label_places(design)
    files: dict[str, File] = {}
    placed: list[dict[str, Any] | None] = [None] * (free % len(places))
    placed += [_label(facts, design, files) for facts in labels]
    sheets = [
        [{**label, "left": left, "top": top} for label, (left, top) in zip(some, places, strict=False) if label]
        for some in (placed[at : at + len(places)] for at in range(0, len(placed), len(places)))
    ]
    return arranged(
        Task(
            shipped=_PAGE,
            template=_with(design.template),
            context={
                "sheets": sheets,
                "lines": list(design.lines),
                "words": WORDS[language],
                "language": language,
                "title": " ".join(dict.fromkeys(facts.accession_number for facts in labels))[:100],
            },
            styles=label_styles(design),
            files=files,
            own_style=bool(design.style),
        )
    )


def _with(template: str) -> str:
    """The page with ``template`` as the content of each label, on the same line, so that faults name its lines."""
    if not template:
        return ""
    before, after = shipped_source(_PAGE).split(_CONTENT)
    return " ".join(before.split()) + template + after


def _label(facts: LabelFacts, design: LabelDesign, files: dict[str, File]) -> dict[str, Any]:
    held = facts.key if design.code.holds == "key" else facts.accession_number
    label: dict[str, Any] = {**asdict(facts), "exam_date": facts.exam_at.strftime("%d/%m/%Y"), "qr": "", "bars": ""}
    label["exam_at"] = facts.exam_at.strftime("%H:%M %d/%m/%Y")
    label["code"] = shown_key(held) if design.code.holds == "key" else held
    label["key"] = shown_key(facts.key)
    if design.code.kind in ("qr", "both"):
        label["qr"] = _file(f"qr-{len(files)}.svg", qr_code(held), files)
    if design.code.kind in ("code128", "both") and held.isascii():
        label["bars"] = _file(f"bars-{len(files)}.svg", code128(held), files)
    return label


def _file(name: str, drawing: str, files: dict[str, File]) -> str:
    files[name] = File(drawing_file(drawing), "image/svg+xml")
    return SCHEME + name
