"""A viewer that a result link or a launch has opened ends with what it was opened for (P6, P20)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.tokens import ViewerGrant
from ris_core.audit.services import SYSTEM, Actor
from ris_core.delivery.models import ReceiverLook
from ris_core.orders.models import RequestedProcedure, Visit
from ris_core.patients.merging import merge_patients, unmerge_patients
from ris_core.patients.visits import move_visit
from ris_core.reports.models import ReportVersion
from ris_core.reports.recalling import recall
from ris_core.sight.services import set_confidential
from ris_core.studies.models import Study
from ris_core.studies.services import undo_link
from ris_webapp.screens.reading.tests.exams import a_patient, a_study, a_user, an_exam
from ris_webapp.screens.reading.tests.test_reading_page import granted
from ris_webapp.screens.viewer_launch.tests.test_launch import a_launch, secret, signed
from ris_webapp.screens.viewer_launch.tests.test_result_link import a_link, reported_exam

__all__ = ["secret"]
pytestmark = pytest.mark.django_db


def by_link(exam: RequestedProcedure, study: Study) -> ViewerGrant:
    answer: Any = Client().get(a_link(RequestedProcedure.objects.get(pk=exam.pk), study))
    (grant,) = granted(answer)
    return grant


def by_launch(query: dict[str, str]) -> ViewerGrant:
    answer: Any = Client().get("/launch", query)
    (grant,) = granted(answer)
    return grant


def goes_on(*grants: ViewerGrant) -> list[bool]:
    """Whether each loads the next image."""
    ended = read_ended_grants()
    return [grant.grant not in ended for grant in grants]


def test_viewers_end_when_records_are_merged_and_when_they_are_separated_again(secret: str) -> None:
    exam, study = reported_exam()
    other, its_study = reported_exam()
    number = exam.request.accession_number
    first, launched, untouched = by_link(exam, study), by_launch(a_launch(secret, number)), by_link(other, its_study)
    assert goes_on(first, launched, untouched) == [True, True, True]
    merge = merge_patients(exam.patient_id, a_patient().pk, SYSTEM)
    assert goes_on(first, launched, untouched) == [False, False, True]
    again, launched = by_link(exam, study), by_launch(a_launch(secret, number))
    assert goes_on(again, launched) == [True, True]
    unmerge_patients(merge.pk, SYSTEM, reason="nhầm người")
    assert goes_on(again, launched, untouched) == [False, False, True]
    assert goes_on(by_link(exam, study)) == [True]


def test_viewers_end_when_the_exam_goes_to_another_patient_with_its_visit(secret: str) -> None:
    exam, study = reported_exam()
    visit = Visit.objects.create(patient=exam.patient, visit_number="V1", issuer="BVX")
    exam.request.visit = visit
    exam.request.save(update_fields=["visit"])
    viewers = by_link(exam, study), by_launch(a_launch(secret, exam.request.accession_number))
    move_visit(visit.pk, a_patient("LÊ THỊ BA").pk, SYSTEM)
    assert goes_on(*viewers) == [False, False]
    assert Client().get(a_link(exam, study)).status_code == 410


def test_viewers_end_when_the_study_is_taken_from_the_exam(secret: str) -> None:
    exam = an_exam()
    study = a_study(exam)
    viewers = by_link(exam, study), by_launch(a_launch(secret, exam.request.accession_number))
    undo_link(study.links.get().pk, Actor("test"), "không phải người này")
    assert goes_on(*viewers) == [False, False]
    assert Client().get(a_link(exam, study)).status_code == 410


def test_a_launch_of_several_exams_ends_with_one_of_them(secret: str) -> None:
    exam, second = an_exam(), an_exam()
    second.patient = second.request.patient = exam.patient
    second.save()
    second.request.save()
    a_study(exam)
    study = a_study(second)
    numbers = exam.request.accession_number, second.request.accession_number
    both = by_launch(signed(secret, accession_numbers=numbers))
    alone = by_launch(a_launch(secret, numbers[0]))
    undo_link(study.links.get().pk, Actor("test"), "không phải người này")
    assert goes_on(both, alone) == [False, True]


def test_a_recalled_result_ends_what_its_link_has_opened_and_not_the_images_of_a_launch(secret: str) -> None:
    exam, study = reported_exam()
    linked, launched = by_link(exam, study), by_launch(a_launch(secret, exam.request.accession_number))
    version = ReportVersion.objects.get()
    reader = a_user()
    recall(version.reading_id, version.number, "Nhầm người bệnh", Actor(reader.username, reader.pk))
    assert goes_on(linked, launched) == [False, True]
    assert Client().get(a_link(exam, study)).status_code == 410


def test_the_mark_confidential_hides_nothing_from_whom_a_his_vouches_for(secret: str) -> None:
    """As the link, which still opens (docs/security.md): the HIS hides its confidential patients itself."""
    exam, study = reported_exam()
    viewers = by_link(exam, study), by_launch(a_launch(secret, exam.request.accession_number))
    set_confidential(exam.patient_id, confidential=True, actor=SYSTEM)
    assert goes_on(*viewers, by_link(exam, study)) == [True, True, True]


def test_a_link_that_is_clicked_again_is_one_look_and_a_new_one_after_an_end() -> None:
    exam, study = reported_exam()
    assert by_link(exam, study).grant == by_link(exam, study).grant
    look = ReceiverLook.objects.get()
    assert look.expires_at > timezone.now()
    ReceiverLook.objects.update(ended_at=timezone.now())
    assert goes_on(by_link(exam, study)) == [True]
    assert ReceiverLook.objects.count() == 2
