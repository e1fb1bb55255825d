"""R4: a print layout designed on the screen, seen before approval, and the paper that comes of it."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader

from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_SECONDS = 60.0
POINTS_PER_MM = 72 / 25.4


@pytest.fixture
def reader(suite: RunningSuite) -> RisUser:
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


def a_logo() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (120, 60), "#14743c").save(file, "PNG")
    return file.getvalue()


def image_boxes(page: Any) -> list[tuple[float, float, float, float]]:
    """Left, bottom, width and height in millimetres of each picture that a page draws."""
    boxes: list[tuple[float, float, float, float]] = []
    pictures = {name for name, each in page["/Resources"].get("/XObject", {}).items() if each["/Subtype"] == "/Image"}

    def visit(operator: Any, operands: Any, matrix: Any, _text_matrix: Any) -> None:
        if operator == b"Do" and operands[0] in pictures:
            a, b, c, d, e, f = (float(value) / POINTS_PER_MM for value in matrix)
            xs, ys = (e, e + a + c), (f, f + b + d)
            boxes.append((min(xs), min(ys), abs(xs[1] - xs[0]), abs(ys[1] - ys[0])))

    page.extract_text(visitor_operand_before=visit)
    return boxes


def test_a_layout_is_designed_seen_before_approval_and_printed(
    suite: RunningSuite, reader: RisUser, radiologist: Visitor
) -> None:
    page = radiologist.open("/print-layouts/new/")
    pages = page.locator("#preview-pages img")
    expect(pages.first).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    code = f"ct-{time.time_ns()}"
    page.fill("[name=name]", "CT hai hình, khổ A5")
    page.fill("[name=code]", code)
    page.fill("[name='letterhead.above']", "SỞ Y TẾ ĐÀ NẴNG")
    page.fill("[name='letterhead.hospital']", "BỆNH VIỆN ƯỚC NGUYỆN")
    page.set_input_files("#logo-file", {"name": "logo.png", "mimeType": "image/png", "buffer": a_logo()})
    expect(page.locator(".logo-shown")).to_be_visible()
    page.select_option("[name='paper.size']", "A5")
    page.fill("[name='paper.top_mm']", "95")
    expect(page.locator('[data-error="paper.top_mm"]')).to_contain_text("từ 0 đến 80")
    for side in ("top", "left", "right"):
        page.fill(f"[name='paper.{side}_mm']", "10")
    page.select_option("[name='lettering.font']", "Noto Serif")
    page.fill("[name='lettering.size_pt']", "8,5")
    page.select_option("[name='images.place']", "own_page")
    page.fill("[name='images.columns']", "2")
    page.fill("[name='images.per_page']", "4")
    page.locator("[name='images.per_page']").press("Tab")
    expect(page.locator('[data-error="paper.top_mm"]')).to_be_hidden()
    page.get_by_text("Dùng cho ca nào").click()
    page.get_by_role("button", name="Thêm điều kiện").click()
    page.fill("[name=rule_modality]", "CT")
    page.locator("[name=rule_modality]").press("Tab")
    expect(page.locator("#preview-count")).to_have_text(re.compile(r"\d+ trang"))
    radiologist.photograph("print-layout")
    assert radiologist.barriers() == []
    page.get_by_role("button", name="Lưu bản mới").click()
    expect(page.get_by_text("Đã lưu CT hai hình, khổ A5.")).to_be_visible()

    order = an_order()
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    images = acquire(scheduled, images=2)
    assert modality.store(images) == 2
    exam = reader.wait_for_exam(order.accession_number)
    reader.wait_for_images(exam, 2)

    page = radiologist.open(f"/exams/{exam}/")
    expect(page.get_by_role("button", name="Nhận đọc")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("#section-findings")).to_be_editable()
    for number, image in enumerate(images, start=1):
        chosen = reader.act(
            exam,
            "key-images",
            study=str(image.StudyInstanceUID),
            series=str(image.SeriesInstanceUID),
            instance=str(image.SOPInstanceUID),
        )
        reader.act(exam, f"key-images/{chosen['id']}", caption=f"Hình {number}")
    page.fill("#section-conclusion", "Chưa thấy tổn thương.")
    expect(page.locator("#saving")).to_have_text(re.compile(r"Đã lưu"))

    seen = PdfReader(io.BytesIO(reader.get(f"/exams/{exam}/preview.pdf").content))
    assert "BẢN NHÁP" in seen.pages[0].extract_text()
    assert "BỆNH VIỆN ƯỚC NGUYỆN" in seen.pages[0].extract_text()
    page.keyboard.press("F9")
    expect(page.locator("#report-head")).to_contain_text("bản 1", ignore_case=True)

    def printed() -> bytes:
        answer = reader.get(f"/exams/{exam}/versions/1/report.pdf")
        return answer.content if answer.status_code == 200 else b""

    pdf: bytes = wait_until(printed, "the report is printed")
    document = PdfReader(io.BytesIO(pdf))
    first = document.pages[0]
    size = [float(side) / POINTS_PER_MM for side in first.mediabox[2:]]
    assert size == pytest.approx([148, 210], abs=0.2)
    text = " ".join(first.extract_text().split())
    for expected in ("SỞ Y TẾ ĐÀ NẴNG", "BỆNH VIỆN ƯỚC NGUYỆN", "Chưa thấy tổn thương.", order.accession_number):
        assert expected in text
    assert "BẢN NHÁP" not in text
    assert {font.partition("+")[2] for font in first._get_fonts()[0]} >= {"Noto-Serif", "Noto-Serif-Semi-Bold"}

    [logo] = image_boxes(first)
    assert logo[3] == pytest.approx(20, abs=0.2)
    assert logo[0] == pytest.approx(10, abs=0.2)
    pictures = sorted(image_boxes(document.pages[-1]))
    assert len(pictures) == 2
    assert pictures[0][0] + pictures[0][2] < pictures[1][0] < 148 / 2 + 10
    assert pictures[0][1] == pytest.approx(pictures[1][1], abs=0.5)
    assert all(left >= 10 and left + width <= 138.5 for left, _bottom, width, _height in pictures)
