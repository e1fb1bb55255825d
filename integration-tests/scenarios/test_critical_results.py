"""A critical finding: told, not acknowledged in time, escalated, acknowledged by who may, with the HIS told of each
step and all of it written down (R4, R8)."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import visitor
from ris_testing.his import SimulatedHis
from ris_testing.ready_exams import ready_exam
from ris_testing.ris_user import log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

FINDING = "Tràn khí màng phổi áp lực bên phải"
EVENTS = ("critical.flagged", "critical.escalated", "critical.acknowledged")

NOW_DUE = """
from django.utils import timezone
from ris_core.critical_results.models import CriticalResult
from ris_core.jobs.models import Job
critical = CriticalResult.objects.get(procedure={exam})
CriticalResult.objects.filter(pk=critical.pk).update(due_at=timezone.now())
Job.objects.filter(kind="escalate_critical", subject_id=str(critical.pk)).update(run_at=timezone.now())
"""
"""The time to acknowledge is over."""

LEVEL = "from ris_core.critical_results.models import CriticalResult as C; print(C.objects.get(procedure={exam}).level)"

TRAIL = """
import json
from ris_core.audit.models import AuditEvent
events = AuditEvent.objects.filter(action__startswith="critical.", details__procedure={exam}).order_by("at")
print(json.dumps([[event.action, event.actor] for event in events]))
"""


def test_nobody_answers_it_is_escalated_and_the_right_person_acknowledges(
    suite: RunningSuite, browser: Browser
) -> None:
    reader = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    technologist = log_in(suite.public_url, suite.demo_logins(), "TECHNOLOGIST")
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        with visitor(browser, suite, "quantri") as administrator:
            page = administrator.open("/admin/receivers/new/")
            page.fill("[name=code]", "NGUYCAP")
            page.fill("[name=name]", "HIS, nguy cấp")
            page.select_option("[name=transport]", "HL7_STATUS")
            page.select_option("[name=address]", "HIS")
            for event in EVENTS:
                page.check(f"[name=events][value='{event}']")
            assert administrator.barriers() == []
            administrator.photograph("receiver-form")
            page.click(".form-card .primary")
            expect(page.locator(".grid")).to_contain_text("NGUYCAP")
        exam = ready_exam(suite, reader)

        with visitor(browser, suite, "bacsi") as radiologist:
            page = radiologist.open(f"/exams/{exam.number}/critical")
            page.fill("[name=finding]", FINDING)
            page.click("form.card .primary")
            expect(page.locator("#report-head")).to_contain_text("Có kết quả nguy cấp chưa ai xác nhận")

        with visitor(browser, suite, "lamsang") as clinician:
            page = clinician.open("/criticals/")
            row = page.locator("tbody tr", has_text=FINDING)
            expect(row).to_have_count(1)
            suite.python(NOW_DUE.format(exam=exam.number))
            wait_until(lambda: suite.python(LEVEL.format(exam=exam.number)).strip() == "1", "it is escalated")
            page.reload()
            expect(row.locator("td").nth(4)).to_have_text("1")
            assert clinician.barriers() == []
            clinician.photograph("criticals-escalated")

            assert technologist.get("/criticals/").status_code == 403
            address = row.locator("form").get_attribute("action")
            refused = technologist.session.post(
                f"{suite.public_url}{address}",
                data={"csrfmiddlewaretoken": technologist.csrf("/")},
                headers={"Referer": suite.public_url},
                timeout=20,
            )
            assert refused.status_code == 403

            row.locator("[name=received_by]").fill("Điều dưỡng trực khoa Cấp cứu")
            row.get_by_role("button", name="Xác nhận").click()
            done = page.locator(".table-card", has_text="Vừa xác nhận")
            expect(done).to_contain_text("Điều dưỡng trực khoa Cấp cứu")
            expect(done).to_contain_text("Bác sĩ lâm sàng")

        def told() -> list[str]:
            messages = [m for m in his.accepted().values() if m.field("MSH", 9).startswith("ORM")]
            mine = [m for m in messages if m.field("ORC", 2).split("^")[0] == exam.order.placer_order_number]
            return [message.field("ORC", 16).split("^")[0] for message in mine]

        wait_until(lambda: len(told()) == len(EVENTS), "the HIS is told of each step")
        assert tuple(told()) == EVENTS
        assert FINDING not in str([message.segments for message in his.accepted().values()])
    trail = json.loads(suite.python(TRAIL.format(exam=exam.number)))
    assert trail == [
        ["critical.flagged", "bacsi"],
        ["critical.escalated", "system"],
        ["critical.acknowledged", "lamsang"],
    ]
    assert "Có kết quả nguy cấp" not in reader.status(exam.number)["head"]
