"""The printed report, read back from the PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO

import pytest
from pypdf import PdfReader
from weasyprint.urls import FatalURLFetchingError

from ris_core.print_layouts import typesetting
from ris_core.print_layouts.typesetting import DocumentTooLarge
from ris_core.reports.content import plain_content
from ris_core.reports.sheet import ReportSheet, render_pdf

VIETNAM = timezone(timedelta(hours=7))
SHEET = ReportSheet(
    language="vi",
    site_name="Bệnh viện Quang",
    department="Khoa Chẩn đoán hình ảnh",
    site_address="12 Lê Lợi",
    site_phone="0236 3 123 456",
    patient_name="NGUYỄN THỊ ĐÀO",
    patient_id="BN0001",
    birth_date="21/11/1980",
    sex="F",
    accession_number="AC0001",
    service_name="Chụp CLVT sọ não",
    ordering_physician="BS. Lê Thị Hoa",
    ordering_department="Khoa Nội",
    indication="Đau đầu",
    observed_at=datetime(2026, 11, 21, 9, 0, tzinfo=VIETNAM),
    status="F",
    version_number=1,
    content=plain_content("Không tiêm thuốc.", "Kích thước 12 × 8 mm, ≥ 3 ổ, α → β.", "Bình thường.", "Theo dõi."),
    approver="ThS.BS. Trần Minh Quân",
    approved_at=datetime(2026, 11, 21, 9, 40, tzinfo=VIETNAM),
    viewer_url="http://127.0.0.1:8080/open/abc",
)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def test_everything_a_reader_needs_is_on_the_sheet() -> None:
    text = text_of(render_pdf(SHEET))
    for expected in (
        "Bệnh viện Quang", "NGUYỄN THỊ ĐÀO", "BN0001", "21/11/1980", "Nữ", "AC0001", "Chụp CLVT sọ não", "Đau đầu",
        "Kích thước 12 × 8 mm, ≥ 3 ổ", "Bình thường.", "Theo dõi.", "ThS.BS. Trần Minh Quân", "09:40 21/11/2026",
        "1 / 1",
    ):  # fmt: skip
        assert expected in text


def test_no_letter_is_left_without_a_font() -> None:
    reader = PdfReader(BytesIO(render_pdf(SHEET)))
    embedded, not_embedded = reader.pages[0]._get_fonts()
    assert not_embedded == set()
    assert {font.partition("+")[2] for font in embedded} == {
        "Be-Vietnam-Pro",
        "Be-Vietnam-Pro-Semi-Bold",
        "Print-Signs",
    }


@pytest.mark.parametrize(("status", "words"), [("P", "KẾT QUẢ SƠ BỘ"), ("C", "KẾT QUẢ ĐÍNH CHÍNH")])
def test_a_report_that_is_not_simply_final_says_so(status: str, words: str) -> None:
    assert words in text_of(render_pdf(replace(SHEET, status=status)))
    assert words not in text_of(render_pdf(SHEET))


def test_an_english_site_prints_english_words() -> None:
    text = text_of(render_pdf(replace(SHEET, language="en")))
    assert "Impression" in text
    assert "Kết luận" not in text


def test_the_same_version_gives_the_same_bytes() -> None:
    assert render_pdf(SHEET) == render_pdf(replace(SHEET))
    assert render_pdf(SHEET) != render_pdf(replace(SHEET, version_number=2))


def test_a_long_report_goes_over_pages_with_its_patient_on_each() -> None:
    long = plain_content(
        findings="\n".join(f"Dòng {n}: nhu mô phổi bình thường." for n in range(150)), conclusion="Hết."
    )
    reader = PdfReader(BytesIO(render_pdf(replace(SHEET, content=long))))
    assert len(reader.pages) > 2
    assert all("NGUYỄN THỊ ĐÀO" in page.extract_text() for page in reader.pages)


def test_text_is_never_markup() -> None:
    typed = "<img src='http://127.0.0.1:9/x'><script>1</script> a < b & c {{ 7*7 }} @import url(http://127.0.0.1:9/)"
    text = text_of(render_pdf(replace(SHEET, content=plain_content(conclusion=typed), patient_name="<h1>X</h1>")))
    assert "<script>1</script>" in text.replace("\n", " ")
    assert "{{ 7*7 }}" in text
    assert "<h1>X</h1>" in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "file:///etc/passwd", "quang:../sheet.py", "data:text/plain,x", "quang:"]
)
def test_nothing_outside_the_package_is_fetched(url: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        typesetting.PageFiles().fetch(url)


def test_it_is_marked_as_pdf_a() -> None:
    metadata = PdfReader(BytesIO(render_pdf(SHEET))).xmp_metadata
    assert metadata is not None
    assert b"pdfaid" in metadata.stream.get_data()


def test_a_sheet_that_grows_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "_MOST_PDF_BYTES", 10_000)
    with pytest.raises(DocumentTooLarge):
        render_pdf(SHEET)
