"""Each exam stands where its priority, its patient and its target put it, whatever changes them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.exam_lists.models import ReadingTarget
from ris_core.exam_lists.rules import USUAL_MINUTES
from ris_core.exam_lists.targets import remove_target, set_target
from ris_core.exam_search.index import drifted
from ris_core.orders.models import RequestedProcedure, Urgency, Visit
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db

BY = Actor("test")


def _kept(exam: RequestedProcedure) -> tuple[int, int]:
    """Urgency, and minutes from the images until it is due."""
    exam.refresh_from_db()
    assert exam.due_at is not None
    begins_at = exam.images_arrived_at or exam.scheduled_at
    return exam.urgency, round((exam.due_at - begins_at) / timedelta(minutes=1))


def _of_class(exam: RequestedProcedure, patient_class: str) -> None:
    Visit.objects.filter(patient=exam.patient).update(patient_class=patient_class)


@pytest.mark.parametrize(
    ("priority", "patient_class", "urgency"),
    [
        ("STAT", "O", Urgency.EMERGENCY),
        ("HIGH", "I", Urgency.PRIORITY),
        ("ROUTINE", "E", Urgency.PRIORITY),
        ("ROUTINE", "I", Urgency.INPATIENT),
        ("MEDIUM", "O", Urgency.ROUTINE),
        ("ROUTINE", "", Urgency.ROUTINE),
        ("LOW", "I", Urgency.LOW),
    ],
)
def test_emergencies_come_first_and_inpatients_before_the_others(
    priority: str, patient_class: str, urgency: Urgency
) -> None:
    exam = an_exam(priority=priority)
    _of_class(exam, patient_class)
    assert _kept(exam) == (urgency, USUAL_MINUTES[priority])
    assert drifted() == []


def test_an_exam_without_a_visit_is_routine_and_one_that_is_finished_waits_for_nobody() -> None:
    exam = an_exam()
    exam.request.visit = None
    exam.request.save()
    assert _kept(exam)[0] == Urgency.ROUTINE
    RequestedProcedure.objects.filter(pk=exam.pk).update(exam_state="FINAL")
    assert _kept(exam)[0] == Urgency.FINISHED
    RequestedProcedure.objects.filter(pk=exam.pk).update(exam_state="RECALLED")
    assert _kept(exam)[0] == Urgency.ROUTINE


def test_it_is_due_so_long_after_its_images_and_before_they_come_after_its_time() -> None:
    at = timezone.now().replace(microsecond=123456)
    exam = an_exam(images=False, state="ORDERED", scheduled_at=at)
    assert _kept(exam) == (Urgency.ROUTINE, 240)
    RequestedProcedure.objects.filter(pk=exam.pk).update(images_arrived_at=at + timedelta(hours=3))
    exam.refresh_from_db()
    assert exam.due_at == at.replace(microsecond=0) + timedelta(hours=7)


def test_what_a_program_read_before_and_writes_back_does_not_stand() -> None:
    stale = an_exam(priority="STAT")
    assert stale.due_at is None  # what the database kept was not read
    stale.service_name = "Chụp CLVT ngực"
    stale.save()
    assert _kept(stale) == (Urgency.EMERGENCY, 30)


def test_the_most_particular_target_that_fits_counts_at_once() -> None:
    exam = an_exam()
    _of_class(exam, "I")

    def after(minutes: int, **conditions: str) -> int:
        whole = {"priority": "", "patient_class": "", "modality": "", "service_code": "", **conditions}
        set_target(BY, minutes=minutes, **whole)
        return _kept(exam)[1]

    assert after(10, modality="MR") == 240
    assert after(200, priority="ROUTINE") == 200
    assert after(120, patient_class="I") == 120
    assert after(5, priority="STAT", service_code="CT.SONAO") == 120
    assert after(90, modality="CT") == 90
    assert after(45, service_code="CT.SONAO") == 45
    for target in ReadingTarget.objects.all():
        remove_target(target.pk, BY)
    assert _kept(exam)[1] == 240


def test_a_new_target_leaves_finished_exams_as_they_were() -> None:
    exam = an_exam(state="RETURNED")
    before: datetime | None = RequestedProcedure.objects.get(pk=exam.pk).due_at
    set_target(BY, priority="", patient_class="", modality="CT", service_code="", minutes=5)
    assert RequestedProcedure.objects.get(pk=exam.pk).due_at == before
    assert drifted() == []
