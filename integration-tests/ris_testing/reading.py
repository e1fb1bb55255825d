"""Exams ready to be read, and what every story about the reading page begins with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser

SAVED = re.compile(r"Đã lưu \d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Exam:
    """An exam with its images, ready to read."""

    number: int
    order: Order
    study_uid: str

    @property
    def address(self) -> str:
        return f"/exams/{self.number}/"


def ready_exam(suite: RunningSuite, api: RisUser, order: Order | None = None, images: int = 6) -> Exam:
    """Order, images from the modality, and the link between them, over the real protocols."""
    order = order or an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA", answer
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    assert modality.store(acquire(scheduled, images=images)) == images
    number = api.wait_for_exam(order.accession_number)
    api.wait_for_images(number, images)
    return Exam(number, order, str(scheduled.StudyInstanceUID))


def claim(page: Page) -> None:
    """The exam that ``page`` shows, by its key."""
    page.keyboard.press("c")
    expect(page.locator("#section-findings")).to_be_editable()
