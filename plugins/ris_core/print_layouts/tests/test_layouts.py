"""Layouts as rows: versions, which one an exam gets, and that an approved report keeps its own."""

from __future__ import annotations

import io
import zipfile
from io import BytesIO
from typing import Literal

import msgspec
import pytest
from django.conf import settings
from pypdf import PdfReader

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.errors import EditConflict, InvalidValue, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.choosing import layout_for
from ris_core.print_layouts.design import Body, Images, Letterhead, Paper, ReportDesign
from ris_core.print_layouts.exchange import exported, imported
from ris_core.print_layouts.models import LayoutPicture, PrintLayout, PrintLayoutVersion, VersionLayout
from ris_core.print_layouts.ready import READY, load_layouts
from ris_core.print_layouts.samples import sample_images, sample_sheet
from ris_core.print_layouts.services import (
    LayoutFacts,
    RuleFacts,
    change_layout,
    create_layout,
    facts_of,
    keep_picture,
    restore_version,
    set_active,
)
from ris_core.print_layouts.tests.test_pictures import a_picture
from ris_core.reports.documents import ensure_document, recalled_pdf
from ris_core.reports.models import VersionStatus
from ris_core.reports.sheet import render_pdf
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db


def a_layout(title: str, *rules: RuleFacts, usual: bool = False, design: ReportDesign | None = None) -> PrintLayout:
    design = design or ReportDesign(body=Body(title=title))
    code = f"l{PrintLayout.objects.count()}"
    return create_layout(LayoutFacts(code, title, "REPORT", usual, rules), design, SYSTEM)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def changed(layout: PrintLayout, title: str) -> PrintLayout:
    assert layout.current is not None
    return change_layout(
        layout.pk, facts_of(layout), ReportDesign(body=Body(title=title)), SYSTEM, over=layout.current.number
    )


def test_an_exam_gets_the_closest_layout_in_use_else_the_usual_one() -> None:
    exam = an_exam()
    assert layout_for(exam) is None
    usual = a_layout("THƯỜNG", usual=True)
    assert layout_for(exam) == usual
    of_ct = a_layout("CT", RuleFacts(modality="CT"))
    of_service = a_layout("SỌ NÃO", RuleFacts(modality="MR"), RuleFacts(service_code="CT.SO*"))
    assert layout_for(exam) == of_service
    set_active(of_service.pk, False, SYSTEM)
    assert layout_for(exam) == of_ct
    another = a_layout("MỚI", usual=True)
    set_active(of_ct.pk, False, SYSTEM)
    assert layout_for(exam) == another
    usual.refresh_from_db()
    assert not usual.is_usual


def test_an_approved_report_is_printed_by_the_layout_bound_to_it_whatever_becomes_of_the_layout() -> None:
    layout = a_layout("PHIẾU CŨ", usual=True)
    version = approved(an_exam(), a_reader())
    bound = VersionLayout.objects.get(version=version)
    assert bound.layout_version == layout.current
    changed(layout, "PHIẾU MỚI")  # before the worker has printed it
    first = bytes(ensure_document(version.pk).content)
    assert "PHIẾU CŨ" in text_of(first)
    set_active(layout.pk, False, SYSTEM)
    assert bytes(ensure_document(version.pk).content) == first


def test_the_next_version_is_bound_to_what_is_in_use_then() -> None:
    exam, reader = an_exam(), a_reader()
    layout = a_layout("PHIẾU CŨ", usual=True)
    first = approved(exam, reader)
    changed(layout, "PHIẾU MỚI")
    second = approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đính chính.")
    assert "PHIẾU CŨ" in text_of(bytes(ensure_document(first.pk).content))
    assert "PHIẾU MỚI" in text_of(bytes(ensure_document(second.pk).content))


def test_a_fault_in_what_somebody_wrote_keeps_no_result_back_and_is_told() -> None:
    design = ReportDesign(body=Body(title="PHIẾU RIÊNG"), template="<p>x</p>\n{{ images[7].caption }}")
    a_layout("x", usual=True, design=design)
    version = approved(an_exam(), a_reader())
    assert "PHIẾU RIÊNG" in text_of(bytes(ensure_document(version.pk).content))
    assert "line 2" in VersionLayout.objects.get(version=version).fault
    assert AuditEvent.objects.filter(action="report.printed_plainly").exists()


def test_a_recalled_report_says_so_on_every_page_in_its_own_layout() -> None:
    layout = a_layout("PHIẾU CŨ", usual=True)
    version = approved(an_exam(), a_reader(), findings="\n".join(["Dòng."] * 120))
    changed(layout, "PHIẾU MỚI")
    pages = PdfReader(BytesIO(recalled_pdf(version, version.approved_at))).pages
    assert len(pages) > 1
    assert all("ĐÃ THU HỒI" in page.extract_text() for page in pages)
    assert "PHIẾU CŨ" in pages[0].extract_text()


