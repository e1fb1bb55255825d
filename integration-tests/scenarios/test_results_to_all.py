"""From the order to results acknowledged by four systems at once: HIS by ORU, archive by MDM, EMR by FHIR, a program by
callback. Every state reaches each of them in order while the HIS is down and the worker is killed; the screen shows who
has which version; what a receiver refuses for good is found among the dead letters and sent again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import Part, RunningSuite
from ris_testing.browser import TABLET, visitor
from ris_testing.event_receiver import EventReceiver, is_ours
from ris_testing.fhir_server import FhirServer
from ris_testing.his import Behaviour, SimulatedHis, acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser, log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]

HOUR_IN_SECONDS = {
    # the pauses of an hour, some hundred times shorter
    "QUANG_DELIVERY__FIRST_RETRY_SECONDS": "0.1",
    "QUANG_DELIVERY__LONGEST_RETRY_SECONDS": "1",
    "QUANG_DELIVERY__MAX_ATTEMPTS": "1000",
    "QUANG_WORKER__LEASE_SECONDS": "3",
    "QUANG_WEBHOOKS__PLAIN_HOSTS": "127.0.0.1",
}
PATIENCE_SECONDS = 90.0
LAST_ATTEMPT = """
from ris_core.delivery.models import Delivery
Delivery.objects.filter(receiver__code="HIS", version__number=4).update(attempts=999)
"""
_SECRET = re.compile(r'id="secret" readonly value="([^"]+)"')


@dataclass
class Others:
    """The systems that get results."""

    his: SimulatedHis
    archive: SimulatedHis
    emr: FhirServer
    program: EventReceiver
    secret: str = ""
    """By which the program knows that a callback is ours."""


@pytest.fixture
def hospital(new_suite: Callable[[Mapping[str, str]], RunningSuite]) -> RunningSuite:
    return new_suite(HOUR_IN_SECONDS)


@pytest.fixture
def others(hospital: RunningSuite) -> Iterator[Others]:
    """Registered on the screen by an administrator; the HIS is there already."""
    with ExitStack() as stack:
        his, archive = stack.enter_context(SimulatedHis()), stack.enter_context(SimulatedHis())
        emr, program = FhirServer().start(), EventReceiver()
        stack.callback(emr.stop)
        stack.callback(program.close)
        hospital.manage("seed_demo", "--his-host", "127.0.0.1", "--his-port", str(his.port))
        administrator = log_in(hospital.public_url, hospital.demo_logins(), "ADMINISTRATOR")
        register(administrator, "LUUTRU", format="MDM", host="127.0.0.1", port=str(archive.port))
        register(administrator, "EMR", format="FHIR", url=emr.url)
        callback = register(administrator, "APP", format="CALLBACK", url=program.url)
        shown = _SECRET.search(_posted(administrator, callback, f"{callback}secret/", {}))
        assert shown is not None, "no secret is shown"
        yield Others(his, archive, emr, program, shown[1])


def register(administrator: RisUser, code: str, **values: str) -> str:
    """The path of the new receiver's page."""
    page = "/admin/result-receivers/new/"
    fields = {
        "code": code, "name": code, "application": "HIS", "hl7_version": "2.5.1", "first_status": "P",
        "parts": ["sections", "pdf", "link"], "recalled_as": "W", "newer_document": "T10", "active": "on", "do": "save",
        **values,
    }  # fmt: skip
    _posted(administrator, page, page, fields)
    listed = administrator.get("/admin/result-receivers/").text
    found = re.findall(rf'href="(/admin/result-receivers/\d+/)"[^>]*>(?:<[^>]+>)*\s*{code}\b', listed)
    assert found, f"{code} was not registered"
    return str(found[0])


def _posted(user: RisUser, page: str, path: str, fields: Mapping[str, object]) -> str:
    referer = user.public_url + page
    data = {"csrfmiddlewaretoken": user.csrf(page), **fields}
    answer = user.session.post(user.public_url + path, data=data, headers={"Referer": referer}, timeout=20)
    assert answer.status_code == 200, answer.status_code
    return answer.text


def arrived(suite: RunningSuite, reader: RisUser) -> tuple[Order, int]:
    """An order by HL7, its images from the device; the exam."""
    order = an_order()
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    device = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = device.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    sent = device.store(acquire(scheduled, images=3))
    exam = reader.wait_for_exam(order.accession_number, PATIENCE_SECONDS)
    reader.wait_for_images(exam, sent, PATIENCE_SECONDS)
    return order, exam


def approve(reader: RisUser, exam: int, status: str, conclusion: str) -> int:
    """Claimed (or opened for correction), typed, approved; the version's number."""
    revision = reader.act(exam, "amend" if status == "C" else "claim")["revision"]
    sections = {"findings": "Nhu mô não hai bên cân đối.", "conclusion": conclusion}
    content = {"sections": [{"code": k, "blocks": [{"type": "text", "text": v}]} for k, v in sections.items()]}
    revision = reader.act(exam, "draft", revision=revision, content=content)["revision"]
    version: int = reader.act(exam, "approve", revision=revision, status=status)["version"]
    return version


