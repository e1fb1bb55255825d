"""What a HIS sends to a running suite, and what has become of its order there."""

from __future__ import annotations

import json
from typing import Any

from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order

_EXAM = """
import json
from ris_core.orders.models import RequestedProcedure
exam = RequestedProcedure.objects.select_related("request", "patient").get(placer_order_number={number!r})
link = exam.links.filter(undone_at__isnull=True).select_related("study").first()
print(json.dumps({{
    "id": exam.pk, "request": exam.request_id, "state": exam.exam_state, "patient": exam.patient.full_name,
    "accession": exam.request.accession_number, "how": link.how if link else "",
    "received": link.study.received_accession_number if link else "",
    "steps": [step.status for step in exam.steps.all()],
}}))
"""


def exam_of(suite: RunningSuite, placer_order_number: str) -> dict[str, Any]:
    """The exam under a placer order number: state, numbers, steps, how its images were linked."""
    found: dict[str, Any] = json.loads(suite.python(_EXAM.format(number=placer_order_number)))
    return found


def send(suite: RunningSuite, message: bytes) -> str:
    """The answer to a HIS's message."""
    return place_order(message, host=suite.mllp.host, port=suite.mllp.port)


def sent(suite: RunningSuite, message: bytes) -> str:
    """MSA-1 of the answer."""
    return acknowledgement_code(send(suite, message))
