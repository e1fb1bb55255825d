"""``/open/<token>``: exactly the result's studies for whoever holds the link; a clear word for whoever does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from ris_core.access.signing import Keyring
from ris_core.access.tokens import (
    ImageLink,
    ResultLink,
    issue_image_link,
    issue_result_link,
    viewer_cookie_name,
)
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM, Actor
from ris_core.delivery.models import ReturnHold
from ris_core.delivery.outside import version_in_force
from ris_core.identifiers import StudyInstanceUID
from ris_core.key_images.models import KeyImage, VersionKeyImage
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.merging import merge_patients, unmerge_patients
from ris_core.reports.content import plain_content
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.reports.services import amend, approve, save_draft
from ris_core.studies.models import Study, StudyState
from ris_webapp.screens.reading.tests.exams import a_patient, a_receiver, a_study, a_user, an_exam
from ris_webapp.screens.reading.tests.test_reading_page import granted, report
from ris_webapp.screens.viewer_launch.refusals import MAXIMUM_REFUSALS

pytestmark = pytest.mark.django_db


def a_link(exam: RequestedProcedure, *studies: Study, hours: float = 1) -> str:
    """The address that the HIS was sent with the result of ``exam``."""
    link = ResultLink(
        receiver="HIS",
        procedure_id=exam.pk,
        version_number=1,
        study_uids=frozenset(StudyInstanceUID(study.study_instance_uid) for study in studies),
        expires_at=timezone.now() + timedelta(hours=hours),
        patient_id=exam.patient_id,
    )
    return f"/open/{issue_result_link(Keyring.from_settings(settings.QUANG), link)}"


def reported_exam() -> tuple[RequestedProcedure, Study]:
    exam = an_exam()
    study = a_study(exam)
    report(exam)
    return exam, study


def test_it_opens_nothing_once_the_exam_is_another_patients(client: Client) -> None:
    """The link lies in the first patient's record in the HIS."""
    exam, study = reported_exam()
    address, survivor = a_link(exam, study), a_patient()
    merge = merge_patients(exam.patient_id, survivor.pk, SYSTEM)
    assert client.get(address).status_code == 302
    of_both = a_link(RequestedProcedure.objects.get(pk=exam.pk), study)
    unmerge_patients(merge.pk, SYSTEM, reason="nhầm người")
    assert client.get(address).status_code == 302
    assert client.get(of_both).status_code == 410
    assert "another patient" in AuditEvent.objects.get(action="result_link.refused").reason


def test_it_opens_the_viewer_on_exactly_the_study() -> None:
    exam, study = reported_exam()
    answer: Any = Client().get(a_link(exam, study))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"/viewer/viewer?StudyInstanceUIDs={study.study_instance_uid}")
    (grant,) = granted(answer)
    assert grant.study_uids == {study.study_instance_uid}
    assert not grant.may_store
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"


def test_the_grant_ends_no_later_than_the_link() -> None:
    exam, study = reported_exam()
    (grant,) = granted(Client().get(a_link(exam, study, hours=0.5)))
    assert grant.expires_at <= timezone.now() + timedelta(minutes=31)


def test_opening_it_is_written_down_with_the_receiver_who_showed_it() -> None:
    exam, study = reported_exam()
    Client().get(a_link(exam, study))
    event = AuditEvent.objects.get(action="result_link.opened")
    assert (event.actor, event.patient_id) == ("receiver:HIS", exam.patient_id)


@pytest.mark.parametrize("change", ["signature", "nonsense", "purpose"])
def test_a_link_that_is_not_ours_is_refused_without_a_word_about_any_study(change: str) -> None:
    exam, study = reported_exam()
    address = a_link(exam, study)
    wrong = {
        "signature": address[:-4] + ("aaaa" if not address.endswith("aaaa") else "bbbb"),
        "nonsense": "/open/hello",
        "purpose": address.replace("q1.result", "q1.viewer"),
    }[change]
    answer: Any = Client().get(wrong)
    assert answer.status_code == 403
    assert "QUANG-3101" in answer.content.decode()
    assert study.study_instance_uid not in answer.content.decode()
    assert granted(answer) == []


def test_a_link_that_is_over_says_so() -> None:
    exam, study = reported_exam()
    answer: Any = Client().get(a_link(exam, study, hours=-1))
    assert (answer.status_code, granted(answer)) == (410, [])
    assert "QUANG-3102" in answer.content.decode()


def test_english_is_spoken_to_who_chose_it() -> None:
    exam, study = reported_exam()
    browser = Client()
    browser.cookies["quang_language"] = "en"
    assert "This link has expired" in browser.get(a_link(exam, study, hours=-1)).content.decode()


