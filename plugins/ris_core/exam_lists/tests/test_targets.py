"""Targets are set and taken away; exams that wait longer than theirs are late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, NotFound
from ris_core.exam_lists.models import ReadingTarget
from ris_core.exam_lists.targets import late_exams, remove_target, set_target
from ris_testing.exams import an_exam

BY = Actor("test")


@pytest.mark.django_db
def test_late_exams_are_those_that_wait_longer_than_their_target() -> None:
    ago = timezone.now() - timedelta(minutes=100)
    late = an_exam()
    type(late).objects.filter(pk=late.pk).update(images_arrived_at=ago)
    done = an_exam(state="FINAL")
    type(done).objects.filter(pk=done.pk).update(images_arrived_at=ago)
    assert list(late_exams()) == []
    target = set_target(BY, priority="", patient_class="O", modality="", service_code="", minutes=90)
    assert [exam.pk for exam in late_exams()] == [late.pk]
    set_target(BY, priority="", patient_class="O", modality="ct", service_code="", minutes=200)
    assert list(late_exams()) == []
    assert ReadingTarget.objects.count() == 2
    remove_target(target.pk, BY)
    with pytest.raises(NotFound):
        remove_target(target.pk, BY)
    assert AuditEvent.objects.filter(action__startswith="reading_target.").count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [0, -5, 10**9])
def test_a_target_is_a_sensible_number_of_minutes(minutes: int) -> None:
    with pytest.raises(InvalidValue):
        set_target(BY, priority="", patient_class="", modality="", service_code="", minutes=minutes)
