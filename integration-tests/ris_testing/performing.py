"""What scenarios of devices that report what they do (MPPS) have in common."""

from __future__ import annotations

import json
from typing import Any

from pydicom import Dataset

from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality
from ris_testing.orders import Order

PATIENCE_SECONDS = 60.0

EXAM = """
import json
from ris_core.orders.models import RequestedProcedure
exam = RequestedProcedure.objects.get(request__accession_number={accession!r})
check = getattr(exam, "image_check", None)
print(json.dumps([
    exam.exam_state,
    [step.status for step in exam.steps.order_by("pk")],
    [[tied.performed.status, tied.performed.messages.count()] for tied in exam.performed_for.order_by("pk")],
    [check.readiness, sum(series["made"] - series["arrived"] for series in check.missing)] if check else None,
]))
"""


def exam(suite: RunningSuite, order: Order) -> list[Any]:
    """Exam state; statuses of its steps; status and message count of what was performed; readiness and missing."""
    found: list[Any] = json.loads(suite.python(EXAM.format(accession=order.accession_number)))
    return found


def scanner(suite: RunningSuite, ae_title: str = "CT1") -> Modality:
    """Asks for work and sends images."""
    return Modality(ae_title, suite.dicom.host, suite.dicom.port, called=suite.ae_title)


def console(suite: RunningSuite, ae_title: str = "CT1") -> Modality:
    """Reports what it does."""
    return Modality(ae_title, suite.mpps.host, suite.mpps.port, called=suite.ae_title)


def ordered(suite: RunningSuite, order: Order, ae_title: str = "CT1") -> Dataset:
    """The worklist's answer for a new order."""
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    (found,) = scanner(suite, ae_title).find_worklist(AccessionNumber=order.accession_number)
    return found
