"""The exam slip: its codes are read back from what is printed, in Chromium's page and in the PDF."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from django.conf import settings
from PIL import Image
from pypdf import PdfReader

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.matching.keys import exam_key, keys_in, shown_key
from ris_core.matching.slip import PAPERS
from ris_core.orders.models import ImagingServiceRequest
from ris_core.print_layouts.design import Letterhead, ReportDesign
from ris_core.print_layouts.services import LayoutFacts, RuleFacts, create_layout, keep_picture
from ris_core.print_layouts.tests.test_pictures import a_picture
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


@pytest.mark.django_db
def test_slips_have_the_head_of_the_layout_that_is_for_who_orders() -> None:
    logo = keep_picture(a_picture(), "logo.png", SYSTEM)
    head = Letterhead(above="SỞ Y TẾ", hospital="Cơ sở 2", department="Khoa Ngoại", logo=logo.sha256)
    facts = LayoutFacts("co-so-2", "Cơ sở 2", "REPORT", False, (RuleFacts(requesting_department="Ngoại"),))
    create_layout(facts, ReportDesign(letterhead=head), SYSTEM)
    of_surgery, of_others = (an_exam(state="ORDERED", images=False) for _ in range(2))
    ImagingServiceRequest.objects.filter(pk=of_surgery.request_id).update(requesting_department="Ngoại")
    desk = client_as(Role.RECEPTION)

    page = desk.get("/slips/", {"exams": f"{of_surgery.pk},{of_others.pk}", "paper": "a5"}).content.decode()
    of_layout, of_site = page.split("<article")[1:]
    assert all(said in of_layout for said in ("SỞ Y TẾ", "Cơ sở 2", "Khoa Ngoại", logo.sha256))
    assert "Cơ sở 2" not in of_site
    assert settings.QUANG.site.name in of_site
    address = f"/print-layouts/pictures/{logo.sha256}"
    assert f'src="{address}"' in of_layout
    assert desk.get(address).content == bytes(logo.content)
    pdf = PdfReader(io.BytesIO(desk.get(f"/exams/{of_surgery.pk}/slip.pdf", {"paper": "a5"}).content))
    assert "Cơ sở 2" in pdf.pages[0].extract_text()
    assert len(pdf.pages) == len(pdf.pages[0].images) == 1


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
