"""The list of exams in a browser: choose exams, tag and collect them, undo, saved lists, columns, further filters."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import TABLET, Visitor, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order, unique

pytestmark = pytest.mark.integration


def _orders(suite: RunningSuite, count: int) -> tuple[str, list[Order]]:
    """Orders of patients with a name of their own."""
    family = "HỌ" + unique("").translate(str.maketrans("0123456789", "GHIKLMNOPQ"))
    orders = []
    for given in ("AN", "BÌNH", "CHÂU")[:count]:
        order = an_order().for_patient(unique("BN"), f"{family}^THỊ {given}", "19790203", "F")
        answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
        assert acknowledgement_code(answer) == "AA", answer
        orders.append(order)
    return family, orders


def _lists(page: Page) -> None:
    if page.get_attribute(".worklist", "data-side") != "open":
        page.keyboard.press("l")
    expect(page.locator("#lists li").first).to_be_visible()


def test_exams_are_chosen_tagged_collected_and_put_back_by_keyboard(suite: RunningSuite, radiologist: Visitor) -> None:
    family, orders = _orders(suite, 3)
    page = radiologist.open(f"/?q={family}")
    _lists(page)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("2 ca đã chọn")
    tag, folder = unique("thẻ "), unique("hồ sơ ")
    page.keyboard.press("t")
    page.keyboard.type(tag)
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("cho 2 ca")
    expect(page.locator(f'#lists li:has-text("{tag}") small')).to_have_text("2")
    page.keyboard.press("f")
    page.keyboard.type(folder)
    page.keyboard.press("Enter")
    expect(page.locator(f'#lists li:has-text("{folder}") small')).to_have_text("2")
    assert radiologist.barriers() == []
    radiologist.photograph("lists-chosen-vi-light")
    page.keyboard.press("u")
    expect(page.locator(f'#lists li:has-text("{folder}") small')).to_have_text("0")
    page.click(f'#lists li:has-text("{tag}") a')
    page.wait_for_url("**tag=*")
    expect(page.locator("#exam-rows tr[data-exam]")).to_have_count(2)
    expect(page.locator("#exam-rows tr[data-chosen]")).to_have_count(2)
    page.click('[data-bulk-remove="untag"]')
    expect(page.locator("#exam-rows tr[data-exam]")).to_have_count(0)
    page.click('#toasts button:has-text("Hoàn tác")')
    expect(page.locator("#exam-rows tr[data-exam]")).to_have_count(2)
    assert len(orders) == 3
    assert radiologist.complaints == []


def test_a_list_is_narrowed_saved_and_its_count_follows(suite: RunningSuite, radiologist: Visitor) -> None:
    family, _ = _orders(suite, 1)
    page = radiologist.open(f"/?q={family}")
    _lists(page)
    page.keyboard.press("b")
    page.fill('#refine [name="service"]', "so nao")
    page.select_option('#refine [name="region"]', "HEAD")
    page.click("#refine .primary")
    page.wait_for_url("**region=HEAD*")
    expect(page.locator(".chip.removable").first).to_contain_text("so nao")
    name = unique("Sọ não ")
    page.click(".save-list summary")
    page.fill('#save-list [name="name"]', name)
    page.keyboard.press("Enter")
    entry = page.locator(f'#lists li:has-text("{name}")')
    expect(entry.locator("a")).to_have_attribute("aria-current", "true")
    expect(entry.locator("small")).to_have_text("1")
    place_order(
        an_order().for_patient(unique("BN"), f"{family}^VĂN DŨNG", "19790203", "M").message(),
        host=suite.mllp.host,
        port=suite.mllp.port,
    )
    expect(entry.locator("small")).to_have_text("2", timeout=60_000)
    entry.locator("[data-delete]").click()
    expect(entry).to_have_count(0)
    page.click('#toasts button:has-text("Hoàn tác")')
    expect(entry).to_have_count(1)
    assert radiologist.complaints == []


def test_columns_are_put_in_order_for_the_user_and_back(radiologist: Visitor) -> None:
    page = radiologist.open("/")
    page.click(".columns summary")
    page.click('.column-entry[data-name="accession"] [data-move="-1"]')
    expect(page.locator("#exam-table th").nth(4)).to_have_class("c-accession")
    page.reload()
    expect(page.locator("#exam-table th").nth(4)).to_have_class("c-accession")
    page.click(".columns summary")
    page.click("[data-usual-columns]")
    expect(page.locator("#exam-table th").nth(4)).to_have_class("c-age")
    assert radiologist.complaints == []


def test_the_lists_shut_nobody_out(browser: Browser, suite: RunningSuite) -> None:
    _orders(suite, 2)
    with visitor(browser, suite, "bacsi", size=TABLET, scheme="dark", language="en") as seen:
        page = seen.open("/")
        _lists(page)
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("t")
        seen.photograph("lists-en-dark-tablet")
        assert seen.barriers() == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.click("#user-menu summary")
        page.click('#user-menu button[value="vi"]')


def test_two_exams_of_a_patient_and_one_of_another_are_compared(
    browser: Browser, suite: RunningSuite, radiologist: Visitor
) -> None:
    person = unique("BN")
    orders = [an_order().for_patient(person, "QUÁCH^THỊ SO SÁNH", "19790203", "F") for _ in range(2)]
    orders.append(an_order().for_patient(unique("BN"), "LƯƠNG^VĂN ĐỐI CHIẾU", "19600101", "M"))
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    for order in orders:
        answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
        assert acknowledgement_code(answer) == "AA", answer
        scheduled = {each.AccessionNumber: each for each in modality.find_worklist(PatientID=order.patient_id)}
        assert modality.store(acquire(scheduled[order.accession_number], images=3)) == 3
    page = radiologist.open(f"/?q={person}")
    expect(page.locator("#exam-rows .c-state:has-text('Chờ đọc')")).to_have_count(2, timeout=120_000)
    page.keyboard.press("j")
    page.keyboard.press(" ")
    page.click('#preview a[href$="/history/"]')
    page.wait_for_url("**/history/")
    for box in page.locator('[name="exams"]').all():
        box.check()
    radiologist.photograph("history-vi-light")
    assert radiologist.barriers() == []
    page.click("button.primary")
    page.wait_for_url("**/compare/?**")
    expect(page.locator("iframe")).to_have_count(1)
    fields = page.frame_locator("iframe").locator('[data-cy="viewport-pane"]')
    expect(fields).to_have_count(2, timeout=120_000)
    for field in (0, 1):
        expect(fields.nth(field).locator("canvas").first).to_be_visible(timeout=120_000)
    expect(page.locator(".compared-reports th b")).to_have_count(2)
    radiologist.photograph("compare-vi-light")
    with visitor(browser, suite, "bacsi", size=TABLET, scheme="dark", language="en") as seen:
        page = seen.open("/?q=" + orders[0].accession_number)
        first = page.get_attribute("#exam-rows tr[data-exam]", "data-exam")
        expect(page.locator("#exam-rows tr[data-exam]")).to_have_count(1)
        seen.open("/?q=" + orders[2].accession_number)
        second = page.get_attribute("#exam-rows tr[data-exam]", "data-exam")
        seen.open(f"/compare/?exams={first},{second}")
        expect(page.locator("iframe")).to_have_count(2)
        expect(page.locator(".persons")).to_contain_text("2 different patients")
        for frame in (0, 1):
            inside = page.frame_locator("iframe").nth(frame)
            expect(inside.locator("canvas").first).to_be_visible(timeout=120_000)
        seen.photograph("compare-persons-en-dark-tablet")
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.click("#user-menu summary")
        page.click('#user-menu button[value="vi"]')
