"""Who holds a link: what opens, what does not, and what is shown (R10)."""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.tokens import share_grant
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.delivery.models import ReturnHold
from ris_core.engine.answers import EngineInstance, EngineSeries
from ris_core.engine.client import Engine
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.letters.codes import CODES_AT_ONCE
from ris_core.orders.models import OrderLink, RequestedProcedure
from ris_core.reports.documents import ensure_document, identity_of
from ris_core.reports.encapsulated import report_series_uid, report_uids
from ris_core.reports.models import ReportVersion
from ris_core.reports.recalling import recall
from ris_core.reports.rendering import texts_of
from ris_core.reports.texts import content_of
from ris_core.sharing.models import (
    CopiedImage,
    CopiedStudy,
    CopyingState,
    Share,
    ShareCopying,
    SharedExam,
    ShareMessage,
)
from ris_core.sharing.opening import MOST_REFUSALS
from ris_core.sharing.rules import WRONG_TRIES, Terms
from ris_core.sharing.services import make_share, renew_link
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.services import undo_link
from ris_testing.exams import a_reader
from ris_webapp.screens.reading.tests.exams import a_study, an_exam
from ris_webapp.screens.reading.tests.test_reading_page import granted, report
from ris_webapp.screens.sharing import archive, receiving
from ris_webapp.screens.sharing.tests.shares import an_exam_with_images, entered, knock, made, sealed_letter

pytestmark = pytest.mark.django_db
PASSWORD = "mo-bang-cai-nay"


