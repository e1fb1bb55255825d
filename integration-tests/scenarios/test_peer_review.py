"""Peer review in the browser: drawn by rule, scored by another without a name, seen by the senior, told to its reader;
the report stays as it was (R4)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import TABLET, visitor
from ris_testing.orders import an_order
from ris_testing.ready_exams import ready_exam
from ris_testing.ris_user import log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]

SERVICE = ("CT.BINHDUYET", "Chụp CLVT bình duyệt", "CT")
REASON = "Có ổ giảm tỷ trọng ở lát 12"


def test_a_drawn_report_is_scored_and_seen_by_whom_it_concerns(suite: RunningSuite, browser: Browser) -> None:
    with visitor(browser, suite, "truongnhom") as senior:
        page = senior.open("/peer-reviews/rules/")
        page.fill("[name=service_code]", SERVICE[0])
        page.fill("[name=percent]", "101")
        page.click("form.card .primary")
        expect(page.locator("#percent-error")).to_be_visible()
        page.fill("[name=percent]", "100")
        page.click("form.card .primary")
        expect(page.locator(".grid")).to_contain_text(SERVICE[0])
        assert senior.barriers() == []
        senior.photograph("peer-review-rules")
    reader = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    exam = ready_exam(suite, reader, an_order().for_service(*SERVICE))
    reader.report(exam.number, findings="Nhu mô não bình thường.", conclusion="Không thấy bất thường.")
    before = reader.status(exam.number)["texts"]

    with visitor(browser, suite, "bacsi2", size=TABLET, scheme="dark") as reviewer:
        page = reviewer.open("/peer-reviews/")
        page.locator("tr", has_text=SERVICE[1]).locator("a.primary").click()
        expect(page.locator(".card").first).to_contain_text("Không thấy bất thường.")
        assert "Bác sĩ CĐHA " not in page.locator("#content").inner_text().replace("Bác sĩ CĐHA 2", "")
        page.check("[name=score][value='2b']")
        page.click("form.card .primary")
        expect(page.locator("#reason-error")).to_be_visible()
        assert reviewer.barriers() == []
        reviewer.photograph("peer-review-form")
        page.fill("[name=reason]", REASON)
        page.click("form.card .primary")
        expect(page.locator("#content")).not_to_contain_text(SERVICE[1])

    with visitor(browser, suite, "truongnhom", language="en") as senior:
        page = senior.open("/peer-reviews/results/")
        expect(page.locator(".table-card").last).to_contain_text(REASON)
        assert senior.barriers() == []
        senior.photograph("peer-review-results")
    told = reader.get("/peer-reviews/").text
    assert REASON in told
    assert "Bác sĩ CĐHA 2" not in told
    assert reader.get("/peer-reviews/results/").status_code == 403
    assert reader.status(exam.number)["texts"] == before
