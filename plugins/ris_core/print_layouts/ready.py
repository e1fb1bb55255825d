"""The layouts that come with the suite, as rows that a hospital then makes its own."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from ris_core.audit.services import SYSTEM, Actor
from ris_core.print_layouts.design import (
    Body,
    Design,
    Footer,
    Images,
    Label,
    LabelCode,
    LabelDesign,
    LabelSheet,
    Lettering,
    Paper,
    QrCode,
    ReportDesign,
    SignatureBlock,
)
from ris_core.print_layouts.models import PrintLayout
from ris_core.print_layouts.services import LayoutFacts, RuleFacts, create_layout

READY: Final[tuple[tuple[LayoutFacts, Design], ...]] = (
    (LayoutFacts("a4-ket-qua", "Phiếu kết quả A4", "REPORT", is_usual=True), ReportDesign()),
    (
        LayoutFacts("a5-sieu-am-4-hinh", "Siêu âm A5, 4 hình", "REPORT", rules=(RuleFacts(modality="US"),)),
        ReportDesign(
            paper=Paper(size="A5", top_mm=9.0, right_mm=9.0, bottom_mm=15.0, left_mm=11.0),
            lettering=Lettering(size_pt=8.0),
            body=Body(title="PHIẾU KẾT QUẢ SIÊU ÂM"),
            images=Images(place="own_page", columns=2, per_page=4),
            qr=QrCode(size_mm=18.0),
            signature=SignatureBlock(role="Bác sĩ siêu âm"),
        ),
    ),
    (
        LayoutFacts("a4-noi-soi-6-hinh", "Nội soi A4, 6 hình", "REPORT", rules=(RuleFacts(modality="ES"),)),
        ReportDesign(
            paper=Paper(top_mm=11.0, bottom_mm=18.0),
            lettering=Lettering(size_pt=9.5),
            body=Body(title="PHIẾU KẾT QUẢ NỘI SOI"),
            images=Images(place="before", columns=3, per_page=6),
            qr=QrCode(size_mm=22.0),
            signature=SignatureBlock(role="Bác sĩ nội soi"),
            footer=Footer(),
        ),
    ),
    (LayoutFacts("nhan-phim", "Nhãn phim 70 × 36 mm (máy in nhãn)", "LABEL", is_usual=True), LabelDesign()),
    (
        LayoutFacts("nhan-phim-a4", "Nhãn phim, tờ A4 3 × 8", "LABEL"),
        LabelDesign(
            label=Label(width_mm=70.0, height_mm=36.0, padding_mm=2.5),
            code=LabelCode(kind="both", height_mm=8.0, qr_mm=12.0),
            lines=("patient", "birth_sex", "patient_id", "service", "accession_number"),
            lettering=Lettering(size_pt=6.5),
            sheet=LabelSheet(single=False, columns=3, rows=8, top_mm=4.5),
        ),
    ),
)


@transaction.atomic
def load_layouts(actor: Actor = SYSTEM) -> int:
    """Add the layouts that are not there yet, by their code; those that are there stay as the hospital has them.

    :returns: how many were added
    """
    known = set(PrintLayout.objects.values_list("code", flat=True))
    usual = set(PrintLayout.objects.filter(is_usual=True).values_list("kind", flat=True))
    missing = [(facts, design) for facts, design in READY if facts.code not in known]
    for facts, design in missing:
        is_usual = facts.is_usual and facts.kind not in usual
        create_layout(LayoutFacts(facts.code, facts.name, facts.kind, is_usual, facts.rules), design, actor)
    return len(missing)
