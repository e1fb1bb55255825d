"""Kill -9 of Orthanc, web and worker while orders, studies and approvals flow: nothing lost, nothing doubled."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
import requests

from ris_testing.backends import Part, RunningSuite
from ris_testing.his import NoAcknowledgement, SimulatedHis, acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RefusedByRis, RisUser, log_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ORDERS, STUDIES, IMAGES = 1000, 50, 2
ORDER_PAUSE_SECONDS, STUDY_PAUSE_SECONDS = 0.05, 1.2
"""The flow lasts a minute at least, so that every part is killed more than once in its midst."""
T = TypeVar("T")
KILLED = (Part.ORTHANC, Part.WEB, Part.WORKER)
PATIENCE_SECONDS = 420.0

COUNTS = """
import json, time
from django.conf import settings
from django.db.models import Count
from ris_core.orders.models import RequestedProcedure
from ris_core.messages.models import InboundMessage
from ris_core.patients.models import Patient
from ris_core.studies.models import Study, StudyLink
from ris_core.reports.models import ReportVersion, Document
from ris_core.delivery.models import Delivery
from ris_core.jobs.models import Job
from ris_core.engine.client import Engine
from ris_core.identifiers import OrthancId
deadline = time.monotonic() + 60
while Document.objects.filter(orthanc_instance_id="").exists() and time.monotonic() < deadline:
    time.sleep(0.5)
# each study as the engine has it now: the images, and the report that was stored beside them
studies = [OrthancId(study.orthanc_id) for study in Study.objects.all()]
with Engine.from_settings(settings.QUANG, "worker") as engine:
    images = [engine.study(study).instance_count - 1 for study in studies]
print(json.dumps({
    "procedures": RequestedProcedure.objects.count(),
    "patients": Patient.objects.count(),
    "messages": InboundMessage.objects.count(),
    "applied": InboundMessage.objects.filter(state="APPLIED").count(),
    "studies": Study.objects.count(),
    "images": images,
    "links": StudyLink.objects.filter(undone_at__isnull=True).count(),
    "versions": ReportVersion.objects.count(),
    "documents": Document.objects.count(),
    "deliveries": dict(Delivery.objects.values_list("state").annotate(Count("id"))),
    "dead_jobs": Job.objects.filter(state="DEAD").count(),
}))
"""


@dataclass
class Flow:
    """What was sent and acknowledged so far, by the senders' own books."""

    suite: RunningSuite
    orders: list[Order] = field(default_factory=lambda: [an_order() for _ in range(ORDERS)])
    ordered: int = 0
    stored: list[Order] = field(default_factory=list)
    approved: int = 0
    trouble: Counter[str] = field(default_factory=Counter)
    failed: list[BaseException] = field(default_factory=list)
    deadline: float = field(default_factory=lambda: time.monotonic() + PATIENCE_SECONDS)

    def until_it_works(self, what: str, act: Callable[[], T]) -> T:
        """Try again as a HIS, a modality or a user would when the other side was gone for a moment."""
        while True:
            try:
                return act()
            except (OSError, NoAcknowledgement, DimseFailure, RefusedByRis, requests.RequestException) as error:
                self.trouble[f"{what}: {type(error).__name__}"] += 1
                if time.monotonic() > self.deadline:
                    raise
                time.sleep(0.2)

    def send_orders(self) -> None:
        for order in self.orders:
            message = order.message()  # the same control id at every attempt

            def send(message: bytes = message) -> None:
                answer = place_order(message, host=self.suite.mllp.host, port=self.suite.mllp.port)
                if acknowledgement_code(answer) != "AA":
                    raise NoAcknowledgement(answer)

            self.until_it_works("order", send)
            self.ordered += 1
            time.sleep(ORDER_PAUSE_SECONDS)

    def send_studies(self) -> None:
        modality = Modality("CT1", self.suite.dicom.host, self.suite.dicom.port)
        for number, order in enumerate(self.orders[:STUDIES]):
            while self.ordered <= number:
                time.sleep(0.05)

            def find(order: Order = order) -> list[object]:
                answers = modality.find_worklist(AccessionNumber=order.accession_number)
                if len(answers) != 1:
                    raise DimseFailure(f"{len(answers)} worklist answers")
                return list(acquire(answers[0], images=IMAGES))

            images = self.until_it_works("worklist", find)
            self.until_it_works("store", lambda images=images: modality.store(images))  # type: ignore[misc]
            self.stored.append(order)
            time.sleep(STUDY_PAUSE_SECONDS)

    def approve_reports(self) -> None:
        radiologist: RisUser = self.until_it_works(
            "login", lambda: log_in(self.suite.public_url, self.suite.demo_logins(), "RADIOLOGIST")
        )
        for number in range(STUDIES):
            while len(self.stored) <= number:
                time.sleep(0.05)
            order = self.stored[number]
            exam_id = self.until_it_works("search", lambda order=order: self._find(radiologist, order))  # type: ignore[misc]
            self.until_it_works("approve", lambda exam_id=exam_id: self._approve(radiologist, exam_id))  # type: ignore[misc]
            self.approved += 1

    @staticmethod
    def _find(radiologist: RisUser, order: Order) -> int:
        exam_id = radiologist.wait_for_exam(order.accession_number, 5)
        radiologist.wait_for_images(exam_id, IMAGES, 60)
        return exam_id

    @staticmethod
    def _approve(radiologist: RisUser, exam_id: int) -> None:
        """As a person does who lost the connection: look first whether it was approved already."""
        state = radiologist.status(exam_id)
        if not state["rights"]["amend"]:
            radiologist.report(exam_id, findings="Không thấy bất thường.", conclusion="Bình thường.")

    def run(self, act: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                act()
            except BaseException as error:  # noqa: BLE001 — raised again by the test's own thread
                self.failed.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread


def test_nothing_is_lost_and_nothing_doubled(new_suite: Callable[[Mapping[str, str]], RunningSuite]) -> None:
    suite = new_suite({})
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        flow = Flow(suite)
        threads = [flow.run(act) for act in (flow.send_orders, flow.send_studies, flow.approve_reports)]
        kills: Counter[str] = Counter()
        for part in itertools.cycle(KILLED):
            if not any(thread.is_alive() for thread in threads):
                break
            suite.crash(part)
            kills[part] += 1
            time.sleep(5)
        if flow.failed:
            raise flow.failed[0]
        with contextlib.suppress(TimeoutError):  # the counts below say what is missing
            his.wait_for(STUDIES, 120)
        counts = json.loads(suite.python(COUNTS))
    accepted = his.accepted()
    print(f"\nkilled: {dict(kills)}\ntried again: {dict(flow.trouble)}\ncounts: {counts}")
    print(f"results at the HIS: {len(accepted)} different, {len(his.received)} in all")
    assert sum(kills.values()) >= 6
    assert (counts["procedures"], counts["patients"], counts["applied"]) == (ORDERS, ORDERS, ORDERS)
    assert (counts["studies"], counts["links"]) == (STUDIES, STUDIES)
    assert counts["images"] == [IMAGES] * STUDIES
    assert (counts["versions"], counts["documents"]) == (STUDIES, STUDIES)
    assert counts["deliveries"] == {"ACKNOWLEDGED": STUDIES}
    assert counts["dead_jobs"] == 0
    placers = Counter(message.field("OBR", 2).split("^")[0] for message in accepted.values())
    assert placers == Counter(order.placer_order_number for order in flow.orders[:STUDIES])
