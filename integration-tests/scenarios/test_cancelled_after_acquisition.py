"""A cancellation that comes when the images are here: refused, nothing is lost, a person sees it."""

from __future__ import annotations

import json

import pytest

from ris_testing.backends import RunningSuite
from ris_testing.exam_states import exam_of, send, sent
from ris_testing.his import acknowledgement_code
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order, unique
from ris_testing.ris_user import log_in
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

REFUSED = """
import json
from ris_core.messages.models import InboundMessage
row = InboundMessage.objects.filter(control_id={control_id!r}).order_by("-pk").first()
print(json.dumps([row.state, row.error_code, row.pk]))
"""


def test_a_cancellation_after_the_images_is_refused_and_waits_for_a_person(suite: RunningSuite) -> None:
    order = an_order()
    assert sent(suite, order.message()) == "AA"
    ct = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    (held,) = ct.find_worklist(AccessionNumber=order.accession_number)
    ct.store(acquire(held, images=2))
    wait_until(lambda: exam_of(suite, order.placer_order_number)["state"] == "READY_TO_READ", "images are linked")
    control_id = unique("CA")
    for control in ("CA", "DC"):
        answer = send(suite, order.message(control, control_id=control_id + control))
        assert acknowledgement_code(answer) == "AE"
        assert "206" in answer
    state, code, message_id = json.loads(suite.python(REFUSED.format(control_id=control_id + "CA")))
    assert (state, code) == ("REFUSED", "206")
    exam = exam_of(suite, order.placer_order_number)
    assert (exam["state"], exam["steps"], exam["how"]) == ("READY_TO_READ", ["COMPLETED"], "EXACT")
    administrator = log_in(suite.public_url, suite.demo_logins(), "ADMINISTRATOR")
    page = administrator.session.get(f"{suite.public_url}/messages/{message_id}/", timeout=20)  # leads to its box
    assert control_id in page.text
    assert administrator.get(f"/orders/{exam['request']}/").status_code == 200
