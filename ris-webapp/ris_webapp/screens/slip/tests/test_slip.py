"""The exam slip: its codes are read back from what is printed, in Chromium's page and in the PDF."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.matching.keys import exam_key, keys_in, shown_key
from ris_core.matching.slip import PAPERS
from ris_testing.browser import chromium
from ris_testing.exams import an_exam
from ris_webapp.tests.people import client_as


@pytest.mark.django_db
def test_the_slip_says_who_what_and_where_and_is_written_down() -> None:
    exam = an_exam(state="ORDERED", images=False)
    page = client_as(Role.RECEPTION).get(f"/exams/{exam.pk}/slip/").content.decode()
    assert shown_key(exam_key(exam.pk)) in page
    assert exam.patient.full_name in page
    assert exam.service_name in page
    assert AuditEvent.objects.filter(action="slip.shown", patient_id=exam.patient_id).exists()
    assert client_as(Role.RECEPTION).get("/exams/999999/slip/").status_code == 404


@pytest.mark.integration
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("paper", PAPERS)
def test_both_codes_are_read_back_from_the_printed_page(paper: str) -> None:
    exam = an_exam(state="ORDERED", images=False)
    client = client_as(Role.TECHNOLOGIST)
    html = client.get(f"/exams/{exam.pk}/slip/", {"paper": paper}).content.decode()
    css = client.get("/slips/slip.css").content.decode()
    pdf = client.get(f"/exams/{exam.pk}/slip.pdf", {"paper": paper}).content
    assert pdf.startswith(b"%PDF")
    article = html[html.index("<article") : html.index("</article>") + len("</article>")]
    codes = _read(_picture(f"<style>{css}</style>{article}"))
    assert {format_.name for format_, _ in codes} == {"QRCode", "Code128"}
    assert all(keys_in(text) == {exam_key(exam.pk)} for _, text in codes)


def _picture(html: str) -> bytes:
    """As a printer of 200 dpi puts it on paper."""
    with chromium() as browser:
        page = browser.new_page(device_scale_factor=2)
        page.emulate_media(media="print")
        page.set_content(html)
        return page.locator(".slip").screenshot()


def _read(picture: bytes) -> set[tuple[zxingcpp.BarcodeFormat, str]]:
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return {(code.format, code.text) for code in found}
