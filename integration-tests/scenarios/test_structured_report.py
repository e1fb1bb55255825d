"""A report of fields and tables: the template designed on a screen, filled, checked, spelled, kept over a lost session,
approved, and the same words on paper and in the message."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from ris_testing.backends import RunningSuite
from ris_testing.browser import TABLET, Language, Scheme, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.ris_user import RisUser, log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]

SAVED = re.compile(r"Đã lưu \d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def api(suite: RunningSuite) -> RisUser:
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


def ready_exam(suite: RunningSuite, api: RisUser) -> int:
    """An exam with two images, ready to read."""
    order = an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA", answer
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    assert modality.store(acquire(scheduled, images=2)) == 2
    number = api.wait_for_exam(order.accession_number)
    api.wait_for_images(number, 2)
    return number


def test_from_the_designed_template_to_the_printed_values(suite: RunningSuite, browser: Browser, api: RisUser) -> None:
    exam = ready_exam(suite, api)
    with visitor(browser, suite, "bacsi") as radiologist:
        page = radiologist.open("/report-templates/new/")
        page.fill("[name=name]", "Đo khối sọ não")
        page.fill("[name=code]", "do-khoi-so-nao")
        findings = page.locator(".designer-section", has=page.locator("h2", has_text="Mô tả"))
        findings.get_by_text("Thêm ô điền").click()
        item = findings.locator(".designer-item")
        item.get_by_label("Tên ô").fill("Đường kính khối")
        item.get_by_label("Kiểu").select_option("number")
        item.get_by_label("Đơn vị").fill("mm")
        item.get_by_label("Lớn nhất").fill("200")
        item.get_by_text("Bắt buộc điền").click()
        conclusion = page.locator(".designer-section", has=page.locator("h2", has_text="Kết luận"))
        conclusion.get_by_text("Thêm đoạn chữ").click()
        conclusion.locator("textarea").fill("U bán cầu [phải/trái].")
        expect(page.locator("#preview-text")).to_contain_text("U bán cầu")
        assert radiologist.barriers() == []
        page.get_by_text("Lưu bản mới").click()
        expect(page.locator("h1")).to_have_text("Đo khối sọ não")

        page.goto(f"{suite.public_url}/report-templates/phrases/")
        page.fill("[name=abbreviation]", "theodoi")
        page.fill("[name=text]", "Theo dõi ở người bệnh {giới}.")
        page.click(".phrase-side .primary")
        expect(page.locator(".grid")).to_contain_text(".theodoi")
        page.fill("[name=abbreviation]", "cothuoc")
        page.click(".phrase-side details summary")
        page.fill("[name=technique]", "Có tiêm thuốc.")
        page.fill("[name=conclusion]", "Kiểm tra sau [1/3] tháng.")
        assert radiologist.barriers() == []
        page.click(".phrase-side .primary")
        expect(page.locator(".grid")).to_contain_text(".cothuoc")

        page = radiologist.open(f"/exams/{exam}/")
        page.keyboard.press("c")
        expect(page.locator("#section-findings")).to_be_editable()
        page.keyboard.press("F2")
        page.keyboard.type("do khoi so nao")
        expect(page.locator("#template-list [aria-selected=true]")).to_contain_text("Đo khối sọ não")
        page.keyboard.press("Enter")
        diameter = page.get_by_label("Đường kính khối")
        diameter.fill("1255")

        page.click("#section-conclusion")
        page.keyboard.press("Control+Home")
        page.keyboard.press("Tab")
        expect(page.locator("#snippet-list")).to_contain_text("trái")
        page.keyboard.press("2")
        expect(page.locator("#section-conclusion")).to_have_value("U bán cầu trái.")
        page.click("#section-recommendation")
        page.keyboard.type("Chuẩn đoán phân biệt. .theodoi")
        page.keyboard.press("Tab")
        expect(page.locator("#section-recommendation")).to_have_value(re.compile(r"Theo dõi ở người bệnh \w+\."))
        expect(page.locator(".text-marks mark", has_text="Chuẩn đoán")).to_have_count(1)
        page.click("#section-technique")
        page.keyboard.type(".cothuoc")
        page.keyboard.press("Tab")
        expect(page.locator("#section-technique")).to_have_value("Có tiêm thuốc.")
        page.click("[data-action=undo]")
        expect(page.locator("#section-technique")).to_have_value(".cothuoc")
        expect(page.locator("#section-conclusion")).to_have_value("U bán cầu trái.")
        page.click("#section-technique")
        page.keyboard.press("Control+End")
        page.keyboard.press("Tab")
        expect(page.locator("#snippet-list")).to_contain_text("3")
        page.keyboard.press("2")
        expect(page.locator("#section-conclusion")).to_have_value("U bán cầu trái.\nKiểm tra sau 3 tháng.")
        page.click("#section-findings")
        page.keyboard.press("Shift+F6")
        page.locator("#spelling-bar button", has_text="Chẩn đoán").click()
        expect(page.locator("#section-recommendation")).to_have_value(re.compile("^Chẩn đoán phân biệt"))
        expect(page.locator("#saving")).to_have_text(SAVED)

        page.keyboard.press("F9")
        expect(page.locator(".report-field .field-error")).to_have_text("ngoài khoảng cho phép")

        page.context.clear_cookies()
        diameter.fill("12,5")
        password = next(user["password"] for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
        page.locator(".relogin input").fill(password, timeout=30_000)
        page.click(".relogin button")
        expect(page.locator("#saving")).to_have_text(SAVED, timeout=30_000)
        page.keyboard.press("F9")
        expect(page.locator("#report-head")).to_contain_text("Bản 1 do")
        assert own_barriers(radiologist.barriers()) == []

    status = api.status(exam)
    assert status["texts"]["findings"] == "- Đường kính khối: 12,5 mm"
    pdf = api.get(f"/exams/{exam}/versions/1/report.pdf")
    while pdf.status_code == 202:
        pdf = api.get(f"/exams/{exam}/versions/1/report.pdf")
    printed = PdfReader(BytesIO(pdf.content)).pages[0].extract_text()
    assert "Đường kính khối: 12,5 mm" in printed
    assert "U bán cầu trái." in printed


@pytest.mark.parametrize(("language", "scheme"), [("vi", "dark"), ("en", "light")])
def test_everybody_can_use_the_screens_of_templates(
    suite: RunningSuite, browser: Browser, language: Language, scheme: Scheme
) -> None:
    with visitor(browser, suite, "bacsi", language=language, scheme=scheme, size=TABLET) as radiologist:
        for name, address in (("list", "/report-templates/"), ("phrases", "/report-templates/phrases/")):
            page = radiologist.open(address)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert radiologist.barriers() == []
            radiologist.photograph(f"templates-{name}-{language}-{scheme}")
        page.goto(f"{suite.public_url}/report-templates/")
        page.click(".grid tbody tr:first-child a")
        expect(page.locator("#preview-text")).not_to_be_empty()
        assert radiologist.barriers() == []
        radiologist.photograph(f"templates-designer-{language}-{scheme}")


def own_barriers(found: list[str]) -> list[str]:
    """What axe finds in our page; OHIF's own elements in the frame are not ours to mend."""
    return [line for line in found if "frame" not in line.split(":")[0]]
