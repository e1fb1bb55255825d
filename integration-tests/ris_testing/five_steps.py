"""The customer's workflow (F1), played from the outside: a HIS, a modality, a radiologist, and the HIS again.

Each step does the real thing over the real protocol and returns what it saw; a step that did not happen raises.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pydicom
import requests

from ris_testing.backends import RunningSuite
from ris_testing.his import ReceivedMessage, acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser, log_in

FINDINGS = "Không thấy ổ giảm tỷ trọng bất thường trong nhu mô não.\nHệ thống não thất cân đối, không giãn."
CONCLUSION = "Hiện không thấy hình ảnh bất thường trên phim chụp CLVT sọ não."


class StepFailed(Exception):
    """A step did not happen; says which and what was seen instead."""


class AcceptingHis(Protocol):
    """A HIS that tells what it has accepted."""

    def accepted(self) -> dict[str, ReceivedMessage]: ...


@dataclass
class Step:
    """What one step showed."""

    number: int
    title: str
    evidence: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class FiveSteps:
    """One patient's way through the suite.

    :param his: where the suite's receiver ``HIS`` sends results; must be listening
    """

    suite: RunningSuite
    his: AcceptingHis
    order: Order = field(default_factory=lambda: an_order().stat())
    images: int = 12
    step_seconds: float = 60.0
    exam_id: int = 0
    study_uid: str = ""
    viewer_link: str = ""

    def play(self) -> Iterator[Step]:
        """The five steps in turn. :raises StepFailed: at the first that did not happen"""
        for number, (title, act) in enumerate(
            (
                ("HIS sends the order (ORM^O01 over MLLP)", self._order),
                ("The modality asks for its worklist (C-FIND)", self._worklist),
                ("The modality sends images (C-STORE); the study is linked to its order", self._images),
                ("The radiologist reads, writes, approves", self._report),
                ("Result and images go back to the HIS, which opens the viewer (ORU^R01, link)", self._return),
            ),
            start=1,
        ):
            step = Step(number, title)
            began = time.monotonic()
            act(step)
            step.seconds = time.monotonic() - began
            yield step

    def _order(self, step: Step) -> None:
        answer = place_order(self.order.message(), host=self.suite.mllp.host, port=self.suite.mllp.port)
        _require(acknowledgement_code(answer) == "AA", f"the order was not accepted: {answer!r}")
        again = place_order(self.order.message("CA"), host=self.suite.mllp.host, port=self.suite.mllp.port)
        _require(acknowledgement_code(again) == "AA", f"the cancellation was not accepted: {again!r}")
        _require(not self._modality().find_worklist(PatientID=self.order.patient_id), "cancelled and still listed")
        self.order = (
            an_order()
            .stat()
            .for_patient(self.order.patient_id, self.order.patient_name, self.order.birth_date, self.order.sex)
        )
        answer = place_order(self.order.message(), host=self.suite.mllp.host, port=self.suite.mllp.port)
        _require(acknowledgement_code(answer) == "AA", f"the order was not accepted: {answer!r}")
        step.evidence += [
            f"order {self.order.placer_order_number} for {self.order.patient_name.replace('^', ' ')}: acknowledged AA",
            "an order placed by mistake before it was cancelled: off the worklist at once",
        ]

    def _worklist(self, step: Step) -> None:
        today = self.order.scheduled_at.strftime("%Y%m%d")
        answers = self._modality().find_worklist(
            PatientID=self.order.patient_id, ScheduledStationAETitle="CT1", ScheduledProcedureStepStartDate=today
        )
        _require(len(answers) == 1, f"{len(answers)} answers, 1 expected")
        self._answer = answers[0]
        self.study_uid = str(self._answer.StudyInstanceUID)
        _require(self._answer.AccessionNumber == self.order.accession_number, "another accession number")
        _require(str(self._answer.PatientName) == self.order.patient_name, f"name {self._answer.PatientName!r}")
        elsewhere = Modality("MR1", self.suite.dicom.host, self.suite.dicom.port)
        _require(not elsewhere.find_worklist(ScheduledStationAETitle="MR1", PatientID=self.order.patient_id), "on MR1")
        step.evidence += [
            f"CT1 sees {self._answer.PatientName}, accession {self._answer.AccessionNumber}, "
            f"{self._answer.RequestedProcedureDescription}",
            "MR1 does not see it",
        ]

    def _images(self, step: Step) -> None:
        radiologist = self._radiologist = self._user("RADIOLOGIST")
        self.exam_id = radiologist.wait_for_exam(self.order.accession_number)
        console = Modality("CT1", self.suite.mpps.host, self.suite.mpps.port)
        performed = console.begin_step(self._answer)
        made = acquire(self._answer, images=self.images)
        sent = self._modality().store(made)
        console.end_step(performed, made)
        seen = radiologist.wait_for_images(self.exam_id, sent, self.step_seconds)
        _require(not self._modality().find_worklist(PatientID=self.order.patient_id), "still on the worklist")
        step.evidence += [
            "CT1 reports the step begun and completed (MPPS), with the images that it made",
            f"{sent} CT images stored; RIS shows {seen['images']['instances']} linked to the order, ready to read",
            "the step left the modality's worklist",
        ]

    def _report(self, step: Step) -> None:
        radiologist = self._radiologist
        page = radiologist.open_reading_page(self.exam_id)
        _require(self.order.accession_number in page, "the reading page does not show the order")
        frame = radiologist.session.get(
            f"{self.suite.public_url}/dicom-web/studies/{self.study_uid}/series",
            headers={"Accept": "application/dicom+json"},
            timeout=20,
        )
        _require(frame.status_code == 200, f"the viewer may not load the study: {frame.status_code}")
        version = radiologist.report(self.exam_id, findings=FINDINGS, conclusion=CONCLUSION)
        step.evidence += [
            f"reading page {self.suite.public_url}/exams/{self.exam_id}/ with OHIF beside the report",
            f"claimed, drafted, approved: version {version}",
        ]

    def _return(self, step: Step) -> None:
        result = self._wait_for_result()
        _require(result.field("OBR", 2).split("^")[0] == self.order.placer_order_number, "another placer order number")
        _require(result.field("OBR", 25) == "F", "not marked final")
        text = "\n".join(segment[5] for segment in result.all("OBX"))
        _require(CONCLUSION in text, "the conclusion is not in the message")
        pdf = result.pdf
        _require(pdf is not None and pdf.startswith(b"%PDF-"), "no PDF in the message")
        self.viewer_link = _link_of(result)
        viewer = self._open_viewer_link()
        document = self._encapsulated_pdf()
        step.evidence += [
            f"HIS received ORU^R01 {result.control_id}: final, text, PDF of {len(pdf or b'') // 1024} KB, viewer link",
            f"the link opens OHIF on exactly this study: {viewer}",
            f"the PDF lies in the study as {document}",
        ]

    def _wait_for_result(self) -> ReceivedMessage:
        deadline = time.monotonic() + self.step_seconds
        while time.monotonic() < deadline:
            for message in self.his.accepted().values():
                if message.field("OBR", 2).split("^")[0] == self.order.placer_order_number:
                    return message
            time.sleep(0.1)
        raise StepFailed(f"the HIS received no result in {self.step_seconds} s")

    def _open_viewer_link(self) -> str:
        """Follow the link as a browser without any session would; what it can load, and what it cannot."""
        browser = requests.Session()
        answer = browser.get(self.viewer_link, timeout=20)
        _require(answer.status_code == 200 and "/viewer" in answer.url, f"the link led to {answer.url}")
        _require(self.study_uid in answer.url or self.study_uid in answer.text, "the viewer was not told the study")
        headers = {"Accept": "application/dicom+json"}
        root = f"{self.suite.public_url}/dicom-web/studies"
        granted = browser.get(f"{root}/{self.study_uid}/series", headers=headers, timeout=20)
        _require(granted.status_code == 200 and len(granted.json()) >= 1, "the study's series cannot be loaded")
        for path in ("", "/1.2.3.4/series", f"/{self.study_uid}/../1.2.3.4/series"):
            prepared = requests.Request("GET", root, headers=headers, cookies=browser.cookies).prepare()
            prepared.url = root + path
            refused = browser.send(prepared, timeout=20)
            _require(refused.status_code in (400, 401, 403, 404), f"{path or 'all studies'}: {refused.status_code}")
        stranger = requests.get(f"{root}/{self.study_uid}/series", headers=headers, timeout=20)
        _require(stranger.status_code in (401, 403), "the study can be loaded without the link")
        return answer.url.split("?")[0]

    def _encapsulated_pdf(self) -> str:
        """The SOP class of the report inside the study, as the radiologist's viewer sees it."""
        headers = {"Accept": "application/dicom+json"}
        root = f"{self.suite.public_url}/dicom-web/studies/{self.study_uid}/series"
        deadline = time.monotonic() + self.step_seconds
        while time.monotonic() < deadline:
            for series in self._radiologist.session.get(root, headers=headers, timeout=20).json():
                if series["00080060"]["Value"] == ["DOC"]:
                    uid = series["0020000E"]["Value"][0]
                    metadata = self._radiologist.session.get(f"{root}/{uid}/metadata", headers=headers, timeout=20)
                    dataset = pydicom.Dataset.from_json(metadata.json()[0], bulk_data_uri_handler=lambda uri: b"")
                    _require(dataset.PatientID == self.order.patient_id, "stored under another patient")
                    return str(dataset.SOPClassUID.name)
            time.sleep(0.2)
        raise StepFailed("the report was not stored in the study")

    def _modality(self) -> Modality:
        return Modality("CT1", self.suite.dicom.host, self.suite.dicom.port, called=self.suite.ae_title)

    def _user(self, role: str) -> RisUser:
        return log_in(self.suite.public_url, self.suite.demo_logins(), role)


def _link_of(result: ReceivedMessage) -> str:
    for segment in result.all("OBX"):
        for part in segment[5].split("^"):
            if "/open/" in part:
                return part
    raise StepFailed("the result has no viewer link")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StepFailed(otherwise)
