"""An exam is ready to read when everything that its devices made is here, or has been waited for long enough."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

import pytest
from django.utils import timezone
from pydicom.uid import generate_uid

from ris_core.devices.models import Device
from ris_core.engine.answers import StoredObject
from ris_core.engine.client import Engine
from ris_core.jobs.models import Job
from ris_core.orders.models import RequestedProcedure
from ris_core.performed.models import ImageCheck
from ris_core.performed.services import begin_performed_step, set_performed_step
from ris_core.performed.tests.reports import beginning, ending, reference, report
from ris_core.studies import effects
from ris_core.studies.completeness import check_images
from ris_core.studies.models import Study
from ris_testing.exams import an_exam, link_images

pytestmark = pytest.mark.django_db

LATER = timedelta(minutes=31)


class EngineWith:
    """An engine in which every study has the same objects."""

    def __init__(self, instances: Collection[str]) -> None:
        self._objects = [StoredObject("1.2.840.10008.5.1.4.1.1.2", uid, "1.5") for uid in instances]

    def stored_objects(self, _orthanc_id: str) -> list[StoredObject]:
        return self._objects


@pytest.fixture(autouse=True)
def ct1() -> None:
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam(state="IN_PROGRESS")


def performed(*exams: RequestedProcedure, made: Collection[str] = ("1.5.1", "1.5.2"), status: str = "COMPLETED") -> str:
    """A device has done all of ``exams`` in one step; its SOP Instance UID."""
    uid = str(generate_uid())
    begin_performed_step(report(uid, beginning(*(reference(exam) for exam in exams))))
    if status != "IN PROGRESS":
        set_performed_step(report(uid, ending(status, list(made))))
    return uid


def checked(exam: RequestedProcedure, arrived: Collection[str], at: datetime | None = None) -> tuple[str, str]:
    """The exam's state and readiness after a comparison."""
    check_images(cast(Engine, EngineWith(arrived)), exam.pk, at or timezone.now())
    exam.refresh_from_db()
    return exam.exam_state, ImageCheck.objects.get(procedure=exam).readiness


def test_what_is_missing_is_waited_for_and_named(exam: RequestedProcedure) -> None:
    performed(exam)
    assert checked(exam, ["1.5.1"]) == ("IN_PROGRESS", "INCOMPLETE")
    (missing,) = ImageCheck.objects.get(procedure=exam).missing
    assert (missing["made"], missing["arrived"]) == (2, 1)
    again = Job.objects.get(kind="check_images", subject_id=str(exam.pk), state="QUEUED")
    assert again.run_at <= timezone.now() + timedelta(minutes=30)
    assert checked(exam, ["1.5.1", "1.5.2"]) == ("READY_TO_READ", "COMPLETE")


def test_after_the_time_limit_the_exam_is_ready_with_a_warning(exam: RequestedProcedure) -> None:
    performed(exam)
    assert checked(exam, ["1.5.1"], timezone.now() + LATER) == ("READY_TO_READ", "OVERDUE")
    assert ImageCheck.objects.get(procedure=exam).missing


def test_a_device_that_never_ends_its_step_holds_an_exam_for_the_time_limit_only(exam: RequestedProcedure) -> None:
    performed(exam, status="IN PROGRESS")
    assert checked(exam, ["1.5.1"]) == ("IN_PROGRESS", "DEVICE_WORKING")
    assert exam.steps.get().status == "STARTED"
    assert checked(exam, ["1.5.1"], timezone.now() + LATER) == ("READY_TO_READ", "OVERDUE")
    assert exam.steps.get().status == "COMPLETED"


def test_what_was_made_before_a_step_was_broken_off_may_be_read(exam: RequestedProcedure) -> None:
    performed(exam, made=["1.5.1"], status="DISCONTINUED")
    assert checked(exam, ["1.5.1"]) == ("READY_TO_READ", "COMPLETE")


def test_an_exam_without_images_waits_whatever_its_device_says() -> None:
    exam = an_exam(state="ORDERED", images=False)
    performed(exam)
    assert checked(exam, [], timezone.now() + LATER) == ("IN_PROGRESS", "NO_IMAGES")


def test_two_exams_of_one_scan_find_their_images_in_each_others_studies(exam: RequestedProcedure) -> None:
    """The device put both exams' series into the study of the first."""
    second = an_exam(state="ORDERED", images=False)
    performed(exam, second)
    assert checked(exam, ["1.5.1", "1.5.2"]) == ("READY_TO_READ", "COMPLETE")
    link_images(second)
    assert checked(second, ["1.5.1", "1.5.2"]) == ("READY_TO_READ", "COMPLETE")


def test_an_exam_of_several_studies_waits_for_all_of_them(exam: RequestedProcedure) -> None:
    performed(exam)
    Study.objects.filter(pk=link_images(exam).study_id).update(state="LINKED", complete=False)
    assert checked(exam, ["1.5.1", "1.5.2"]) == ("IN_PROGRESS", "RECEIVING")


def test_stability_decides_when_no_device_reports_and_asks_for_a_comparison_when_one_does() -> None:
    silent, reported = an_exam(state="IN_PROGRESS"), an_exam(state="IN_PROGRESS")
    performed(reported)
    Job.objects.all().delete()
    for exam in (silent, reported):
        effects.images_are_complete(exam, Study.objects.get(links__procedure=exam), timezone.now())
    assert (silent.exam_state, reported.exam_state) == ("READY_TO_READ", "IN_PROGRESS")
    checks = Job.objects.filter(kind="check_images").values_list("subject_id", flat=True)
    assert list(checks) == [str(reported.pk)]