def eventually(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"{what}: not in {PATIENCE_SECONDS:.0f} s"
        time.sleep(0.1)


def in_order(messages: SimulatedHis) -> list[str]:
    """MSH-10 of what came, each once, in the order in which it came first."""
    return list(dict.fromkeys(message.control_id for message in list(messages.received)))


def test_every_state_reaches_four_systems_while_the_his_is_down_and_the_worker_is_killed(
    hospital: RunningSuite, others: Others, browser: Browser
) -> None:
    reader = log_in(hospital.public_url, hospital.demo_logins(), "RADIOLOGIST")
    _, exam = arrived(hospital, reader)
    approve(reader, exam, "P", "Sơ bộ: chưa thấy xuất huyết.")
    others.his.wait_for(1, PATIENCE_SECONDS)

    others.his.stop()
    approve(reader, exam, "F", "Không thấy xuất huyết nội sọ.")
    with visitor(browser, hospital, "bacsi") as seen:
        page = seen.open(f"/exams/{exam}/return/")
        page.click(".recall-form summary")
        page.fill(".recall-form input[name=reason]", "Nhầm bên phải với bên trái")
        page.click(".recall-form button")
        expect(page.locator("tbody tr").first).to_contain_text("Thu hồi bản 2")
        restarts = hospital.restarts(Part.WORKER)
        hospital.kill(Part.WORKER)
        approve(reader, exam, "C", "Máu tụ dưới màng cứng bán cầu phải.")
        hospital.wait_restarted(Part.WORKER, restarts, PATIENCE_SECONDS)

        eventually(lambda: len(others.archive.accepted()) == 4, "the archive has every state while the HIS is down")
        eventually(lambda: len(others.emr.versions("DiagnosticReport")) >= 4, "the EMR too")
        eventually(lambda: len({body for _, body in others.program.received}) == 4, "and the program")
        assert len(others.his.accepted()) == 1
        seen.open(f"/exams/{exam}/return/")
        expect(page.locator("tbody .state", has_text="Đã nhận")).to_have_count(13)
        seen.photograph("returns-while-the-his-is-down")
        others.his.start()
        others.his.wait_for(4, PATIENCE_SECONDS)
        expect(page.locator("tbody .state", has_text="Đã nhận")).to_have_count(16, timeout=30_000)
        expect(page.locator("#exam-state")).to_have_text("Đã trả")
        assert seen.barriers() == []
        seen.photograph("returns-acknowledged")
    he_got_all_of_it(others)
    the_study_shows_the_correction(hospital, reader, exam)

    others.his.behaviour = Behaviour.AE
    approve(reader, exam, "C", "Máu tụ dưới màng cứng bán cầu phải, dày 8 mm.")
    eventually(lambda: any(each.behaviour is Behaviour.AE for each in list(others.his.received)), "the HIS refuses")
    hospital.python(LAST_ATTEMPT)
    the_dead_letter_is_sent_again(hospital, others, browser)


def he_got_all_of_it(others: Others) -> None:
    accepted = others.his.accepted()
    assert in_order(others.his) == list(accepted)
    assert [message.field("OBR", 25) for message in accepted.values()] == ["P", "F", "C", "C"]
    assert [{row[11] for row in message.all("OBX")} for message in accepted.values()] == [{"P"}, {"F"}, {"W"}, {"C"}]
    documents = others.archive.accepted()
    assert in_order(others.archive) == list(documents)
    events = [message.field("MSH", 9).split("^")[1] for message in documents.values()]
    assert events == ["T02", "T10", "T11", "T02"]
    assert others.emr.refused == []
    statuses = [each["status"] for each in others.emr.versions("DiagnosticReport")]
    assert list(dict.fromkeys(statuses)) == ["preliminary", "final", "entered-in-error", "corrected"]
    assert statuses[-1] == "corrected"
    assert others.emr.versions("DocumentReference")[-1]["docStatus"] == "amended"
    told = list(dict.fromkeys(body for _, body in others.program.received))
    assert all(is_ours(others.secret, headers, body) for headers, body in others.program.received)
    assert [json.loads(body)["report"]["status"] for body in told] == ["preliminary", "final", "recalled", "corrected"]


def the_study_shows_the_correction(suite: RunningSuite, reader: RisUser, exam: int) -> None:
    """Nothing else of the report is found in the study by a viewer."""
    page = reader.open_reading_page(exam)
    study = re.search(r"StudyInstanceUIDs=([0-9.]+)", page)
    assert study is not None, "the page names no study"
    address = f"{suite.public_url}/dicom-web/studies/{study[1]}/metadata"
    titles: list[str] = []

    def corrected() -> bool:
        found = reader.session.get(address, headers={"Accept": "application/dicom+json"}, timeout=20).json()
        titles[:] = [each["00420010"]["Value"][0] for each in found if "00420010" in each]
        return titles == ["Kết quả đính chính (bản 3)"]

    eventually(corrected, f"the study shows {titles}")


def the_dead_letter_is_sent_again(suite: RunningSuite, others: Others, browser: Browser) -> None:
    with visitor(browser, suite, "quantri", size=TABLET, scheme="dark", language="en") as seen:
        page = seen.open("/deliveries/?box=dead")
        until = time.monotonic() + PATIENCE_SECONDS
        while page.locator(".queue-row").count() == 0:
            assert time.monotonic() < until, "no dead letter"
            page.wait_for_timeout(200)
            seen.open("/deliveries/?box=dead")
        page.locator(".queue-row a").first.click()
        expect(page.locator("#queue-detail")).to_contain_text("MSA-1")
        expect(page.locator("#queue-detail")).to_contain_text("AE")
        assert seen.barriers() == []
        seen.photograph("deliveries-dead-en-dark-tablet")
        others.his.behaviour = Behaviour.AA
        page.click(".detail-actions button")
        others.his.wait_for(5, PATIENCE_SECONDS)
        expect(page.locator("#queue-detail .detail-head .state")).to_have_text("Received", timeout=30_000)
    assert list(others.his.accepted().values())[-1].field("OBR", 25) == "C"
