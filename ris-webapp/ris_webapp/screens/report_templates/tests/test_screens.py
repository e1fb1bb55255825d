"""The screens of templates, phrases and words."""

from __future__ import annotations

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ris_core.reports.models import Phrase, ReportTemplate, SpellingWord
from ris_core.reports.templates import shipped_templates
from ris_webapp.screens.reading.tests.exams import a_study, a_template, a_user, an_exam, client_of

pytestmark = pytest.mark.django_db

DEFINITION = {"sections": [{"code": "conclusion", "items": [{"block": {"type": "text", "text": "Bình thường."}}]}]}


@pytest.mark.parametrize(("role", "status"), [("RADIOLOGIST", 200), ("ADMINISTRATOR", 200), ("TECHNOLOGIST", 403)])
def test_who_may_change_templates(role: str, status: int) -> None:
    client = client_of(a_user(role))
    for address in ("/report-templates/", "/report-templates/new/", "/report-templates/phrases/"):
        assert client.get(address).status_code == status


def test_a_template_is_designed_changed_switched_off_and_restored() -> None:
    client = client_of(a_user())
    entered = {"code": "ct-a", "name": "CLVT A", "modality": "ct", "definition": json.dumps(DEFINITION)}
    assert client.post("/report-templates/new/", entered).status_code == 302
    template = ReportTemplate.objects.get(code="ct-a")
    assert template.modality == "CT"
    address = f"/report-templates/{template.pk}/"
    other = json.dumps({"sections": [{"code": "findings", "items": []}]})
    assert client.post(address, {**entered, "definition": other, "over": 1}).status_code == 302
    late = client.post(address, {**entered, "over": 1})
    assert late.status_code == 422
    assert "Người khác vừa lưu" in late.content.decode()
    assert client.post(f"{address}versions/1/restore").status_code == 302
    client.post(f"{address}active", {"active": "0"})
    template.refresh_from_db()
    assert template.current is not None
    assert (template.current.number, template.active) == (3, False)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("definition", ["", "{", "[]", '{"sections":[]}', '{"sections":[{"code":"A b"}]}'])
def test_what_is_no_definition_is_told_beside_the_form(definition: str) -> None:
    answer = client_of(a_user()).post("/report-templates/new/", {"code": "x", "name": "x", "definition": definition})
    assert answer.status_code == 422
    assert not ReportTemplate.objects.exists()


def test_the_preview_shows_what_comes_out_for_a_patient() -> None:
    only_women = {"type": "text", "text": "Tử cung bình thường."}
    definition = {"sections": [{"code": "findings", "items": [{"block": only_women, "when": {"sex": "F"}}]}]}
    client = client_of(a_user())
    asked = {"definition": json.dumps(definition), "sex": "F", "age": "30"}
    assert "Tử cung" in client.post("/report-templates/preview", asked).json()["text"]
    assert client.post("/report-templates/preview", {**asked, "sex": "M"}).json()["text"] == ""
    assert client.post("/report-templates/preview", {"definition": "{"}).status_code == 422


def test_templates_go_out_and_come_in_as_a_file_and_mrrt_opens_in_the_designer() -> None:
    client = client_of(a_user())
    a_template()
    file = client.get("/report-templates/export.json")
    assert file["Content-Disposition"].startswith("attachment")
    theirs = json.loads(file.content)
    theirs["templates"][0]["code"] = "of-another-hospital"
    sent = SimpleUploadedFile("t.json", json.dumps(theirs).encode())
    assert client.post("/report-templates/import/", {"file": sent}).status_code == 302
    assert ReportTemplate.objects.count() == 2
    mrrt = SimpleUploadedFile("t.html", b"<html><section data-section-name='Impression'><p>Clear.</p></section></html>")
    designer = client.post("/report-templates/import/", {"file": mrrt})
    assert "Clear." in designer.content.decode()
    assert ReportTemplate.objects.count() == 2


def test_phrases_reach_the_reading_page_of_their_owner() -> None:
    user = a_user()
    client = client_of(user)
    assert client.post("/report-templates/phrases/", {"abbreviation": ".bt", "text": "Phoi ro."}).status_code == 302
    assert client.post("/report-templates/phrases/", {"abbreviation": "b t", "text": "x"}).status_code == 422
    phrase = Phrase.objects.get()
    assert (phrase.abbreviation, phrase.owner_id) == ("bt", user.pk)
    exam = an_exam()
    a_study(exam)
    assert "Phoi ro." in client.get(f"/exams/{exam.pk}/").content.decode()
    assert "Phoi ro." not in client_of(a_user()).get(f"/exams/{exam.pk}/").content.decode()
    client.post(f"/report-templates/phrases/{phrase.pk}/active", {"active": "0"})
    assert "Phoi ro." not in client.get(f"/exams/{exam.pk}/").content.decode()


def test_a_word_is_learned_on_the_reading_page_and_removed_here() -> None:
    client = client_of(a_user())
    answer = client.post("/exams/words", {"word": "Xeloda"}, content_type="application/json")
    assert answer.json() == {"word": "xeloda"}
    assert client.post("/exams/words", {"word": "hai từ"}, content_type="application/json").status_code == 422
    client.post(f"/report-templates/words/{SpellingWord.objects.get().pk}/remove")
    assert not SpellingWord.objects.exists()


def test_a_resident_has_phrases_of_their_own_and_leaves_the_hospitals_alone() -> None:
    client = client_of(a_user("RESIDENT"))
    entered = {"abbreviation": "bt", "text": "Bình thường."}
    assert client.post("/report-templates/phrases/", entered).status_code == 302
    assert client.post("/report-templates/phrases/", {**entered, "shared": "on"}).status_code == 403
    client_of(a_user()).post("/report-templates/phrases/", {**entered, "shared": "on"})
    shared = Phrase.objects.get(owner__isnull=True)
    assert client.post(f"/report-templates/phrases/{shared.pk}/active", {"active": "0"}).status_code == 403


def test_a_macro_is_made_on_the_screen_and_reaches_the_reading_page_whole() -> None:
    client = client_of(a_user())
    entered = {"abbreviation": "vp", "findings": "Đám mờ.", "conclusion": "Viêm phổi.", "replaces": "on"}
    assert client.post("/report-templates/phrases/", entered).status_code == 302
    too_long = client.post("/report-templates/phrases/", {**entered, "abbreviation": "vp2", "findings": "x" * 4001})
    assert (too_long.status_code, "findings-error" in too_long.content.decode()) == (422, True)
    exam = an_exam()
    a_study(exam)
    page = client.get(f"/exams/{exam.pk}/").content.decode()
    found = re.search(r'id="reading-snippets"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found[1]) == [
        {
            "abbreviation": "vp",
            "text": "",
            "own": True,
            "sections": {"findings": "Đám mờ.", "conclusion": "Viêm phổi."},
            "replaces": True,
        }
    ]


def test_ready_phrases_and_templates_are_taken_by_who_may_and_one_is_copied_to_make_it_ones_own() -> None:
    client = client_of(a_user())
    for address in ("phrases/ready", "ready"):
        assert client.post(f"/report-templates/{address}").status_code == 302
        assert client_of(a_user("RESIDENT")).post(f"/report-templates/{address}").status_code == 403
    assert ReportTemplate.objects.count() == len(shipped_templates())
    shared = Phrase.objects.get(abbreviation="viemphoi")
    resident = client_of(a_user("RESIDENT"))
    page = resident.get(f"/report-templates/phrases/?copy={shared.pk}").content.decode()
    assert 'name="phrase_id" value=""' in page
    assert "Hình ảnh theo dõi viêm" in page
    assert "phrases/ready" not in page
