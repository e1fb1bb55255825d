"""The screens of print layouts and labels."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pypdf import PdfReader

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.print_layouts.design import DESIGNS, design_of
from ris_core.print_layouts.models import LayoutPicture, PrintLayout
from ris_core.print_layouts.services import LayoutFacts, RuleFacts, create_layout
from ris_core.print_layouts.tests.test_pictures import SVG
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import VersionStatus
from ris_core.reports.recalling import recall
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.screens.print_layouts.fields import data_of, groups_of, values_of
from ris_webapp.screens.reading.tests.exams import a_user, client_of

pytestmark = pytest.mark.django_db


def entered(kind: str = "REPORT", **changes: Any) -> dict[str, Any]:
    """What the form sends for the usual design, with ``changes`` by path (``paper__top_mm``)."""
    values = values_of(kind, DESIGNS["LABEL" if kind == "LABEL" else "REPORT"]())
    sent = {path: value for path, value in values.items() if value is not False}
    sent |= {path: "on" for path, value in values.items() if value is True}
    sent |= {path.replace("__", "."): value for path, value in changes.items()}
    return {"kind": kind, "code": "a", "name": "Mẫu A", "over": 1, **{k: v for k, v in sent.items() if v is not None}}


@pytest.mark.parametrize("kind", DESIGNS)
def test_the_form_shows_every_value_of_a_design_and_brings_it_back(kind: Any) -> None:
    design = DESIGNS[kind]()
    paths = [field.path for group in groups_of(kind) for field in group.fields]
    assert len(paths) == len(set(paths))
    assert design_of(kind, data_of(kind, values_of(kind, design))) == design


def test_a_layout_is_made_changed_restored_and_switched_off() -> None:
    client = client_of(a_user())
    rule = {"rule_modality": "us", "rule_service_code": "", "rule_requesting_department": "", "rule_source": ""}
    assert client.post("/print-layouts/new/", {**entered(), **rule}).status_code == 302
    layout = PrintLayout.objects.get(code="a")
    assert layout.rules.get().modality == "US"
    address = f"/print-layouts/{layout.pk}/"
    assert client.get(address).status_code == 200
    assert client.post(address, entered(body__title="PHIẾU KHÁC", paper__top_mm="12,5")).status_code == 302
    late = client.post(address, entered(body__title="MUỘN"))
    assert late.status_code == 422
    assert "Người khác vừa lưu" in late.content.decode()
    assert client.post(f"{address}versions/1/restore").status_code == 302
    client.post(f"{address}active", {"active": "0"})
    layout.refresh_from_db()
    assert layout.current is not None
    assert (layout.current.number, layout.active) == (3, False)
    assert layout.versions.get(number=2).design["paper"]["top_mm"] == 12.5
    assert client.get("/print-layouts/").status_code == 200
    assert client.get(f"/print-layouts/new/?from={layout.pk}").status_code == 200
    assert client.get(f"{address}versions/2.pdf").content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"paper__top_mm": "99"}, "paper.top_mm", "từ 0 đến 80"),
        ({"paper__top_mm": "x"}, "paper.top_mm", "từ 0 đến 80"),
        ({"images__columns": "2,5"}, "images.columns", "từ 1 đến 4"),
        ({"paper__size": "OWN", "paper__width_mm": "60"}, "paper.width_mm", "lề phải để lại"),
        ({"template": "{% if %}"}, "template", "line 1"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(changes: dict[str, str], path: str, words: str) -> None:
    client = client_of(a_user())
    told = client.post("/print-layouts/preview", entered(**changes)).json()["errors"]
    assert words in told[path]
    answer = client.post("/print-layouts/new/", entered(**changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PrintLayout.objects.exists()


@pytest.mark.parametrize("kind", DESIGNS)
def test_the_preview_is_of_nobody_or_of_a_real_exam_for_who_may_see_reports(kind: str) -> None:
    reader, administrator = client_of(a_user()), client_of(a_user("ADMINISTRATOR"))
    exam = an_exam()
    number = exam.request.accession_number
    sample = reader.post("/print-layouts/preview", entered(kind)).json()
    assert sample["pages"][0].startswith("data:image/png;base64,")
    if kind == "REPORT":
        none = reader.post("/print-layouts/preview", {**entered(kind), "preview_exam": number})
        assert "exam" in none.json()["errors"]
    approved(exam, a_reader())
    assert reader.post("/print-layouts/preview", {**entered(kind), "preview_exam": number}).status_code == 200
    assert AuditEvent.objects.filter(action="report.previewed", patient=exam.patient).exists()
    assert administrator.post("/print-layouts/preview", {**entered(kind), "preview_exam": number}).status_code == 403
    set_confidential(exam.patient_id, True, SYSTEM)
    hidden = reader.post("/print-layouts/preview", {**entered(kind), "preview_exam": number})
    assert "exam" in hidden.json()["errors"]


def test_nobody_guesses_between_two_patients_whose_orders_have_one_number() -> None:
    first, second, reader = an_exam(), an_exam(), client_of(a_user())
    approved(first, a_reader())
    approved(second, a_reader())
    ImagingServiceRequest.objects.filter(pk__in=(first.request_id, second.request_id)).update(
        sent_accession_number="2026-77"
    )
    wanted = {**entered(), "preview_exam": "2026-77"}
    answer = reader.post("/print-layouts/preview", wanted)
    assert "nhiều người bệnh" in answer.json()["errors"]["exam"]
    assert reader.post("/print-layouts/preview.pdf", wanted).status_code == 422
    assert not AuditEvent.objects.filter(action="report.previewed").exists()
    ImagingServiceRequest.objects.filter(pk=second.request_id).update(patient=first.patient)
    RequestedProcedure.objects.filter(pk=second.pk).update(patient=first.patient)
    assert "pages" in reader.post("/print-layouts/preview", wanted).json()


def test_a_real_preliminary_report_is_never_previewed_as_a_final_one() -> None:
    exam = an_exam()
    approved(exam, a_reader(), status=VersionStatus.PRELIMINARY)
    wanted = {"preview_exam": exam.request.accession_number, "preview_state": "F"}
    answer = client_of(a_user()).post("/print-layouts/preview.pdf", {**entered(), **wanted})
    assert "KẾT QUẢ SƠ BỘ" in PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()


def test_pictures_are_cleaned_kept_and_may_only_be_drawn() -> None:
    client = client_of(a_user())
    drawing = SVG.format('<script>alert(1)</script><path d="M0 0h9v9z"/>').encode()
    answer = client.post("/print-layouts/pictures/", {"picture": SimpleUploadedFile("l.svg", drawing)}).json()
    shown = client.get(answer["address"])
    assert b"script" not in shown.content
    assert shown["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (
        client.post("/print-layouts/pictures/", {"picture": SimpleUploadedFile("l.gif", b"GIF89a")}).status_code == 422
    )
    assert LayoutPicture.objects.count() == 1


def test_layouts_go_out_and_come_in_as_a_file() -> None:
    client = client_of(a_user())
    client.post("/print-layouts/ready")
    file = client.get("/print-layouts/export.zip").content
    sent = SimpleUploadedFile("l.zip", file)
    assert client.post("/print-layouts/import/", {"file": sent}, follow=True).status_code == 200
    wrong = client.post("/print-layouts/import/", {"file": SimpleUploadedFile("l.zip", b"x")}, follow=True)
    assert "Tệp không phải tệp mẫu in" in wrong.content.decode()


def test_labels_are_seen_printed_and_written_down() -> None:
    client = client_of(a_user("RECEPTION"))
    exam, other = an_exam(state="ORDERED", images=False), an_exam(state="ORDERED", images=False)
    page = client.get(f"/labels/?exams={exam.pk},{other.pk},x,999999&copies=2")
    assert page.content.decode().count('class="paper"') == 4
    pdf = client.get(f"/labels.pdf?exams={exam.pk}")
    assert exam.request.accession_number in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    assert AuditEvent.objects.filter(action="label.printed", patient=exam.patient).count() == 1
    assert client.get("/labels/?exams=999999").status_code == 404


def test_labels_of_each_department_have_its_layout_unless_one_is_chosen() -> None:
    client = client_of(a_user("RECEPTION"))
    exam, other = an_exam(state="ORDERED", images=False), an_exam(state="ORDERED", images=False)
    ImagingServiceRequest.objects.filter(pk=other.request_id).update(requesting_department="Khoa Nhi")
    small = DESIGNS["LABEL"]()
    create_layout(LayoutFacts("usual", "Nhãn chung", "LABEL", True), small, SYSTEM)
    rule = RuleFacts(requesting_department="Khoa Nhi")
    create_layout(LayoutFacts("nhi", "Nhãn Khoa Nhi", "LABEL", rules=(rule,)), small, SYSTEM)
    address = f"?exams={exam.pk},{other.pk}"
    page = client.get(f"/labels/{address}").content.decode()
    assert "Nhãn chung: 1 ca" in " ".join(page.split())
    assert "Nhãn Khoa Nhi: 1 ca" in " ".join(page.split())
    pages = PdfReader(io.BytesIO(client.get(f"/labels.pdf{address}").content)).pages
    numbers = [each.request.accession_number for each in (exam, other)]
    assert all(number in page.extract_text() for number, page in zip(numbers, pages, strict=True))
    printed = AuditEvent.objects.filter(action="label.printed").order_by("pk")
    assert [event.details["layout"] for event in printed] == ["usual", "nhi"]
    client.get(f"/labels.pdf{address}&layout=nhi")
    assert [event.details["layout"] for event in printed.all()[2:]] == ["nhi", "nhi"]


def test_a_recalled_report_is_shown_marked_and_as_it_was_approved() -> None:
    exam, reader = an_exam(), a_reader()
    version = approved(exam, reader)
    kept = bytes(ensure_document(version.pk).content)
    client = client_of(a_user())
    address = f"/exams/{exam.pk}/versions/1/report.pdf"
    assert client.get(address).content == kept
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    marked = PdfReader(io.BytesIO(client.get(address).content)).pages[0].extract_text()
    assert "ĐÃ THU HỒI" in marked
    assert client.get(f"{address}?original=1").content == kept
    assert "PDF như khi duyệt" in client.get(f"/exams/{exam.pk}/versions").content.decode()
