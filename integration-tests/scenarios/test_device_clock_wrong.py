"""A device whose clock is days off: its images and reports find their order by exact identifiers all the same, people
are warned, and both times can be seen: as the device wrote them, and as they were received."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from ris_testing.backends import RunningSuite
from ris_testing.modality import acquire
from ris_testing.orders import VIETNAM, Order, an_order
from ris_testing.performing import console, exam, ordered, scanner
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

OFF = timedelta(days=-400, hours=5)
SEEN = """
import json
from django.utils import timezone
from ris_core.orders.models import RequestedProcedure
exam = RequestedProcedure.objects.get(request__accession_number={accession!r})
performed = exam.performed_for.get().performed
study = exam.links.get(undone_at=None).study
print(json.dumps({{
    "how": exam.links.get(undone_at=None).how,
    "warnings": performed.warnings,
    "device_start": performed.attributes["00400244"]["Value"][0],
    "minutes_since_received": (timezone.now() - performed.created_at).total_seconds() / 60,
    "study_date": study.study_date,
    "minutes_since_images": (timezone.now() - study.first_received_at).total_seconds() / 60,
}}))
"""


def seen(suite: RunningSuite, order: Order) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(suite.python(SEEN.format(accession=order.accession_number)))
    return found


def test_exact_identifiers_count_and_not_the_clock(suite: RunningSuite) -> None:
    order = an_order()
    answer = ordered(suite, order)
    device_now = datetime.now(VIETNAM) + OFF
    date, time = f"{device_now:%Y%m%d}", f"{device_now:%H%M%S}"
    uid = console(suite).begin_step(answer, PerformedProcedureStepStartDate=date, PerformedProcedureStepStartTime=time)
    made = acquire(answer, images=2)
    for image in made:
        image.StudyDate, image.StudyTime = date, time
    scanner(suite).store(made)
    before = f"{device_now - timedelta(days=1):%Y%m%d}"
    console(suite).end_step(uid, made, PerformedProcedureStepEndDate=before, PerformedProcedureStepEndTime=time)
    wait_until(lambda: exam(suite, order)[0] == "READY_TO_READ", "linked and complete")
    found = seen(suite, order)
    assert found["how"] == "EXACT"
    assert found["warnings"] == ["CLOCK", "ENDED_BEFORE_STARTED"]
    assert (found["device_start"], found["study_date"]) == (date, date)
    assert 0 <= found["minutes_since_received"] < 30
    assert 0 <= found["minutes_since_images"] < 30
