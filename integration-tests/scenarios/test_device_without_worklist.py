"""A device without a worklist: the key of the slip is scanned into whatever field it has, or typed with an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ris_core.matching.keys import ALPHABET
from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, study_of
from ris_testing.orders import Order, an_order, unique

pytestmark = pytest.mark.integration
ARRIVAL_MS = 90_000


@pytest.fixture
def technologist(browser: Browser, suite: RunningSuite) -> Iterator[Visitor]:
    with visitor(browser, suite, "ktv") as seen:
        yield seen


@dataclass(frozen=True)
class Slip:
    """An order, and the key that the technologist reads from its slip."""

    order: Order
    family: str
    key: str


def _slip(suite: RunningSuite, technologist: Visitor) -> Slip:
    family = unique("HỌ")
    order = an_order().for_patient(unique("BN"), f"{family}^VĂN AN", "19801121", "M")
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA", answer
    page = technologist.open(f"/?when=all&q={order.accession_number}")
    exam = page.locator(f'#exam-rows tr:has-text("{family}")').get_attribute("data-exam")
    key = technologist.open(f"/exams/{exam}/slip/").locator(".slip .key").inner_text()
    return Slip(order, family, key)


def _send(suite: RunningSuite, slip: Slip, **attributes: Any) -> None:
    """Images of a device that knows nothing but what was typed into it."""
    typed = {"PatientID": "", "AccessionNumber": "", "PatientName": f"{slip.family} VAN AN", **attributes}
    images = study_of(images=1, **typed)
    assert Modality("CT1", suite.dicom.host, suite.dicom.port).store(images) == 1


@pytest.mark.parametrize("field", ["PatientID", "AccessionNumber", "PatientComments"])
def test_a_key_that_was_scanned_links_the_images(suite: RunningSuite, technologist: Visitor, field: str) -> None:
    slip = _slip(suite, technologist)
    _send(suite, slip, **{field: slip.key})
    page = technologist.open(f"/?when=all&q={slip.order.accession_number}")
    row = page.locator(f'#exam-rows tr:has-text("{slip.family}")')
    expect(row.locator(".c-state")).to_have_text("Chờ đọc", timeout=ARRIVAL_MS)


def test_a_key_with_a_typing_error_waits_with_the_right_order_first(suite: RunningSuite, technologist: Visitor) -> None:
    slip = _slip(suite, technologist)
    wrong = next(character for character in ALPHABET if character != slip.key[0]) + slip.key[1:]
    _send(suite, slip, PatientID=wrong)
    page = technologist.page
    waiting = page.locator(f'.queue-row:has-text("{slip.family}") > a')
    technologist.open("/unmatched/?device=CT1")
    expect(waiting).to_have_count(1, timeout=ARRIVAL_MS)  # it comes by itself: the queue is live
    waiting.click()
    first = page.locator(".possibility").first
    expect(first).to_contain_text(slip.order.patient_name.replace("^", " "))
    expect(first.locator('tr:has-text("Mã quét")')).to_contain_text("Sai một ký tự")
    assert technologist.barriers() == []
    technologist.photograph("unmatched-key")
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("Đã khớp 1 lần chụp")
    expect(waiting).to_have_count(0)
    page.keyboard.press("u")
    expect(page.locator("#toasts")).to_contain_text("Đã gỡ khớp")
    expect(waiting).to_have_count(1)
