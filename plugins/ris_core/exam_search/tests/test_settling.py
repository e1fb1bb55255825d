"""No exam stays by the target of before, whatever was being written while the target was changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections

from ris_core.audit.services import Actor
from ris_core.exam_lists.targets import remove_target, set_target
from ris_core.exam_search.index import drifted
from ris_core.exam_search.settling import JOB_KIND, run_settle_urgency
from ris_core.jobs.models import Job, JobState
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_testing.exams import an_exam
from ris_testing.waiting import wait_until

BY = Actor("test")
IF_CT = {"priority": "", "patient_class": "", "modality": "CT", "service_code": ""}


@contextmanager
def _meanwhile() -> Iterator[Any]:
    """The cursor of another program, in a transaction that is committed at the end."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            yield cursor
        other.commit()
    finally:
        other.close()


def _settle() -> bool:
    """Run what is queued once; whether it asked to be run again."""
    for job in Job.objects.filter(kind=JOB_KIND, state=JobState.QUEUED):
        Job.objects.filter(pk=job.pk).update(state=JobState.DONE)
        run_settle_urgency(job.subject_id)
    return Job.objects.filter(kind=JOB_KIND, state=JobState.QUEUED).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["set", "removed"])
def test_an_exam_written_while_a_target_is_changed_comes_to_stand_by_the_new_one(change: str) -> None:
    if connection.vendor != "postgresql":  # SQLite has one writer at a time: nothing is written meanwhile
        return
    finished = an_exam(state=ExamState.RETURNED)
    target = set_target(BY, **IF_CT, minutes=100)
    _settle()
    with _meanwhile() as cursor:
        # finished: no lock of the list is on it, and from now on it waits again
        cursor.execute("UPDATE orders_requestedprocedure SET exam_state = 'RECALLED' WHERE id = %s", [finished.pk])
        if change == "set":
            set_target(BY, **IF_CT, minutes=5)
        else:
            remove_target(target.pk, BY)
        assert _settle(), "the other is not over yet"
        assert _settle()
    assert drifted() == [finished.pk]
    _settle()
    assert drifted() == []
    # transactions of other databases on the same server count too: they end, and then it does
    assert wait_until(lambda: not _settle(), "nothing more to settle")
    exam = RequestedProcedure.objects.get(pk=finished.pk)
    assert exam.due_at is not None
    assert exam.images_arrived_at is not None
    waits = round((exam.due_at - exam.images_arrived_at).total_seconds() / 60)
    assert waits == (5 if change == "set" else 240)
