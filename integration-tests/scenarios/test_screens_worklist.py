"""The shell and its screens in a browser: live rows, keyboard, search, languages, themes, small screens."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, TABLET, Language, Scheme, Visitor, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire, study_of
from ris_testing.orders import VIETNAM, Order, an_order, unique

pytestmark = pytest.mark.integration


def _order(suite: RunningSuite, order: Order | None = None) -> Order:
    placed = order or an_order()
    answer = place_order(placed.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA", answer
    return placed


def _row(page: Page, order: Order) -> str:
    return f'#exam-rows tr:has-text("{order.accession_number}")'


def test_an_order_and_its_images_appear_without_a_reload(suite: RunningSuite, radiologist: Visitor) -> None:
    # the list shows a week ahead: at its end, nothing that other scenarios have ordered stands above
    order = an_order().stat().at(datetime.now(VIETNAM) + timedelta(days=6, hours=20))
    page = radiologist.open("/?sort=newest")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.evaluate("window.sameDocument = true")
    _order(suite, order)
    expect(page.locator("#news")).to_be_visible()
    assert page.locator(_row(page, order)).count() == 0, "rows must not move by themselves"
    page.click("#news")
    row = page.locator(_row(page, order))
    expect(row.locator(".c-state")).to_have_text("Đã chỉ định")

    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [answer] = modality.find_worklist(PatientID=order.patient_id)
    assert modality.store(acquire(answer, images=5)) == 5
    expect(row.locator(".c-images")).to_have_text("5", timeout=30_000)
    expect(row.locator(".c-state")).to_have_text("Chờ đọc", timeout=60_000)
    assert page.evaluate("window.sameDocument") is True
    assert radiologist.complaints == []


def test_the_keyboard_alone_reaches_everything(suite: RunningSuite, radiologist: Visitor) -> None:
    order = _order(suite)
    page = radiologist.open(f"/?q={order.accession_number}")
    page.keyboard.press("j")
    expect(page.locator('#exam-rows tr[aria-selected="true"]')).to_contain_text(order.accession_number)
    page.keyboard.press(" ")
    expect(page.locator("#preview")).to_contain_text(order.placer_order_number)
    expect(page.locator("#preview")).to_contain_text("Nhận chỉ định")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_contain_text("Xem nhanh ca đang chọn")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("chua khop")
    expect(page.locator("#palette-list li").first).to_contain_text("Chưa khớp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/unmatched/")
    page.go_back()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/exams/*/")


def test_search_finds_as_one_types_and_the_address_can_be_sent(suite: RunningSuite, radiologist: Visitor) -> None:
    order = _order(suite, an_order().for_patient(an_order().patient_id, "QUÁCH^THỊ ĐOAN TRANG", "19790203", "F"))
    page = radiologist.open("/")
    page.keyboard.press("/")
    page.keyboard.type("trang quach doan")
    expect(page.locator("#exam-rows tr[data-exam]").first).to_contain_text("QUÁCH THỊ ĐOAN TRANG")
    expect(page.locator(_row(page, order))).to_be_visible()
    page.wait_for_url("**q=trang+quach+doan*")
    page.reload()
    expect(page.locator(_row(page, order))).to_be_visible()
    page.click("[data-clear-search]")
    expect(page.locator("#search")).to_have_value("")


def test_columns_stay_as_one_chose_them(radiologist: Visitor) -> None:
    page = radiologist.open("/")
    heading = page.locator("th.c-accession")
    expect(heading).to_be_visible()
    page.click(".columns summary")
    page.uncheck('[data-column="accession"]')
    expect(heading).to_be_hidden()
    page.reload()
    expect(heading).to_be_hidden()
    page.click(".columns summary")
    page.click("[data-usual-columns]")
    expect(heading).to_be_visible()


def test_who_works_in_a_page_is_not_logged_out_as_idle(radiologist: Visitor) -> None:
    """Q1."""
    page = radiologist.page
    page.clock.install()
    radiologist.open("/")
    page.clock.fast_forward(125_000)
    with page.expect_response("**/in-use/") as told:
        page.keyboard.press("ArrowDown")
    assert told.value.status == 204


def test_a_study_without_order_is_linked_by_hand_and_the_link_is_undone(
    browser: Browser, suite: RunningSuite, radiologist: Visitor
) -> None:
    family = unique("HỌ")
    order = _order(suite, an_order().for_patient(unique("BN"), f"{family}^VĂN AN", "19801121", "M"))
    images = study_of(
        images=3, PatientID="", PatientName=order.patient_name, PatientBirthDate=order.birth_date,
        PatientSex=order.sex, AccessionNumber="",
    )  # fmt: skip
    assert Modality("CT1", suite.dicom.host, suite.dicom.port).store(images) == 3
    with visitor(browser, suite, "ktv") as technologist:
        page = technologist.page
        for _ in range(60):
            technologist.open(f"/unmatched/?q={family}")
            mine = page.locator(f'.queue-row:has-text("{family}") > a').first
            if mine.count():
                break
            page.wait_for_timeout(1000)
        mine.click()
        expect(page.locator(".reason")).to_contain_text("Chưa khớp")
        page.fill("#order-search", order.accession_number)
        page.click('.possibility:has-text("Giống") .link-form button >> nth=0')
        undo = page.locator('.undo:has-text("Hoàn tác")').first
        expect(undo).to_be_visible()
        undo.locator("button").click()
        expect(page.locator("#toasts")).to_contain_text("Đã gỡ khớp")


SCREENS = (
    "/",
    "/?when=all&q=zzz",
    "/unmatched/",
    "/devices/",
    "/devices/new/",
    "/messages/",
    "/admin/jobs/",
    "/admin/matching/",
    "/nowhere/",
)


@pytest.mark.parametrize(
    ("scheme", "language", "size"), [("light", "vi", DESK), ("dark", "en", DESK), ("dark", "vi", TABLET)]
)
def test_no_screen_shuts_anybody_out(
    browser: Browser, suite: RunningSuite, scheme: Scheme, language: Language, size: ViewportSize
) -> None:
    _order(suite)
    with visitor(browser, suite, "quantri", size=size, scheme=scheme, language=language) as seen:
        barriers = []
        for path in SCREENS:
            seen.open(path)
            barriers += [f"{path} {barrier}" for barrier in seen.barriers()]
            seen.photograph(f"{path.strip('/').split('?')[0].replace('/', '-') or 'worklist'}-{language}-{scheme}")
            width = seen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert width <= 0, f"{path} is wider than the screen"
        assert barriers == []
        assert [text for text in seen.complaints if "404" not in text] == []
        if language == "en":
            seen.open("/")
            seen.page.click("#user-menu summary")
            seen.page.click('#user-menu button[value="vi"]')


def test_the_login_page_shuts_nobody_out(browser: Browser, suite: RunningSuite) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=DESK, color_scheme=scheme)
        seen = Visitor(context.new_page(), suite.public_url)
        seen.open("/login/")
        assert seen.barriers() == []
        seen.photograph(f"login-vi-{scheme}")
        context.close()
