"""A doctor outside is told by mail, reads result and images on a telephone, until their number is taken off (F4, R13);
the exam's dose report is counted, and a ward is told of the same result by mail (R7, R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_core.doses.tests.rdsr import ct_report, file_of
from ris_testing.backends import RunningSuite, chosen_backend
from ris_testing.browser import Visitor, answered, telephone, visitor
from ris_testing.mail_server import MailServer
from ris_testing.modality import Modality
from ris_testing.orders import Order, an_order
from ris_testing.ready_exams import ready_exam
from ris_testing.ris_user import log_in
from ris_testing.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.once,
    pytest.mark.skipif(chosen_backend() == "containers", reason="the mail server listens on this machine's loopback"),
]

PATIENCE_MS = 60_000
DOCTOR, NUMBER, ISSUER, MAILBOX, WARD = "bsgui", "PK-0042", "PKDT", "hoa@example.org", "noi@example.org"
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)
_SET_UP = f"""
from ris_core.accounts.models import User
from ris_core.audit.services import SYSTEM
from ris_core.notifications.receivers import ReceiverRegistration, register_receiver
from ris_core.notifications.rules import Event, Transport
User.objects.filter(username="{DOCTOR}").update(email="{MAILBOX}")
register_receiver(ReceiverRegistration(code="NOI", name="Khoa Noi", events=frozenset([Event.REPORT_FINAL]),
                                       transport=Transport.EMAIL, address="{WARD}"), SYSTEM)
print(User.objects.get(username="{DOCTOR}").pk)
"""


def a_dose_report(order: Order, study_uid: str) -> Dataset:
    """A CT's radiation dose SR (PS3.16 TID 10011) in the exam's study."""
    report = dcmread(BytesIO(file_of(ct_report(321.5, [(generate_uid(), 42.0)]))))
    report.StudyInstanceUID, report.SeriesInstanceUID = study_uid, generate_uid()
    report.PatientID, report.PatientName, report.PatientBirthDate = order.patient_id, order.patient_name, "19801121"
    report.PatientSex, report.AccessionNumber = order.sex, order.accession_number
    report.SeriesNumber, report.InstanceNumber = 99, 1
    report.SpecificCharacterSet = "ISO_IR 192"
    return report


@contextmanager
def doctors_telephone(browser: Browser, suite: RunningSuite) -> Iterator[Visitor]:
    """The doctor's telephone, logged in."""
    password = next(user["password"] for user in suite.demo_logins()["logins"] if user["username"] == DOCTOR)
    with telephone(browser, suite) as seen:
        seen.open("/referred/")
        seen.page.fill("[name=username]", DOCTOR)
        seen.page.fill("[name=password]", password)
        seen.page.click("button.primary")
        seen.page.wait_for_url("**/referred/")
        yield seen


def test_a_result_reaches_the_doctor_who_sent_the_patient_and_nobody_else(
    new_suite: Callable[[Mapping[str, str]], RunningSuite], browser: Browser, tmp_path: Path
) -> None:
    with MailServer(tmp_path, "none") as mail:
        settings = {"HOST": "127.0.0.1", "PORT": str(mail.port), "SECURITY": "none"}
        suite = new_suite({f"QUANG_MAIL__{name}": value for name, value in settings.items()})
        doctor_id = int(suite.python(_SET_UP))
        reader = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
        order = replace(an_order(), physician=f"{NUMBER}^LÊ^THỊ HOA^^^^^^{ISSUER}")
        exam, other = ready_exam(suite, reader, order), ready_exam(suite, reader)

        with visitor(browser, suite, "quantri") as desk:
            page = desk.open(f"/admin/users/{doctor_id}/practitioner/")
            page.set_default_timeout(PATIENCE_MS)
            page.fill("[name=identifier]", NUMBER)
            page.click("button.primary:has-text('Nối')")
            expect(page.locator("body")).to_contain_text("Hiện có 1 phiếu ghi mã này")
            desk.photograph("practitioner")
            assert desk.barriers() == []

            Modality("CT1", suite.dicom.host, suite.dicom.port).store([a_dose_report(order, exam.study_uid)])
            for each in (exam, other):
                reader.report(each.number, findings="Nhu mô phổi hai bên bình thường.", conclusion="Bình thường.")
            wait_until(lambda: "321" in reader.get(f"/exams/{exam.number}/acquisition/").text, "the dose is counted")

            wait_until(lambda: len(mail.taken) >= 3, "three letters: one to the doctor, two to the ward")
            told = sorted(str(message["To"]) for message in mail.messages)
            assert told == [MAILBOX, WARD, WARD]
            for message in mail.messages:
                text = str(message["Subject"]) + str(message.get_content())
                assert not any(word in text for word in ("VĂN AN", order.accession_number, order.patient_id))

            with doctors_telephone(browser, suite) as seen:
                phone = seen.page
                expect(phone.locator(".referred > li")).to_have_count(1)
                expect(phone.locator(".referred > li")).to_contain_text(["Mới"])
                seen.photograph("referred-phone")
                assert seen.barriers() == []
                report = str(phone.locator(".referred-actions a").first.get_attribute("href"))
                wait_until(lambda: answered(phone, report) == 200, "the document is made")
                phone.reload()
                expect(phone.locator(".referred .state.ready")).to_have_count(0)
                for closed in (
                    "/patients/",
                    f"/exams/{exam.number}/",
                    report.replace(str(exam.number), str(other.number)),
                ):
                    assert answered(phone, closed) == 403, closed
                phone.get_by_role("link", name="Xem ảnh").click()
                phone.wait_for_url("**/open/phone?*")
                phone.wait_for_function(_PAINTED)
                frame = str(phone.evaluate("() => new URL(document.getElementById('picture').src).pathname"))
                assert answered(phone, frame) == 200
                assert answered(phone, f"/dicom-web/studies/{other.study_uid}/metadata") in (401, 403)

                page.click("button:has-text('Gỡ')")
                expect(page.locator("body")).to_contain_text("Đã gỡ mã bác sĩ")
                wait_until(lambda: answered(phone, frame) in (401, 403), "the next image is refused")
                phone.goto(suite.public_url + "/referred/")
                expect(phone.locator("[name=username]")).to_be_visible()
                assert seen.complaints == []