def test_a_link_opens_its_exam_and_no_other(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    other, _ = an_exam_with_images()
    _, secret = made(sharer, exam)
    receiver, page = entered(secret)
    assert exam.service_name in receiver.get(page).content.decode()
    answer: Any = receiver.get(f"{page}images/{exam.pk}")
    (grant,) = granted(answer)
    assert grant.study_uids == {study.study_instance_uid}
    assert not grant.may_download
    assert not grant.may_store
    for what in ("images", "report", "files"):
        assert receiver.get(f"{page}{what}/{other.pk}").status_code == 403


def test_the_door_says_nothing_and_may_be_seen_by_anybody() -> None:
    answer = Client().get("/share/")
    assert answer.status_code == 200
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("what", ["unknown", "malformed", "over", "revoked", "used up", "another device", "locked"])
def test_whoever_does_not_get_in_learns_nothing(sharer: Client, what: str) -> None:
    exam, _ = an_exam_with_images()
    lock = {"lock": "PASSWORD", "password": PASSWORD} if what == "locked" else {}
    share, secret = made(sharer, exam, **lock)
    stored = Share.objects.filter(pk=share.pk)
    if what == "unknown":
        secret = "A" * 43
    elif what == "malformed":
        secret = "' OR 1=1 --"
    elif what == "over":
        stored.update(expires_at=timezone.now())
    elif what == "revoked":
        stored.update(revoked_at=timezone.now())
    elif what == "used up":
        stored.update(views_allowed=1, views_used=1)
    elif what == "another device":
        entered(secret)
    else:
        for _ in range(WRONG_TRIES):
            knock(Client(), secret, "sai-mat-khau")
    answer = knock(Client(), secret)
    assert (answer.status_code, answer.json()) == (403, {"code": "QUANG-6301"})


def test_guessing_is_slowed_down_for_that_address_only(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    _, secret = made(sharer, exam)
    for _ in range(MOST_REFUSALS):
        assert knock(Client(REMOTE_ADDR="203.0.113.9"), "B" * 43).status_code == 403
    assert knock(Client(REMOTE_ADDR="203.0.113.9"), secret).status_code == 429
    assert knock(Client(REMOTE_ADDR="203.0.113.10"), secret).status_code == 200


def test_a_password_is_asked_for_and_a_wrong_one_refused_like_a_wrong_link(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    _, secret = made(sharer, exam, lock="PASSWORD", password=PASSWORD)
    receiver = Client()
    assert knock(receiver, secret).json() == {"ask": "PASSWORD"}
    assert knock(receiver, secret, "sai").json() == {"code": "QUANG-6301"}
    assert "to" in knock(receiver, secret, PASSWORD).json()


def test_a_code_is_sent_opens_once_and_not_too_often(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, lock="CODE", code_to="0912 345 678", may_pass_on="on")
    receiver = Client()
    assert knock(receiver, secret).json() == {"ask": "CODE"}
    letter = ShareMessage.objects.get(share=share)
    assert (letter.channel, letter.address) == ("SMS", "0912345678")
    assert Job.objects.filter(kind="tell_share", subject_id=str(letter.pk)).exists()
    code = sealed_letter(letter).code
    assert "to" in knock(receiver, secret, code).json()
    assert knock(receiver, secret, code).status_code == 403
    for _ in range(CODES_AT_ONCE - 1):
        assert knock(receiver, secret).status_code == 200
    assert knock(receiver, secret).status_code == 403


def test_the_first_device_keeps_it_unless_it_may_be_passed_on(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    _, secret = made(sharer, exam)
    receiver, _ = entered(secret)
    assert knock(receiver, secret).status_code == 200
    assert knock(Client(), secret).status_code == 403
    _, passed_on = made(sharer, exam, may_pass_on="on")
    assert knock(Client(), passed_on).status_code == 200
    assert knock(Client(), passed_on).status_code == 200


def test_views_are_counted(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    share, secret = made(sharer, exam, views_allowed="2", may_pass_on="on")
    receiver, page = entered(secret)
    entered(secret)
    assert knock(Client(), secret).status_code == 403
    assert receiver.get(page).status_code == 200  # who is in stays in
    share.refresh_from_db()
    assert (share.views_used, share.openings.count()) == (2, 2)


def test_images_that_are_taken_from_the_exam_are_loaded_by_no_open_viewer(sharer: Client) -> None:
    (exam, study), (other, _) = an_exam_with_images(), an_exam_with_images()
    share, secret = made(sharer, exam)
    kept, kept_secret = made(sharer, other)
    receiver, page = entered(secret)
    entered(kept_secret)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    undo_link(study.links.get().pk, Actor("test"), "không phải người này")
    assert read_ended_grants() == {grant.grant}
    assert share_grant(kept.pk, 1) not in read_ended_grants()
    assert receiver.get(page).status_code == 200
    assert receiver.get(f"{page}images/{exam.pk}").status_code == 404
    a_study(exam)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert grant.grant == share_grant(share.pk, 2)


def test_the_report_is_there_while_it_is_in_force(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    _, secret = made(sharer, exam, with_report="on")
    receiver, page = entered(secret)
    assert receiver.get(f"{page}report/{exam.pk}").status_code == 404
    report(exam)
    version = ReportVersion.objects.get(reading__procedure=exam)
    ensure_document(version.pk)
    answer = receiver.get(f"{page}report/{exam.pk}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert exam.patient.full_name not in answer["Content-Disposition"]
    _, without = made(sharer, exam)
    receiver, page = entered(without)
    assert receiver.get(f"{page}report/{exam.pk}").status_code == 404


def test_the_report_is_read_as_a_page_too_with_its_version_text_and_signature(sharer: Client) -> None:
    exam, _ = an_exam_with_images()
    report(exam)
    version = ReportVersion.objects.select_related("reading", "approved_by").get(reading__procedure=exam)
    _, secret = made(sharer, exam, with_report="on")
    receiver, page = entered(secret)
    address = f"{page}report/{exam.pk}/read"
    assert address in receiver.get(page).content.decode()
    shown = receiver.get(address).content.decode()
    for text in (*filter(None, texts_of(content_of(version)).values()), version.approved_by.full_name, "Chưa ký số"):
        assert escape(text) in shown
    assert AuditEvent.objects.filter(action="report.viewed", patient_id=exam.patient_id).count() == 1
    recall(version.reading_id, version.number, "Nhầm bên", Actor("test", user_id=version.approved_by_id))
    assert receiver.get(address).status_code == 404
    _, without = made(sharer, exam)
    receiver, page = entered(without)
    assert receiver.get(f"{page}report/{exam.pk}/read").status_code == 404


def stored_report(exam: RequestedProcedure, study: Study) -> str:
    """The series in which the exam's report lies in the study, as the worker stores it."""
    version = ReportVersion.objects.get(reading__procedure=exam)
    identity = identity_of(version, content_sha256=version.content_sha256)
    return report_uids(identity, study.study_instance_uid, settings.QUANG.site.uid_root)[0]


def test_a_report_that_is_not_shared_is_not_seen_among_the_images_either(sharer: Client) -> None:
    exam, study = an_exam_with_images()
    report(exam)
    series = stored_report(exam, study)
    seen: dict[str, frozenset[str]] = {}
    for with_report in ("", "on"):
        _, secret = made(sharer, exam, **({"with_report": "on"} if with_report else {}))
        receiver, page = entered(secret)
        (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
        seen[with_report] = grant.without_series
    assert seen == {"": {series}, "on": frozenset()}
    ReturnHold.objects.create(procedure=exam, held_at=timezone.now())
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert grant.without_series == {series}, "held back until it is paid for"


def test_the_report_of_another_exam_in_the_same_study_is_not_shared(sharer: Client) -> None:
    (exam, study), other = an_exam_with_images(), an_exam()
    StudyLink.objects.create(study=study, procedure=other, how=StudyLink.How.PERSON, linked_at=timezone.now())
    report(exam)
    number = f"{other.filler_order_number}|1"
    _, secret = made(sharer, exam, with_report="on")
    receiver, page = entered(secret)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    root = settings.QUANG.site.uid_root
    assert grant.without_series == {report_series_uid(number, study.study_instance_uid, root)}


def test_a_report_stored_before_its_order_was_linked_is_left_out_too(sharer: Client) -> None:
    (exam, study), order = an_exam_with_images(), an_exam()
    report(exam)
    before = stored_report(exam, study)
    OrderLink.objects.create(procedure=exam, absorbed=order, linked_at=timezone.now())
    numbers = exam.filler_order_number, order.filler_order_number
    for pk, number in ((exam.pk, "-"), (order.pk, numbers[0]), (exam.pk, numbers[1])):
        RequestedProcedure.objects.filter(pk=pk).update(filler_order_number=number)
    _, secret = made(sharer, exam)
    receiver, page = entered(secret)
    (grant,) = granted(receiver.get(f"{page}images/{exam.pk}"))
    assert grant.without_series == {before, stored_report(exam, study)}


def test_the_zip_leaves_out_what_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeEngine:
        def find_studies(self, _uid: str) -> list[str]:
            return ["study"]

        def instances(self, _study: str) -> list[EngineInstance]:
            series = [OrthancId("-".join([digit * 8] * 5)) for digit in "ab"]
            return [EngineInstance(one, one, f"1.{number}") for number, one in enumerate(series)]

        def series(self, series: OrthancId) -> EngineSeries:
            return EngineSeries(series, "1.2.3" if series.startswith("a") else "1.2.4", "CT", ())

        def instance_pieces(self, instance: OrthancId) -> list[bytes]:
            return [instance.encode()]

    monkeypatch.setattr(Engine, "from_settings", lambda *_, **__: nullcontext(FakeEngine()))
    pieces = archive.zip_of(settings.QUANG, ["1.2"], without_series=["1.2.4"], still_open=lambda: True)
    with ZipFile(BytesIO(b"".join(pieces))) as opened_zip:
        assert [opened_zip.read(name)[:1] for name in opened_zip.namelist()] == [b"a"]


def test_a_download_ends_when_images_are_taken_from_the_exam(sharer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    exam, study = an_exam_with_images()
    a_study(exam, study_instance_uid=study.study_instance_uid)
    _, secret = made(sharer, exam, may_download="on")
    receiver, page = entered(secret)
    asked: list[Any] = []

    def zip_of(_settings: Any, study_uids: list[str], **options: Any) -> list[bytes]:
        asked.extend((study_uids, options["still_open"]))
        return [b""]

    monkeypatch.setattr(receiving, "zip_of", zip_of)
    assert receiver.get(f"{page}files/{exam.pk}").status_code == 200
    uids, still_open = asked
    assert uids == [study.study_instance_uid]
    assert still_open()
    Study.objects.filter(pk=study.pk).update(state=StudyState.CONFLICT, patient=None)
    assert not still_open()


def test_several_exams_of_several_patients(sharer: Client) -> None:
    (one, _), (other, _) = an_exam_with_images(), an_exam_with_images()
    _, secret = made(sharer, one, other)
    receiver, page = entered(secret)
    text = receiver.get(page).content.decode()
    assert one.patient.full_name in text
    assert other.patient.full_name in text
    for exam in (one, other):
        assert receiver.get(f"{page}images/{exam.pk}").status_code == 302


def test_an_anonymous_share_never_says_the_number_of_its_exam(sharer: Client) -> None:
    """Whoever has another share of the exam, with its patient, would know whose the copies are."""
    exam, study = an_exam_with_images()
    _exam_before, _ = an_exam_with_images()
    terms = Terms(
        receiver="BS Minh", exam_ids=(exam.pk,), expires_at=timezone.now() + timedelta(days=1), anonymous=True,
        may_download=True,
    )  # fmt: skip
    share, _ = make_share(terms, a_reader())
    row = share.exams.get()
    SharedExam.objects.filter(pk=row.pk).update(id=(number := exam.pk + 1000))
    copying = ShareCopying.objects.create(share=share, secret=b"s" * 32, state=CopyingState.READY)
    copied = CopiedStudy.objects.create(
        copying=copying, procedure=exam, study=study, study_instance_uid="2.25.7", orthanc_id="copy"
    )
    CopiedImage.objects.create(
        copied_study=copied, source_id="source", result=CopiedImage.Result.COPIED, orthanc_id="image"
    )
    _, secret = renew_link(share.pk, a_reader())
    receiver, page = entered(secret)
    shown = receiver.get(page).content.decode()
    assert re.findall(r'href="/share/[0-9a-f]+/(?:images|files)/(\d+)"', shown) == [str(number), str(number)]
    answer: Any = receiver.get(f"{page}images/{number}")
    (grant,) = granted(answer)
    assert grant.study_uids == {"2.25.7"}
    assert AuditEvent.objects.filter(action="share.viewed", subject=f"exam:{exam.pk}").exists()
    for what in ("images", "report", "files"):
        assert receiver.get(f"{page}{what}/{exam.pk}").status_code == 403
    assert f"images-{number}.zip" in receiver.get(f"{page}files/{number}")["Content-Disposition"]