def test_versions_are_kept_restored_and_never_changed() -> None:
    layout = a_layout("MỘT", usual=True)
    changed(layout, "HAI")
    layout.refresh_from_db()
    with pytest.raises(EditConflict):
        change_layout(layout.pk, facts_of(layout), ReportDesign(), SYSTEM, over=1)
    restored = restore_version(layout.pk, 1, SYSTEM)
    assert restored.current is not None
    assert (restored.current.number, restored.current.design["body"]["title"]) == (3, "MỘT")
    restore_version(layout.pk, 1, SYSTEM)
    assert layout.versions.count() == 3
    with pytest.raises(TransitionRefused):
        PrintLayoutVersion.objects.get(layout=layout, number=1).save()


def test_saving_the_same_design_makes_no_version_but_takes_the_rules() -> None:
    layout = a_layout("MỘT")
    facts = LayoutFacts(layout.code, "Tên khác", "REPORT", True, (RuleFacts(modality="US"),))
    change_layout(layout.pk, facts, ReportDesign(body=Body(title="MỘT")), SYSTEM, over=1)
    layout.refresh_from_db()
    assert layout.versions.count() == 1
    assert facts_of(layout) == facts


def test_a_picture_that_is_not_kept_is_refused() -> None:
    with pytest.raises(InvalidValue):
        a_layout("x", design=ReportDesign(letterhead=Letterhead(logo="0" * 64)))


def test_the_letterhead_is_printed_with_its_picture() -> None:
    kept = keep_picture(a_picture(), "logo.png", SYSTEM)
    assert keep_picture(a_picture(), "again.png", SYSTEM) == kept
    a_layout("x", usual=True, design=ReportDesign(letterhead=Letterhead(logo=kept.sha256, above="SỞ Y TẾ ĐÀ NẴNG")))
    pdf = bytes(ensure_document(approved(an_exam(), a_reader()).pk).content)
    assert "SỞ Y TẾ ĐÀ NẴNG" in text_of(pdf)
    assert len(PdfReader(BytesIO(pdf)).pages[0].images) == 1


def test_the_ready_layouts_are_added_once_and_one_of_each_kind_is_usual() -> None:
    assert load_layouts() == len(READY)
    assert load_layouts() == 0
    assert PrintLayout.objects.filter(is_usual=True).count() == 2
    exam = RequestedProcedure(source="", modality="US", service_code="US.1")
    exam.request = an_exam().request
    found = layout_for(exam)
    assert found is not None
    assert found.code == "a5-sieu-am-4-hinh"


def test_layouts_go_out_and_come_in_with_their_pictures() -> None:
    kept = keep_picture(a_picture(), "logo.png", SYSTEM)
    design = ReportDesign(letterhead=Letterhead(logo=kept.sha256))
    layout = a_layout("Có logo", RuleFacts(modality="US"), design=design)
    file = exported([layout], SYSTEM)
    layout.rules.all().delete()
    PrintLayout.objects.update(current=None)
    PrintLayoutVersion.objects.all().delete()
    PrintLayout.objects.all().delete()
    LayoutPicture.objects.all().delete()
    assert imported(file, SYSTEM) == (1, 0)
    again = PrintLayout.objects.get()
    assert facts_of(again).rules == (RuleFacts(modality="US"),)
    assert LayoutPicture.objects.filter(sha256=kept.sha256).exists()
    assert imported(file, SYSTEM) == (0, 0)


@pytest.mark.parametrize("data", [b"", b"{", b"PK\x03\x04", b'{"format":"x","version":1,"layouts":[]}', b"[]"])
def test_what_is_no_file_of_layouts_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValue):
        imported(data, SYSTEM)


def test_a_file_with_a_faulty_layout_is_taken_not_at_all() -> None:
    good = {"code": "a", "name": "A", "kind": "REPORT", "design": {}}
    bad = {"code": "b", "name": "B", "kind": "REPORT", "design": {"paper": {"top_mm": 999.0}}}
    file = {"format": "quang.print-layouts", "version": 1, "layouts": [good, bad]}
    with pytest.raises(InvalidValue):
        imported(msgspec.json.encode(file), SYSTEM)
    assert not PrintLayout.objects.exists()


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("layouts.json", b" " * (9 * 1024 * 1024))
    with pytest.raises(InvalidValue, match="too large"):
        imported(archive.getvalue(), SYSTEM)


@pytest.mark.parametrize("size", ["A4", "A5"])
@pytest.mark.parametrize(("columns", "per_page"), [(1, 2), (2, 4), (3, 6), (4, 12)])
def test_images_of_a_page_are_on_one_page(columns: int, per_page: int, size: Literal["A4", "A5"]) -> None:
    design = ReportDesign(
        paper=Paper(size=size, left_mm=10.0, right_mm=10.0),
        images=Images(place="own_page", columns=columns, per_page=per_page),
    )
    pages = PdfReader(BytesIO(render_pdf(sample_sheet(settings.QUANG, images=12), design))).pages
    texts = [" ".join(page.extract_text().split()) for page in pages]
    captions = [f"{number}. {image.caption}" for number, image in enumerate(sample_images(), start=1)]
    counts = [sum(caption in text for caption in captions) for text in texts]
    assert [count for count in counts if count] == [per_page] * (12 // per_page)
