"""A share with a watermark: what a receiver is given bears it, and nothing else is given (R10)."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import msgspec
import pypdfium2
import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import Client
from django.utils.html import escape

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.grammar import mark_on, permits, read_image_request
from ris_core.access.tokens import ViewerGrant
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import Document, ReportVersion
from ris_core.sharing.lineage import mark_of
from ris_core.sharing.models import Share
from ris_core.sharing.settings import Sharing
from ris_core.sharing.watermark import code_of
from ris_webapp.gateway.grants import grants_of
from ris_webapp.screens.reading.tests.exams import a_study
from ris_webapp.screens.reading.tests.test_reading_page import granted, report
from ris_webapp.screens.sharing.tests.shares import an_exam_with_images, entered, made
from ris_webapp.screens.sharing.tests.test_passing_on import passed_on
from ris_webapp.screens.sharing.tests.test_receiving import stored_report

pytestmark = pytest.mark.django_db


def with_sharing(**sharing: Any) -> Any:
    return patch.object(settings, "QUANG", msgspec.structs.replace(settings.QUANG, sharing=Sharing(**sharing)))


def grant_of(receiver: Client, page: str, exam: RequestedProcedure) -> ViewerGrant:
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    return grant


def told(receiver: Client, study_uid: str) -> dict[str, Any]:
    answer = receiver.get(f"/dicom-web/studies/{study_uid}/mark")
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    return said


def test_viewer_pages_and_pictures_say_for_whom_it_is(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    report(exam)
    share, secret = made(sharer, exam, watermark="on", with_report="on")
    words = mark_of(share)
    assert share.created_by is not None
    for said in (share.created_by.full_name, "BS Minh", code_of(share.handle)):
        assert said in words
    assert exam.patient.full_name not in words
    receiver, page = entered(secret)
    assert grant_of(receiver, page, exam).mark == words
    lines = words.split(" · ")
    assert told(receiver, study.study_instance_uid) == {"lines": lines, "pictures_only": False}
    for address in (page, f"{page}report/{exam.pk}/read"):
        shown = receiver.get(address).content.decode()
        assert all(f">{escape(line)}</text>" in shown for line in lines)
        assert "dấu chìm" in shown


def test_without_one_nothing_is_marked(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    share, secret = made(sharer, exam)
    receiver, page = entered(secret)
    assert (mark_of(share), grant_of(receiver, page, exam).mark) == ("", "")
    assert told(receiver, study.study_instance_uid) == {"lines": [], "pictures_only": False}
    assert "share-mark" not in receiver.get(page).content.decode()


def test_nobody_is_told_a_mark_without_a_grant() -> None:
    assert Client().get("/dicom-web/studies/1.2.3/mark").status_code == 403


def test_the_report_as_pdf_is_a_marked_copy_and_the_stored_one_stays(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    report(exam)
    version = ReportVersion.objects.get(reading__procedure=exam)
    ensure_document(version.pk)
    kept = bytes(Document.objects.get(version=version).content)
    _, plain = made(sharer, exam, with_report="on")
    receiver, page = entered(plain)
    assert receiver.get(f"{page}report/{exam.pk}").content == kept
    _, secret = made(sharer, exam, with_report="on", watermark="on")
    receiver, page = entered(secret)
    answer = receiver.get(f"{page}report/{exam.pk}")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content != kept
    before, after = (pypdfium2.PdfDocument(pdf) for pdf in (kept, answer.content))
    assert len(before) == len(after)
    assert before[0].render().to_pil().tobytes() != after[0].render().to_pil().tobytes()
    assert bytes(Document.objects.get(version=version).content) == kept


def test_the_report_among_the_images_is_closed_since_it_bears_no_mark(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    report(exam)
    _, secret = made(sharer, exam, with_report="on", watermark="on")
    receiver, page = entered(secret)
    assert grant_of(receiver, page, exam).without_series == {stored_report(exam, study)}


def test_pictures_only_open_no_viewer_that_draws_stored_pixels(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    _, secret = made(sharer, exam, watermark="on", pictures_only="on")
    receiver, page = entered(secret)
    answer: Any = receiver.get(f"{page}images/{exam.pk}")
    assert answer["Location"].startswith("/open/phone?StudyInstanceUIDs=")
    (grant,) = granted(answer)
    assert grant.pictures_only
    assert told(receiver, study.study_instance_uid)["pictures_only"]
    image = f"/dicom-web/studies/{study.study_instance_uid}/series/1.2.5/instances/1.2.6"
    assert receiver.get(f"{image}/frames/1").status_code == 403
    assert receiver.get(f"{image}/bulk/7FE00010").status_code == 403


@pytest.mark.parametrize("fields", [{}, {"watermark": "on", "may_download": "on"}])
def test_pictures_only_are_refused_beside_the_field_where_they_mean_nothing(
    sharer: Client, fields: dict[str, str]
) -> None:
    exam, _ = an_exam_with_images()
    entered_fields = {"exam": exam.pk, "receiver": "BS Minh", "expires_at": "2999-01-01", "lock": "NONE"}
    answer = sharer.post("/shares/new/", {**entered_fields, "pictures_only": "on", **fields})
    assert answer.status_code == 422
    assert "Chỉ đưa ảnh dựng sẵn khi có dấu chìm" in answer.content.decode()
    share, _ = made(sharer, exam)
    answer = sharer.post(f"/shares/{share.pk}/limit/", {"pictures_only": "on", **fields})
    assert (answer.status_code, Share.objects.get(pk=share.pk).pictures_only) == (422, False)


def test_what_is_passed_on_bears_words_of_its_own(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, watermark="on", pictures_only="on", may_pass_on="on")
    receiver, page = entered(secret)
    child, further = passed_on(receiver, page)
    assert "BS Minh chia sẻ cho BS Hoa" in mark_of(child)
    assert code_of(child.handle) in mark_of(child)
    other, other_page = entered(further)
    grant = grant_of(other, other_page, exam)
    assert (grant.mark, grant.pictures_only) == (mark_of(child), True)
    for query in (code_of(child.handle), code_of(share.handle).lower()):  # a leaked picture is traced to the share
        assert f"/shares/{share.pk}/" in sharer.get("/shares/", {"q": query}).content.decode()
    assert f"/shares/{share.pk}/" not in sharer.get("/shares/", {"q": "00000000"}).content.decode()


def test_a_mark_that_is_added_later_ends_what_was_opened_without_it(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, may_pass_on="on")
    receiver, page = entered(secret)
    before = grant_of(receiver, page, exam)
    child, further = passed_on(receiver, page)
    other, other_page = entered(further)
    sharer.post(f"/shares/{share.pk}/limit/", {"watermark": "on", "may_pass_on": "on"})
    assert before.grant in read_ended_grants()
    assert receiver.get(page).status_code == other.get(other_page).status_code == 403
    receiver, page = entered(secret)
    assert grant_of(receiver, page, exam).mark
    child.refresh_from_db()
    assert mark_of(child)


def test_an_anonymous_share_names_nobody_in_its_mark(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    fields = {"exam": exam.pk, "receiver": exam.patient.full_name, "expires_at": "2999-01-01", "lock": "NONE"}
    with with_sharing(longest_days=999_999, watermark_text="{receiver} {sharer}"):
        assert sharer.post("/shares/new/", {**fields, "anonymous": "on", "watermark": "on"}).status_code == 302
        share = Share.objects.get()
        assert mark_of(share).startswith("Chia sẻ ẩn danh · ngày ")
        assert exam.patient.full_name not in mark_of(share)


def test_a_site_marks_always_or_offers_it_first(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    ticked = 'name="watermark" checked'
    assert ticked not in sharer.get("/shares/new/").content.decode()
    before, secret = made(sharer, exam)
    with with_sharing(watermark="on"):
        assert ticked in sharer.get("/shares/new/").content.decode()
        assert mark_of(before) == ""
    with with_sharing(watermark="always"):
        page = sharer.get("/shares/new/").content.decode()
        assert 'name="watermark"' not in page
        assert "Mọi chia sẻ đều có dấu chìm" in page
        share, _ = made(sharer, exam)
        assert share.watermark
        assert mark_of(before)
        receiver, shown = entered(secret)
        assert grant_of(receiver, shown, exam).mark


def test_the_page_of_the_share_says_the_words(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, _ = made(sharer, exam, watermark="on")
    assert escape(mark_of(share)) in sharer.get(f"/shares/{share.pk}/").content.decode()


def test_who_may_see_it_unmarked_besides_sees_it_so(sharer: Client) -> None:
    """A receiver of two shares, or one of the house: what one grant gives plainly another does not mark."""
    exam, study = an_exam_with_images()
    a_study(exam)
    _, marked = made(sharer, exam, watermark="on")
    receiver, page = entered(marked)
    receiver.get(f"{page}images/{exam.pk}")

    picture = read_image_request("GET", f"/dicom-web/studies/{study.study_instance_uid}/rendered")

    def mark_on_it() -> str:
        request = HttpRequest()
        request.COOKIES = {name: morsel.value for name, morsel in receiver.cookies.items()}
        grants = grants_of(request)
        assert permits(picture, grants, marking=True)
        return mark_on(picture, grants)

    assert mark_on_it()
    other, _ = an_exam_with_images()
    a_study(other, study_instance_uid=study.study_instance_uid)
    _, plain = made(sharer, other)
    answer = receiver.post("/share/open", {"link": plain})
    receiver.get(f"{answer.json()['to']}images/{other.pk}")
    assert mark_on_it() == ""
