"""A patient looks up a result on a telephone with the slip from the counter: wrong codes, the right one, report and
images, shared and revoked, recalled while they look (R17, F4)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import NARROW_PHONE, Visitor, answered, telephone, visitor
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import RisUser
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)


def reader_of(suite: RunningSuite) -> RisUser:
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    return RisUser(suite.public_url, login["username"], login["password"])


def looks_right(seen: Visitor, name: str) -> None:
    """Nothing is wider than the screen, nothing keeps anybody out; with a picture."""
    seen.photograph(name)
    assert seen.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), name
    assert seen.barriers() == [], name


def slip_of(desk: Visitor, patient_id: str) -> tuple[str, str]:
    """Print one at the counter: the code as it is printed, and the address in its QR code."""
    page = desk.open(f"/patients/{patient_id}/portal/")
    desk.photograph("portal-staff")
    assert desk.barriers() == []
    page.click("button:has-text('In phiếu cho mọi kết quả')")
    code = page.inner_text(".slip .key")
    desk.photograph("portal-slip")
    assert desk.barriers() == []
    return code, f"{desk.public_url}/portal/#{code.replace('-', '')}"


def test_a_patient_sees_a_result_shares_it_and_loses_it_when_it_is_recalled(
    suite: RunningSuite, browser: Browser
) -> None:
    reader = reader_of(suite)
    exam = ready_exam(suite, reader, images=3)
    reader.report(exam.number, conclusion="Không thấy bất thường.")
    with visitor(browser, suite, "tiepdon") as desk, visitor(browser, suite, "bacsi") as doctor:
        for each in (desk, doctor):
            each.page.set_default_timeout(PATIENCE_MS)
        patient_id = _patient_of(desk, exam)
        _let_go(doctor, patient_id)
        code, scanned = slip_of(desk, patient_id)
        with telephone(browser, suite, size=NARROW_PHONE) as seen:
            frame, shown = _looked_up(seen, scanned, code, exam)
            link = _shared(seen)
            with telephone(browser, suite, size=NARROW_PHONE) as receiver:
                receiver.page.goto(link)
                receiver.page.wait_for_url("**/share/*/")
                expect(receiver.page.locator("body")).to_contain_text("Kết quả (PDF)")
                opened = receiver.page.url
                seen.page.reload()
                expect(seen.page.locator("main")).to_contain_text("Đã mở:")
                looks_right(seen, "portal-shares")
                seen.page.click("button:has-text('Thu hồi')")
                expect(seen.page.locator("main")).to_contain_text("Đã thu hồi")
                receiver.page.goto(opened)
                expect(receiver.page.locator("h1")).to_have_text("Chia sẻ này không mở được")
            _recall(doctor, exam)
            wait_until(lambda: answered(seen.page, frame) in (401, 403), "the images are shut")
            seen.page.goto(shown)
            expect(seen.page.locator("main")).to_contain_text("Đang đính chính")
            looks_right(seen, "portal-recalled")
            seen.page.click("button:has-text('Thoát')")
            seen.page.goto(shown)
            expect(seen.page.locator("main")).to_contain_text("Hãy nhập lại mã trên phiếu")
            assert seen.complaints == []
        desk.open(f"/patients/{patient_id}/portal/")
        expect(desk.page.locator("main")).to_contain_text("127.0.0.1")
        desk.photograph("portal-staff-used")
        assert desk.barriers() == []


def _patient_of(desk: Visitor, exam: ReadyExam) -> str:
    page = desk.open(f"/patients/?q={exam.order.patient_id}")
    found = re.search(r"/patients/(\d+)/", page.content())
    assert found is not None
    return found[1]


def _let_go(doctor: Visitor, patient_id: str) -> None:
    """Without the rule's delay, by a person."""
    page = doctor.open(f"/patients/{patient_id}/portal/")
    page.click("summary:has-text('Giữ / cho xem')")
    page.fill("[name=reason]", "Người bệnh ở xa")
    page.click("button[value=RELEASED]")
    expect(page.locator("main")).to_contain_text("Đã có kết quả")


def _recall(doctor: Visitor, exam: ReadyExam) -> None:
    page = doctor.open(f"/exams/{exam.number}/return/")
    page.click("details.recall-form summary")
    page.fill("details.recall-form [name=reason]", "Nhầm bên")
    page.click("details.recall-form button.danger")
    expect(page.locator("body")).to_contain_text("Đã thu hồi")


def _looked_up(seen: Visitor, scanned: str, code: str, exam: ReadyExam) -> tuple[str, str]:
    """Wrong codes, then in; report and images. The address of a frame, and of the result's page."""
    page = seen.page
    page.goto(scanned.partition("#")[0])
    page.fill("#slip-code", code[:-1] + ("3" if code[-1] != "3" else "4"))
    page.fill("#birth-date", "1/1/1950")
    page.click("button.primary")
    expect(page.locator("#code-help")).to_contain_text("so lại từng ký tự")
    page.fill("#slip-code", code.lower().replace("-", " "))
    page.fill("#birth-date", "1/1/1950")
    page.click("button.primary")
    expect(page.locator("[role=alert]")).to_contain_text("Không mở được")
    looks_right(seen, "portal-refused")
    page.goto("about:blank")
    page.goto(scanned)
    expect(page.locator("#slip-code")).to_have_value(code)
    assert "#" not in page.url
    born = exam.order.birth_date
    page.fill("#birth-date", f"{born[6:8]}/{born[4:6]}/{born[:4]}" if len(born) == 8 else born)
    looks_right(seen, "portal-door")
    page.click("button.primary")
    page.wait_for_url("**/portal/results/")
    looks_right(seen, "portal-results")
    page.click(".portal-results a")
    expect(page.locator("main")).to_contain_text("Kết quả đã được bác sĩ duyệt.")
    looks_right(seen, "portal-result")
    page.click(".portal-language button[value=en]")
    page.wait_for_selector("html[lang=en]")
    looks_right(seen, "portal-results-en")
    page.click(".portal-language button[value=vi]")
    page.wait_for_selector("html[lang=vi]")
    page.click(".portal-results a")
    shown = page.url
    pdf = str(page.get_by_role("link", name="Kết quả (PDF)").get_attribute("href"))
    wait_until(lambda: answered(page, pdf) == 200, "the report")
    page.get_by_role("link", name="Đọc kết quả tại đây").click()
    expect(page.locator(".report-who")).to_contain_text("Chưa ký số")
    looks_right(seen, "portal-report")
    page.go_back()
    page.wait_for_url(shown)
    page.get_by_role("link", name="Xem ảnh").click()
    page.wait_for_url("**/open/phone?*")
    page.wait_for_function(_PAINTED)
    frame = str(page.evaluate("() => new URL(document.getElementById('picture').src).pathname"))
    assert answered(page, frame) == 200
    assert answered(page, frame.partition("/frames/")[0]) == 403  # looked at, not kept
    page.goto(shown)
    return frame, shown


def _shared(seen: Visitor) -> str:
    page = seen.page
    page.get_by_role("link", name="Chia sẻ").click()
    page.check("[name=exam]")
    page.fill("[name=receiver]", "BS Minh, Bệnh viện tỉnh")
    page.check("[name=agreed]")
    looks_right(seen, "portal-share-new")
    page.click("button.primary")
    link = page.input_value("#link")
    looks_right(seen, "portal-share-link")
    page.get_by_role("link", name="Xong").click()
    return link