def test_a_study_that_went_to_conflict_since_is_not_opened() -> None:
    exam, study = reported_exam()
    address = a_link(exam, study)
    a_study(None, state=StudyState.CONFLICT, study_instance_uid=study.study_instance_uid)
    answer: Any = Client().get(address)
    assert (answer.status_code, granted(answer)) == (410, [])


def test_a_study_that_was_linked_elsewhere_since_is_not_opened() -> None:
    exam, study = reported_exam()
    address = a_link(exam, study)
    study.links.update(undone_at=timezone.now())
    assert Client().get(address).status_code == 410


def test_who_tries_many_wrong_links_is_stopped_and_nobody_with_a_right_one() -> None:
    exam, study = reported_exam()
    browser = Client()
    for number in range(MAXIMUM_REFUSALS):
        browser.get(f"/open/wrong{number}")
    assert browser.get("/open/wrong").status_code == 429
    assert browser.get(a_link(exam, study)).status_code == 302, "somebody else behind the same address"
    assert AuditEvent.objects.filter(action="result_link.refused").count() == MAXIMUM_REFUSALS


def test_the_report_opens_in_the_browser_that_opened_the_link_and_in_no_other() -> None:
    exam, study = reported_exam()
    ensure_document(ReportVersion.objects.get().pk)
    browser = Client()
    browser.get(a_link(exam, study))
    address = f"/open/report/{viewer_cookie_name([study.study_instance_uid]).removeprefix('quang_view_')}"
    answer = browser.get(address)
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert Client().get(address).status_code == 403


def test_the_report_is_waited_for_while_it_is_being_made() -> None:
    exam, study = reported_exam()
    browser = Client()
    browser.get(a_link(exam, study))
    address = f"/open/report/{viewer_cookie_name([study.study_instance_uid]).removeprefix('quang_view_')}"
    assert browser.get(address).status_code == 202


def test_nothing_opens_once_the_receiver_is_switched_off() -> None:
    exam, study = reported_exam()
    ensure_document(ReportVersion.objects.get().pk)
    receiver = a_receiver("HIS")
    browser = Client()
    address = a_link(exam, study)
    assert browser.get(address).status_code == 302
    report_address = f"/open/report/{viewer_cookie_name([study.study_instance_uid]).removeprefix('quang_view_')}"
    assert browser.get(report_address).status_code == 200
    receiver.active = False
    receiver.save()
    assert browser.get(address).status_code == 410
    assert browser.get(report_address).status_code == 410


def an_image_link(exam: RequestedProcedure) -> str:
    """The address of a key image that went with the first version of the exam's report."""
    version = ReportVersion.objects.get(reading__procedure=exam)
    image = KeyImage.objects.create(
        procedure=exam, study_instance_uid="1.2", series_instance_uid="1.2.3", sop_instance_uid="1.2.3.4",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2", picture=b"jpeg", sha256="0" * 64, width=1, height=1,
        chosen_by=a_user(), chosen_at=timezone.now(),
    )  # fmt: skip
    VersionKeyImage.objects.create(version=version, key_image=image, position=0, sha256=image.sha256)
    link = ImageLink("HIS", version.pk, 0, timezone.now() + timedelta(hours=1), version.reading.procedure.patient_id)
    return f"/open/image/{issue_image_link(Keyring.from_settings(settings.QUANG), link)}"


def test_a_key_image_opens_while_its_version_counts() -> None:
    exam, _ = reported_exam()
    address = an_image_link(exam)
    assert Client().get(address).content == b"jpeg"
    held = ReturnHold.objects.create(procedure=exam, held_at=timezone.now())
    assert Client().get(address).status_code == 410
    held.delete()
    version = ReportVersion.objects.get(reading__procedure=exam)
    reader = a_user()
    actor = Actor(reader.username, reader.pk)
    recall(version.reading_id, version.number, "Nhầm người bệnh", actor)
    assert Client().get(address).status_code == 410
    corrected = amend(version.reading_id, actor)
    revision = save_draft(corrected.pk, corrected.draft_revision, plain_content(conclusion="Đúng"), actor)
    approve(corrected.pk, revision, VersionStatus.CORRECTED, actor)
    assert version_in_force(exam.pk) is not None
    assert Client().get(address).status_code == 410, "a correction brings back no image of the recalled version"


def test_a_key_image_does_not_open_once_the_receiver_is_switched_off() -> None:
    exam, _ = reported_exam()
    address, receiver = an_image_link(exam), a_receiver("HIS")
    assert Client().get(address).status_code == 200
    receiver.active = False
    receiver.save()
    assert Client().get(address).status_code == 410
