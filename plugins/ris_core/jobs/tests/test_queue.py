"""Taking jobs and giving them back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.jobs import queue
from ris_core.jobs.models import Job, JobState
from ris_core.jobs.queue import TakenJob
from ris_core.jobs.services import dismiss_job, enqueue, replay_job

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=30)
ADMIN = Actor("admin")


def take(limit: int = 10, *, later: timedelta = timedelta(0)) -> list[TakenJob]:
    return queue.take(("a", "b"), limit, LEASE, now=timezone.now() + later)


def subjects(jobs: list[TakenJob]) -> list[str]:
    return [job.subject_id for job in jobs]


def test_a_job_is_taken_once_and_only_when_due() -> None:
    enqueue("a", 1)
    enqueue("a", 2, run_at=timezone.now() + timedelta(hours=1))
    assert subjects(take()) == ["1"]
    assert take() == []


def test_asking_again_while_it_waits_brings_it_forward_and_makes_no_second() -> None:
    enqueue("a", 1, run_at=timezone.now() + timedelta(hours=1))
    enqueue("a", 1)
    enqueue("a", 1, run_at=timezone.now() + timedelta(hours=2))
    assert subjects(take()) == ["1"]
    assert Job.objects.count() == 1


def test_asking_while_it_runs_queues_one_more_run() -> None:
    enqueue("a", 1)
    [running] = take()
    enqueue("a", 1)
    enqueue("a", 1)
    queue.finish(running)
    assert subjects(take()) == ["1"]
    assert take() == []


@pytest.mark.django_db(transaction=True)
def test_a_waiting_job_asked_for_again_is_not_taken_before_the_asker_commits() -> None:
    """Else it would run without seeing what the asker has changed, and nobody would run it again."""
    enqueue("a", 1)
    taken: list[TakenJob] = []

    def work() -> None:
        taken.extend(take())
        connection.close()

    thread = threading.Thread(target=work)
    with transaction.atomic():
        enqueue("a", 1)
        thread.start()
        thread.join(0.5)
        before_commit = list(taken)
    thread.join()
    assert before_commit == []
    assert subjects([*taken, *take()]) == ["1"]


def test_jobs_of_one_lane_go_one_after_the_other_also_while_one_waits_to_be_tried_again() -> None:
    for subject in (1, 2, 3):
        enqueue("a", subject, lane="l")
    [first] = take()
    assert take() == []
    queue.fail(first, "x", timezone.now() + timedelta(minutes=5))
    assert take() == []
    [again] = take(later=timedelta(minutes=6))
    assert (again.subject_id, again.attempt) == ("1", 2)
    queue.finish(again)
    assert subjects(take()) == ["2"]


def test_a_dead_job_does_not_block_its_lane() -> None:
    enqueue("a", 1, lane="l")
    enqueue("a", 2, lane="l")
    [first] = take()
    assert queue.fail(first, "x", None)
    assert subjects(take()) == ["2"]


def test_a_channel_carries_one_job_at_a_time_and_a_waiting_one_blocks_nobody() -> None:
    enqueue("a", 1, channel="c")
    enqueue("a", 2, channel="c")
    enqueue("b", 3, channel="other")
    taken = take()
    assert subjects(taken) == ["1", "3"]
    queue.fail(taken[0], "x", timezone.now() + timedelta(minutes=5))
    assert subjects(take()) == ["2"]


def test_a_job_whose_worker_died_is_run_again_and_the_dead_cannot_finish_it() -> None:
    enqueue("a", 1, channel="c")
    [lost] = take()
    [again] = take(later=LEASE * 2)
    assert again.attempt == lost.attempt + 1
    queue.finish(lost)
    assert not queue.fail(lost, "late", None)
    assert Job.objects.get().state == JobState.RUNNING
    queue.finish(again)
    assert Job.objects.get().state == JobState.DONE


def test_a_renewed_lease_keeps_the_job() -> None:
    enqueue("a", 1)
    [job] = take()
    Job.objects.update(leased_until=timezone.now())
    queue.renew([job], LEASE)
    assert take(later=timedelta(seconds=5)) == []


def test_a_job_given_back_is_free_at_once() -> None:
    enqueue("a", 1)
    queue.give_back(take())
    assert subjects(take(later=timedelta(seconds=1))) == ["1"]


def test_a_failed_job_gives_way_to_the_same_thing_asked_for_meanwhile() -> None:
    enqueue("a", 1)
    [running] = take()
    enqueue("a", 1)
    queue.fail(running, "x", timezone.now() + timedelta(hours=1))
    assert subjects(take()) == ["1"]
    assert Job.objects.filter(state=JobState.QUEUED).count() == 0


def test_unknown_kinds_can_be_found() -> None:
    enqueue("a", 1)
    enqueue("mystery", 2)
    found = queue.take_unknown(("a", "b"), 10, LEASE)
    assert [job.kind for job in found] == ["mystery"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_take_each_job_once_and_keep_channels_apart() -> None:
    for subject in range(60):
        enqueue("a", subject, channel=f"c{subject % 3}" if subject < 30 else "")
    taken: list[TakenJob] = []
    overlaps: list[str] = []
    in_channel: set[str] = set()
    lock = threading.Lock()

    def work() -> None:
        try:
            while Job.objects.filter(state=JobState.QUEUED).exists():
                for job in take(3):
                    with lock:
                        taken.append(job)
                        if job.channel in in_channel:
                            overlaps.append(job.channel)
                        if job.channel:
                            in_channel.add(job.channel)
                    with lock:
                        in_channel.discard(job.channel)
                    queue.finish(job)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(job.subject_id) for job in taken) == list(range(60))
    assert overlaps == []


def test_a_person_replays_a_dead_job_with_its_attempts_counted_anew() -> None:
    enqueue("a", 1)
    [job] = take()
    with pytest.raises(TransitionRefused):
        replay_job(job.id, ADMIN)
    queue.fail(job, "x", None)
    replay_job(job.id, ADMIN)
    [again] = take()
    assert again.attempt == 1


def test_a_dead_job_that_was_asked_for_again_is_not_run_twice() -> None:
    enqueue("a", 1)
    [job] = take()
    queue.fail(job, "x", None)
    enqueue("a", 1)
    replay_job(job.id, ADMIN)
    assert len(take()) == 1


def test_a_dead_job_is_dismissed_with_a_reason_only() -> None:
    enqueue("a", 1)
    [job] = take()
    queue.fail(job, "x", None)
    with pytest.raises(InvalidValue):
        dismiss_job(job.id, "", ADMIN)
    dismiss_job(job.id, "không cần nữa", ADMIN)
    assert Job.objects.get().state == JobState.DONE
