"""The HIS is down: reception makes the order, images come; the HIS's own order comes later and the two become one."""

from __future__ import annotations

import json
import re

import pytest

from ris_testing.backends import RunningSuite
from ris_testing.exam_states import exam_of, sent
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

SERVICE = "from ris_core.devices.models import ImagingService; print(ImagingService.objects.get(code='CT.SONAO').pk)"
OWED = """
import json
from ris_core.delivery.models import Delivery
rows = Delivery.objects.filter(reading__procedure_id={exam}).select_related("reading__procedure")
print(json.dumps([[row.receiver.code, row.reading.procedure.placer_order_number] for row in rows]))
"""


def post(user: RisUser, path: str, page: str, **data: str) -> str:
    """Where the form leads."""
    answer = user.session.post(
        user.public_url + path,
        data={**data, "csrfmiddlewaretoken": user.csrf(page)},
        headers={"Referer": user.public_url + page},
        timeout=20,
        allow_redirects=False,
    )
    assert answer.status_code == 302, answer.text[:500]
    return answer.headers["Location"]


def test_an_order_made_at_the_counter_becomes_the_his_order(suite: RunningSuite) -> None:
    his_order = an_order()
    reception = log_in(suite.public_url, suite.demo_logins(), "RECEPTION")
    first = an_order().for_patient(his_order.patient_id, his_order.patient_name, his_order.birth_date, his_order.sex)
    assert sent(suite, first.message()) == "AA"  # the patient has been here before
    found = reception.get(f"/orders/new/patients?patient_query={his_order.patient_id}").text
    (patient,) = re.findall(r'name="patient" value="(\d+)"', found)
    service = suite.python(SERVICE).strip()
    place = post(
        reception, "/orders/new/", "/orders/new/", patient=patient, service=service, priority="STAT", confirmed="on",
        clinical_indication="Chấn thương",
    )  # fmt: skip
    page = reception.get(place).text
    accession, placer = (
        re.findall(pattern, page)[0] for pattern in (r"<h1>([^<]+)</h1>", r"<dd>(R\d{6}-[A-Z0-9]{4}) ")
    )
    ct = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    (held,) = ct.find_worklist(AccessionNumber=accession)
    ct.store(acquire(held, images=2))
    wait_until(lambda: exam_of(suite, placer)["state"] == "READY_TO_READ", "images of the order made here are linked")
    own = exam_of(suite, placer)
    radiologist = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    radiologist.report(own["id"], conclusion="Không thấy xuất huyết.")
    assert sent(suite, his_order.message()) == "AA"
    his_exam = exam_of(suite, his_order.placer_order_number)["id"]

    def link() -> bool:
        """Refused, and told so, while the result is on its way to somebody under the number it has now."""
        post(reception, f"/orders/procedures/{own['id']}/link", place, his_procedure=str(his_exam), reason="một ca")
        return bool(exam_of(suite, his_order.placer_order_number)["id"] == own["id"])

    wait_until(link, "the order made here is the HIS's")
    assert exam_of(suite, his_order.placer_order_number)["accession"] == accession
    assert ct.find_worklist(AccessionNumber=his_order.accession_number) == []
    owed = json.loads(suite.python(OWED.format(exam=own["id"])))
    assert owed == [["HIS", his_order.placer_order_number]]
    assert sent(suite, his_order.message("CA")) == "AE"  # reaches the exam, whose images are here
    assert exam_of(suite, his_order.placer_order_number)["state"] in ("FINAL", "RETURNED")
