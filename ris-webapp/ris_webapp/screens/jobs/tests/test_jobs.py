"""The list of background jobs."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.jobs.models import Job
from ris_core.jobs.registry import JOB_KINDS
from ris_webapp.tests.people import client_as
from ris_webapp.words import WORDS

pytestmark = pytest.mark.django_db


def test_a_stopped_job_is_run_again_or_left_with_a_reason() -> None:
    jobs = [
        Job.objects.create(kind="documents", subject_id=str(n), state="DEAD", run_at=timezone.now()) for n in (1, 2)
    ]
    client = client_as(Role.ADMINISTRATOR)
    assert "documents" in client.get("/admin/jobs/").content.decode()
    assert client.post(f"/admin/jobs/{jobs[0].pk}/replay/").status_code == 302
    assert client.post(f"/admin/jobs/{jobs[1].pk}/dismiss/", {"reason": ""}).status_code == 422
    assert client.post(f"/admin/jobs/{jobs[1].pk}/dismiss/", {"reason": "không cần nữa"}).status_code == 302
    assert [Job.objects.get(pk=job.pk).state for job in jobs] == ["QUEUED", "DONE"]


def test_jobs_are_narrowed_by_state_and_there_is_always_something_to_reach_by_keyboard() -> None:
    for kind, state in (("documents", "DEAD"), ("index_reports", "QUEUED")):
        Job.objects.create(kind=kind, subject_id="1", state=state, run_at=timezone.now())
    client = client_as(Role.ADMINISTRATOR)
    whole = client.get("/admin/jobs/").content.decode()
    stopped = client.get("/admin/jobs/?state=DEAD").content.decode()
    assert 'title="documents"' in whole
    assert 'title="index_reports"' in whole
    assert 'title="documents"' in stopped
    assert 'title="index_reports"' not in stopped
    assert 'href="/admin/jobs/?state=QUEUED"' in stopped
    assert 'title="documents"' in client.get("/admin/jobs/?state=no-such-state").content.decode()


def test_every_kind_of_job_has_a_word() -> None:
    assert {kind.name for kind in JOB_KINDS} == set(WORDS["job_kind"])
