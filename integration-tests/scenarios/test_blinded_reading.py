"""Two readers, blinded: the second finds no word of the first anywhere; the disagreement is kept; the last word stands
and is returned (R4)."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor, visitor
from ris_testing.his import SimulatedHis
from ris_testing.orders import an_order
from ris_testing.program import Program, make_api_key
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

SERVICE = ("CT.HAIDOC", "Chụp CLVT đọc hai lần", "CT")
WORD = "Zymolith"
"""What only the first reader writes."""
SAVED = re.compile(r"Đã lưu \d\d:\d\d:\d\d")


def _user(suite: RunningSuite, username: str) -> RisUser:
    login = next(login for login in suite.demo_logins()["logins"] if login["username"] == username)
    return RisUser(suite.public_url, username, login["password"])


def _rule_made(administrator: Visitor) -> None:
    page = administrator.open("/admin/reading-rules/")
    page.fill("[name=service_code]", SERVICE[0])
    page.check("[name=blinded]")
    page.click("form.card .primary")
    expect(page.locator(".grid").first).to_contain_text(SERVICE[0])
    assert administrator.barriers() == []


def _claimed(visitor_: Visitor, exam: ReadyExam) -> Page:
    page = visitor_.open(exam.address)
    page.keyboard.press("c")
    expect(page.locator("#section-conclusion")).to_be_editable()
    return page


def _typed(page: Page, conclusion: str) -> None:
    page.fill("#section-conclusion", conclusion)
    expect(page.locator("#saving")).to_have_text(SAVED)


def _heard(reader: RisUser, position: str) -> str:
    """What the live feed tells of everything since ``position``."""
    with requests.get(
        f"{reader.public_url}/events?after={position}", cookies=reader.session.cookies, stream=True, timeout=20
    ) as stream:
        for line in stream.iter_lines(decode_unicode=True):
            if line.startswith("data: ["):
                return str(line)
    raise AssertionError("the feed told nothing")


def _traces(reader: RisUser, program: Program, exam: ReadyExam, position: str) -> dict[str, str]:
    """Every place where a reader could learn of another's opinion → what it says."""
    patient = re.search(r"/patients/(\d+)/history", reader.get(f"/worklist/{exam.number}/").text)
    assert patient is not None
    number = exam.number
    pages = {
        "page": exam.address,
        "status": f"/exams/{number}/status",
        "print preview": f"/exams/{number}/preview.pdf",
        "list": f"/?q={exam.order.accession_number}&date=all",
        "row preview": f"/worklist/{number}/",
        "history of versions": f"/exams/{number}/versions",
        "returns": f"/exams/{number}/return/",
        "measurements": f"/exams/{number}/measurements",
        "patient": f"/patients/{patient[1]}/",
        "history": f"/patients/{patient[1]}/history/",
        "compare": f"/compare/?exams={number}",
        "criticals": "/criticals/",
    }
    found = {name: reader.get(path).text for name, path in pages.items()}
    found["search in reports"] = str(reader.get(f"/?report={WORD}&date=all").text.count(exam.address) or "")
    found["live feed"] = _heard(reader, position)
    found["REST"] = program.call("GET", f"/api/v1/orders/{number}/report").text
    found["FHIR"] = program.call("GET", "/fhir/DiagnosticReport").text
    viewer = reader.session.get(
        f"{reader.public_url}/dicom-web/studies/{exam.study_uid}/series",
        headers={"Accept": "application/dicom+json"}, timeout=20,
    )  # fmt: skip
    found["series in the viewer"] = str(
        [each["00080060"] for each in viewer.json() if "CT" not in str(each["00080060"])]
    )
    return found


def test_a_blinded_second_reader_judges_the_first_and_has_the_last_word(suite: RunningSuite, browser: Browser) -> None:
    with visitor(browser, suite, "quantri") as administrator:
        _rule_made(administrator)
    first_api, second_api = _user(suite, "bacsi"), _user(suite, "bacsi2")
    key = make_api_key(
        log_in(suite.public_url, suite.demo_logins(), "ADMINISTRATOR"), "HIS|BVQ", ("orders:read", "reports:read")
    )
    program = Program(suite.public_url, key)
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        exam = ready_exam(suite, first_api, an_order().for_service(*SERVICE))
        position = suite.python("from ris_webapp.feed import newest_position; print(newest_position())").strip()
        with visitor(browser, suite, "bacsi") as first:
            page = _claimed(first, exam)
            _typed(page, f"{WORD} phổi phải.")
            page.goto(f"{suite.public_url}/exams/{exam.number}/critical")
            page.fill("[name=finding]", f"{WORD} lớn")
            page.click("form.card .primary")
            expect(page.locator("#section-conclusion")).to_have_value(f"{WORD} phổi phải.")
            assert {
                name: text for name, text in _traces(second_api, program, exam, position).items() if WORD in text
            } == {}
            first.photograph("blinded-first-reader")
            page.get_by_role("button", name="Chốt lần đọc này").click()
            expect(page.locator("#report-head")).to_contain_text("Đọc lần 2/2")
            expect(page.locator("#section-conclusion")).not_to_be_editable()
        found = _traces(second_api, program, exam, position)
        assert {name: text for name, text in found.items() if WORD in text} == {}
        assert (found["search in reports"], found["series in the viewer"]) == ("", "[]")
        assert f'"id":{exam.number}' in found["live feed"]

        with visitor(browser, suite, "bacsi2") as second:
            page = _claimed(second, exam)
            _typed(page, "Viêm phổi thuỳ.")
            second.photograph("blinded-second-reader")
            assert WORD not in page.content()
            page.keyboard.press("F9")  # no report before one's own opinion
            expect(page.locator("#report-head")).not_to_contain_text("Bản 1")
            page.get_by_role("button", name="Chốt lần đọc này").click()
            opinion = page.locator("#report-head details.indication", has_text="Lần 1")
            opinion.locator("summary").click()
            expect(opinion).to_contain_text(f"{WORD} phổi phải.")
            opinion.locator("select").select_option("MAJOR")
            opinion.get_by_role("button", name="Ghi nhận").click()
            expect(opinion.locator("summary")).to_contain_text("Khác nhiều")
            second.photograph("blinded-opened")
            page.keyboard.press("F9")
            expect(page.locator("#report-head")).to_contain_text("Bản 1 do ThS.BS. Bác sĩ CĐHA 2 duyệt")

        def results() -> list[str]:
            sent = his.accepted().values()
            return [
                str(message.segments) for message in sent if exam.order.placer_order_number in str(message.segments)
            ]

        wait_until(lambda: bool(results()), "the HIS has the result")
        assert all("Viêm phổi thuỳ." in result and WORD not in result for result in results())
    kept = suite.python(
        "from ris_core.second_readings.models import Opinion;"
        f"found = Opinion.objects.filter(procedure={exam.number}).order_by('position');"
        "print(list(found.values_list('plain_text', 'agreement')))"
    )
    assert WORD in kept
    assert "MAJOR" in kept
    assert WORD not in _user(suite, "lamsang").get(f"/exams/{exam.number}/status").text
