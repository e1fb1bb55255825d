"""Step 4 in a browser: claim, template, typing that is never lost, two windows at once, approval; images beside it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, ViewportSize, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, TABLET, Language, Scheme, Visitor, visitor
from ris_testing.his import SimulatedHis, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order, unique
from ris_testing.reading import SAVED, claim, ready_exam
from ris_testing.ris_user import RisUser, log_in

pytestmark = pytest.mark.integration

WIDE: ViewportSize = {"width": 1920, "height": 1080}
WATCH_WHETHER_EDITABLE = """() => {
  window.takenBack = 0;
  const field = document.getElementById("section-findings");
  new MutationObserver(() => (window.takenBack += field.readOnly)).observe(field, {attributes: true});
}"""


@pytest.fixture(scope="module")
def api(suite: RunningSuite) -> RisUser:
    """The radiologist without a browser, to wait for what the suite does."""
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


def conclusion(page: Page) -> str:
    return page.input_value("#section-conclusion")


def test_from_claim_to_pdf_with_nothing_typed_ever_lost(
    suite: RunningSuite, browser: Browser, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api)
    page = radiologist.open(exam.address)
    images = page.frame_locator("#images iframe")
    expect(images.locator("canvas").first).to_be_visible(timeout=60_000)
    claim(page)

    page.keyboard.press("F2")
    page.keyboard.type("so nao")
    expect(page.locator("#template-list [aria-selected=true]")).to_contain_text("CLVT sọ não")
    page.keyboard.press("Enter")
    expect(page.locator("#section-findings")).not_to_have_value("")
    expect(page.locator("#section-conclusion")).not_to_have_value("")

    page.fill("#section-conclusion", "Nhồi máu não cấp vùng đồi thị phải.")
    expect(page.locator("#saving")).to_have_attribute("data-state", "unsaved")
    expect(page.locator("#saving")).to_have_text(SAVED)
    page.focus("#section-recommendation")
    page.keyboard.type("Chụp cộng hưởng từ.")
    page.reload()  # within the moment that the last words wait for their save
    expect(page.locator("#section-recommendation")).to_have_value("Chụp cộng hưởng từ.")
    assert conclusion(page) == "Nhồi máu não cấp vùng đồi thị phải."

    page.route("**/status", lambda route: route.abort())  # this window does not hear of the other's save
    with visitor(browser, suite, "bacsi") as second:
        elsewhere = second.open(exam.address)
        elsewhere.fill("#section-conclusion", "Nhồi máu não cấp đồi thị hai bên.")
        expect(elsewhere.locator("#saving")).to_have_text(SAVED)
    kept = "Nhồi máu não cấp vùng đồi thị trái."
    page.fill("#section-conclusion", kept)
    expect(page.locator("#conflict")).to_contain_text("Nhồi máu não cấp đồi thị hai bên.")
    expect(page.locator("#conflict mark").first).to_be_visible()
    page.click("#conflict .primary")
    expect(page.locator("#saving")).to_have_text(SAVED)
    expect(page.locator("#conflict")).to_be_hidden()
    page.unroute("**/status")

    page.goto(suite.public_url + exam.address)
    expect(page.locator("#section-conclusion")).to_have_value(kept)
    page.keyboard.press("F9")
    expect(page.locator("#report-head")).to_contain_text("Bản 1 do BS. Bác sĩ CĐHA duyệt")
    expect(page.locator("#section-conclusion")).not_to_be_editable()
    assert suite.python(
        "from ris_core.reports.models import ReportVersion as V;"
        f"print(V.objects.get(reading__procedure={exam.number}).conclusion)"
    ).endswith(kept)

    address = page.locator("#report-head a", has_text="PDF").get_attribute("href")
    pdf = page.request.get(f"{suite.public_url}{address}", timeout=60_000)
    while pdf.status == 202:
        pdf = page.request.get(f"{suite.public_url}{address}", timeout=60_000)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.body().startswith(b"%PDF-")


def test_an_answer_from_before_the_claim_that_comes_late_takes_nothing_back(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api)
    late: list[tuple[Route, APIResponse]] = []
    page = radiologist.page
    page.route("**/status", lambda route: late.append((route, route.fetch())), times=1)
    radiologist.open(exam.address)
    while not late:  # the page looks again by itself
        page.wait_for_timeout(50)
    claim(page)
    page.evaluate(WATCH_WHETHER_EDITABLE)
    route, answer = late[0]
    assert not answer.json()["rights"]["edit"]
    with page.expect_response("**/status"):
        route.fulfill(response=answer)
    with page.expect_response("**/status"):  # and looks once more
        pass
    page.keyboard.press("F10")
    expect(page.locator("#toasts")).to_contain_text("Cần có kết luận")
    assert page.evaluate("window.takenBack") == 0


def test_typing_without_network_is_kept_and_saved_when_it_is_back(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api)
    page = radiologist.open(exam.address)
    claim(page)
    page.context.set_offline(True)
    page.fill("#section-findings", "Gõ khi mất mạng.")
    expect(page.locator("#at-risk")).to_contain_text("Mất kết nối với máy chủ")
    expect(page.locator("#saving")).to_have_attribute("data-state", "unreachable")
    page.context.set_offline(False)
    expect(page.locator("#saving")).to_have_text(SAVED)
    expect(page.locator("#at-risk")).to_be_hidden()
    assert api.status(exam.number)["texts"]["findings"] == "Gõ khi mất mạng."


def test_what_somebody_else_takes_over_stays_readable_and_unsaved_words_stay_in_the_page(
    suite: RunningSuite, browser: Browser, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api)
    page = radiologist.open(exam.address)
    claim(page)
    page.fill("#section-findings", "Chữ của bác sĩ thứ nhất.")
    expect(page.locator("#saving")).to_have_text(SAVED)
    with visitor(browser, suite, "truongnhom") as other:
        theirs = other.open(exam.address)
        expect(theirs.locator("#report-head")).to_contain_text("Bác sĩ CĐHA đang đọc từ")
        page.route("**/draft", lambda route: route.abort())
        page.fill("#section-findings", "Chữ của bác sĩ thứ nhất. Vừa gõ thêm.")
        theirs.click("[data-action=take_over] summary")
        theirs.fill("[data-action=take_over] input[name=reason]", "Hết ca trực")
        theirs.click("[data-action=take_over] button")
        expect(theirs.locator("#section-findings")).to_have_value("Chữ của bác sĩ thứ nhất.")
        page.unroute("**/draft")
        expect(page.locator("#at-risk")).to_contain_text("chưa được lưu", timeout=30_000)
        expect(page.locator("#section-findings")).to_have_value("Chữ của bác sĩ thứ nhất. Vừa gõ thêm.")
        expect(page.locator("#section-findings")).not_to_be_editable()


def test_approve_and_next_goes_through_the_waiting_exams(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    first = ready_exam(suite, api, an_order().stat())
    ready_exam(suite, api, an_order().stat())
    page = radiologist.open(first.address)
    claim(page)
    page.keyboard.press("F10")
    expect(page.locator("#toasts")).to_contain_text("Cần có kết luận")
    page.fill("#section-conclusion", "Kích thước [...] mm.")
    page.keyboard.press("F10")
    expect(page.locator("#toasts")).to_contain_text("Còn chỗ chưa điền")
    page.fill("#section-conclusion", "Không thấy bất thường.")
    page.keyboard.press("F10")
    page.wait_for_url(lambda address: bool(re.search(r"/exams/\d+/$", address)) and first.address not in address)
    expect(page.locator("#report-head")).to_contain_text("Bạn đang đọc")
    assert api.status(first.number)["rights"]["amend"]


def test_a_prior_is_read_in_the_drawer_and_its_images_lie_beside(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    before = ready_exam(suite, api)
    api.report(before.number, findings="Ổ khuyết cũ.", conclusion="Nhồi máu ổ khuyết cũ.")
    order = replace(before.order, placer_order_number=unique("PL"), accession_number=unique("AC"))
    now = ready_exam(suite, api, order)
    page = radiologist.open(now.address)
    page.keyboard.press("F4")
    page.click("#drawer details[data-prior] summary")
    expect(page.locator("#drawer")).to_contain_text("Nhồi máu ổ khuyết cũ.")
    page.click("#drawer [data-compare]")
    frame = page.locator("#images iframe")
    expect(frame).to_have_attribute("src", re.compile(f"{re.escape(now.study_uid)},{re.escape(before.study_uid)}"))
    expect(page.frame_locator("#images iframe").locator("canvas")).not_to_have_count(1, timeout=60_000)


def test_popped_out_images_follow_the_exam_that_is_read(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    first, second = ready_exam(suite, api, images=2), ready_exam(suite, api, images=2)
    page = radiologist.open(first.address)
    with page.context.expect_page() as opened:
        page.click("#pop-out")
    window = opened.value
    expect(page.locator("#images")).to_have_class(re.compile("is-popped-out"))
    page.goto(suite.public_url + second.address)
    window.wait_for_url(f"**{second.address}images/")
    expect(window.locator("iframe")).to_have_attribute("src", re.compile(re.escape(second.study_uid)))
    window.close()
    expect(page.locator("#images iframe")).to_have_attribute("src", re.compile(re.escape(second.study_uid)))


def test_images_appear_by_themselves_on_an_exam_that_waits_for_them(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    order = an_order()
    place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    number = api.wait_for_exam(order.accession_number)
    page = radiologist.open(f"/exams/{number}/")
    expect(page.locator("#images")).to_contain_text("Chưa có ảnh")
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(AccessionNumber=order.accession_number)
    modality.store(acquire(scheduled, images=3))
    expect(page.locator("#images iframe")).to_have_attribute(
        "src", re.compile(re.escape(str(scheduled.StudyInstanceUID))), timeout=60_000
    )


def test_a_clinician_reads_and_changes_nothing(suite: RunningSuite, browser: Browser, api: RisUser) -> None:
    exam = ready_exam(suite, api)
    api.report(exam.number, conclusion="Không thấy bất thường.")
    with visitor(browser, suite, "lamsang", language="en") as clinician:
        page = clinician.open(exam.address)
        expect(page.locator("#section-conclusion")).to_have_value("Không thấy bất thường.")
        expect(page.locator("#section-conclusion")).not_to_be_editable()
        for action in ("claim", "take_over", "amend", "approve_final", "preview"):
            expect(page.locator(f"[data-action={action}]:visible")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "scheme", "size"),
    [("vi", "dark", DESK), ("en", "light", WIDE), ("vi", "dark", TABLET)],
)
def test_everybody_can_use_the_reading_page(
    suite: RunningSuite, browser: Browser, api: RisUser, language: Language, scheme: Scheme, size: ViewportSize
) -> None:
    exam = ready_exam(suite, api)
    with visitor(browser, suite, "bacsi", language=language, scheme=scheme, size=size) as radiologist:
        page = radiologist.open(exam.address)
        if scheme == "light":
            page.evaluate("document.documentElement.dataset.theme = 'light'")
        expect(page.frame_locator("#images iframe").locator("canvas").first).to_be_visible(timeout=60_000)
        claim(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        radiologist.photograph(f"reading-{language}-{scheme}-{size['width']}")
        assert _own_barriers(radiologist) == []
        if page.locator("#drawer").is_hidden():
            page.keyboard.press("F4")
        page.keyboard.press("F2")
        expect(page.locator("#template-list [role=option]").first).to_be_visible()
        assert _own_barriers(radiologist) == []


def test_dead_letters_are_an_inbox_and_sending_again_is_watched_live(
    suite: RunningSuite, browser: Browser, api: RisUser
) -> None:
    with SimulatedHis(host=suite.listen_host) as his:
        closed = his.port
    suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(closed))
    exam = ready_exam(suite, api)
    api.report(exam.number, conclusion="Không thấy bất thường.")
    with visitor(browser, suite, "quantri") as admin:
        page = admin.open("/deliveries/?box=retry")
        row = page.locator(".queue-row", has_text=exam.order.accession_number)
        expect(row).to_contain_text("Không nối được tới nơi nhận", timeout=30_000)
        row.locator("a").click()
        expect(page.locator("#queue-detail")).to_contain_text("Bản tin đã gửi")
        expect(page.locator("#queue-detail")).to_contain_text(exam.order.placer_order_number)
        assert admin.barriers() == []
        admin.photograph("deliveries-vi")
        with SimulatedHis(host=suite.listen_host) as his:
            suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
            page.click(".detail-actions button")
            expect(page.locator("#queue-detail .detail-head .state")).to_have_text("Đã nhận", timeout=30_000)
        expect(page.locator("#queue-detail")).to_contain_text("MSA-1")


def _own_barriers(seen: Visitor) -> list[str]:
    """What axe finds in our page; OHIF's own elements in the frame are not ours to mend."""
    return [line for line in seen.barriers() if "frame" not in line.split(":")[0]]
