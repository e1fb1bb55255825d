"""A report corrected after its return: the HIS has both versions in order, the earlier one stays (R4, R6)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import visitor
from ris_testing.his import SimulatedHis
from ris_testing.reading import SAVED, ready_exam
from ris_testing.ris_user import log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]

FIRST, CORRECTED = "Không thấy bất thường.", "Gãy cung sau xương sườn 7 bên phải."


def test_a_returned_report_is_corrected_and_every_version_can_be_seen(suite: RunningSuite, browser: Browser) -> None:
    api = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        exam = ready_exam(suite, api, images=2)
        api.report(exam.number, findings="Khung xương bình thường.", conclusion=FIRST)
        with visitor(browser, suite, "bacsi") as radiologist:
            page = radiologist.open(exam.address)
            expect(page.locator("#report-head .in-force")).to_contain_text("Đã nhận", timeout=60_000)
            page.click("[data-action=amend]")
            expect(page.locator("#section-conclusion")).to_be_editable()
            page.fill("#section-conclusion", CORRECTED)
            expect(page.locator("#saving")).to_have_text(SAVED)
            with visitor(browser, suite, "lamsang") as clinician:
                seen = clinician.open(exam.address)
                expect(seen.locator("#section-conclusion")).to_have_value(FIRST)  # in force until it is corrected
                page.keyboard.press("F9")
                expect(page.locator("#report-head")).to_contain_text("Bản 2 do")
                expect(seen.locator("#section-conclusion")).to_have_value(CORRECTED)
            expect(page.locator("#report-head .in-force")).to_contain_text("Đã nhận", timeout=60_000)
            page.click("[data-action=history]")
            history = page.locator("#history")
            expect(history.locator(".version")).to_have_count(2)
            expect(history.locator("del").first).to_contain_text("Không thấy bất thường")
            expect(history.locator("ins").first).to_contain_text("Gãy cung sau")
            history.locator("select[name=older]").select_option("v2")
            history.locator("select[name=newer]").select_option("v1")
            expect(history.locator("[data-compared] del")).to_contain_text(["Không thấy bất thường"])
            radiologist.photograph("history")
            assert [line for line in radiologist.barriers() if "frame" not in line.split(":")[0]] == []
            for number in (1, 2):
                pdf = page.request.get(f"{suite.public_url}{exam.address}versions/{number}/report.pdf", timeout=60_000)
                while pdf.status == 202:
                    pdf = page.request.get(pdf.url, timeout=60_000)
                assert pdf.body().startswith(b"%PDF-")
        results = [
            message
            for message in his.accepted().values()
            if any(exam.order.placer_order_number in field for segment in message.all("OBR") for field in segment)
        ]
        assert [message.field("OBR", 25) for message in results] == ["F", "C"]
        assert [CORRECTED in "|".join("|".join(row) for row in message.all("OBX")) for message in results] == [
            False,
            True,
        ]
