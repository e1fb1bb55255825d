"""A refused order in the inbox of messages: seen live, corrected, applied once; the sender's repetition is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, TABLET, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.orders import an_order

pytestmark = pytest.mark.integration


def test_a_refused_order_is_corrected_and_applied_by_a_person(suite: RunningSuite, browser: Browser) -> None:
    good = an_order()
    wrong = replace(good, service_code="CT.SAI", modality="").message()
    with visitor(browser, suite, "quantri", scheme="dark") as admin:
        page = admin.open("/messages/")
        assert acknowledgement_code(place_order(wrong, host=suite.mllp.host, port=suite.mllp.port)) == "AE"
        row = page.locator(".queue-row", has_text=good.patient_id)
        page.goto(f"{suite.public_url}/messages/?q={good.accession_number}")
        page.locator(".queue-row a").click()
        expect(page.locator("#queue-detail")).to_contain_text("OBR^1^4")
        assert admin.barriers() == []
        admin.photograph("messages-waiting-vi-dark")
        page.click(".correction summary")
        text = page.input_value(".correction textarea")
        page.fill(".correction textarea", text.replace("CT.SAI", "CT.KHONGCO"))
        page.click(".correction button.primary")
        expect(page.locator("#correction-error")).to_contain_text("OBR-4")
        assert "CT.KHONGCO" in page.input_value(".correction textarea")
        admin.photograph("messages-correction-vi-dark")
        page.fill(".correction textarea", text.replace("CT.SAI", good.service_code))
        page.click(".correction button.primary")
        expect(page.locator("#queue-detail")).to_contain_text("Đã chạy lại")
        expect(row).to_have_count(0)
        page.goto(f"{suite.public_url}/messages/?box=applied&q={good.accession_number}")
        page.locator(".queue-row a").click()
        page.locator(".effects a", has_text="Nhận chỉ định").click()
        expect(page.locator("h1")).to_have_text(good.accession_number)
    assert acknowledgement_code(place_order(wrong, host=suite.mllp.host, port=suite.mllp.port)) == "AA"


def test_the_inbox_speaks_english_and_fits_a_tablet(suite: RunningSuite, browser: Browser) -> None:
    wrong = replace(an_order(), service_code="CT.SAI", modality="").message()
    assert acknowledgement_code(place_order(wrong, host=suite.mllp.host, port=suite.mllp.port)) == "AE"
    for size in (DESK, TABLET):
        with visitor(browser, suite, "quantri", size=size, language="en") as admin:
            page = admin.open("/messages/")
            expect(page.locator("h1")).to_have_text("Messages")
            page.locator(".queue-row a").first.click()
            expect(page.locator("#queue-detail")).to_contain_text("Correct and replay")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert admin.barriers() == []
            assert admin.complaints == []
            admin.photograph(f"messages-en-{size['width']}")
            admin.open("/admin/")
            expect(page.locator(".figure").first).to_have_attribute("href", "/messages/")
            assert admin.barriers() == []
            admin.photograph(f"dashboard-en-{size['width']}")
