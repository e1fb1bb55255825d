"""Exams with their images in a running suite, ready to read: ordered by the HIS, fetched and stored by a device."""

from __future__ import annotations

from dataclasses import dataclass

from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser


@dataclass(frozen=True)
class ReadyExam:
    """One of them."""

    number: int
    order: Order
    study_uid: str

    @property
    def address(self) -> str:
        return f"/exams/{self.number}/"


def ready_exam(
    suite: RunningSuite, reader: RisUser, order: Order | None = None, *, images: int = 2, ae_title: str = "CT1"
) -> ReadyExam:
    """Waits until ``reader`` may claim it."""
    order = order or an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA", answer
    device = Modality(ae_title, suite.dicom.host, suite.dicom.port)
    [scheduled] = device.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    assert device.store(acquire(scheduled, images=images)) == images
    number = reader.wait_for_exam(order.accession_number)
    reader.wait_for_images(number, images)
    return ReadyExam(number, order, str(scheduled.StudyInstanceUID))
