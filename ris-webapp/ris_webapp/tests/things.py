"""One of each thing whose key stands in an address, so that a walk over all addresses gets behind their doors."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ris_core.critical_results.models import CriticalResult, Urgency
from ris_core.critical_results.services import flag
from ris_core.data_requests.models import DataRequest
from ris_core.devices.models import Device
from ris_core.jobs.models import Job
from ris_core.messages.models import InboundMessage
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportVersion
from ris_core.studies.models import Study
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_webapp.tests.address_table import PATTERNS, path_of
from ris_webapp.tests.people import a_user


class Things:
    """The things, by the arguments of addresses that name them."""

    def __init__(self) -> None:
        self.exam: RequestedProcedure = an_exam()
        reader, now = a_reader(), timezone.now()
        flag(self.exam.pk, Urgency.RED, "Tràn khí màng phổi", reader)
        self.version: ReportVersion = approved(self.exam, reader)
        self.message = InboundMessage.objects.create(
            sender="HIS|BVQ", control_id="1", digest="0" * 64, message_type="ORM^O01", state="REFUSED", peer="10.0.0.9",
            raw=b"MSH|^~\\&|HIS|BVQ|Q|R|||ORM^O01|1|P|2.5.1\rPID|1||7||AN^NGUYEN\r", received_at=now,
            acknowledgement=b"MSH|^~\\&|Q|R|HIS|BVQ|||ACK|1|P|2.5.1\rMSA|AE|1\r",
        )  # fmt: skip
        job = Job.objects.create(kind="report_pdf", subject_id="1", state="DEAD", run_at=now)
        device = Device.objects.create(ae_title="CT1", name="CT 1", host="10.0.0.8", modality="CT")
        exam = self.exam
        asked = DataRequest.objects.create(
            patient_id=exam.patient_id, kind="ACCESS", asker="Trần Hoa", asked_by="SELF", proof="VNEID",
            wanted="Bản sao", received_on=now.date(), due_on=now.date(), recorded_at=now, recorded_by=a_user(),
        )  # fmt: skip
        self.keys: dict[str, Any] = {
            "exam_id": exam.pk, "procedure_id": exam.pk, "prior_id": exam.pk, "order_id": exam.pk,
            "patient_id": exam.patient_id, "request_id": exam.request_id,
            "study_id": Study.objects.get(links__procedure=exam).pk,
            "identifier_id": exam.patient.identifiers.get(is_primary=False).pk,
            "visit_id": exam.request.visit_id, "link_id": exam.links.get().pk,
            "critical_id": CriticalResult.objects.get().pk, "message_id": self.message.pk, "job_id": job.pk,
            "device_id": device.pk, "data_request_id": asked.pk, "receiver_id": a_receiver().pk,
            "user_id": a_user().pk, "number": 1, "revision": 1,
            "code": "RADIOLOGIST", "operation": "split",
        }  # fmt: skip

    def path(self, name: str) -> str:
        """An address with these keys."""
        return self.address(name, self.keys)

    @staticmethod
    def address(name: str, keys: dict[str, Any]) -> str:
        """An address with those of ``keys`` that it takes."""
        return path_of(name, **{each: keys[each] for each in PATTERNS[name].pattern.converters if each in keys})
