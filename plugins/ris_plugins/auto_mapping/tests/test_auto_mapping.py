from __future__ import annotations

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orthanc_host.fakes import FakeHost
from orthanc_host.host import Change
from ris_core.errors import InvalidValue
from ris_core.jobs.models import Job
from ris_core.jobs.registry import JOB_KINDS
from ris_plugins.auto_mapping import plugin
from ris_plugins.auto_mapping.service import FIRST_LOOK, want_study_followed

STUDY = "0065a786-5155e58c-788eae79-850e4200-5ac989e6"


@pytest.fixture
def host() -> FakeHost:
    fake = FakeHost()
    plugin.register(fake, settings.QUANG)
    return fake


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("event", "kind"), [("NEW_STUDY", "study_arrived"), ("STABLE_STUDY", "study_stable")])
def test_an_event_of_a_study_becomes_one_job(host: FakeHost, event: str, kind: str) -> None:
    host.changed(Change(event, STUDY))
    host.changed(Change(event, STUDY))
    assert list(Job.objects.values_list("kind", "subject_id", "state")) == [(kind, STUDY, "QUEUED")]


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_images_is_not_disturbed_and_a_complete_study_is_looked_at_at_once(host: FakeHost) -> None:
    before = timezone.now()
    host.changed(Change("NEW_STUDY", STUDY))
    host.changed(Change("STABLE_STUDY", STUDY))
    due = dict(Job.objects.values_list("kind", "run_at"))
    assert due["study_arrived"] >= before + FIRST_LOOK
    assert due["study_stable"] <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize("event", ["NEW_INSTANCE", "NEW_SERIES", "STABLE_SERIES", "NEW_PATIENT", "UPDATED_METADATA"])
def test_events_of_single_images_touch_nothing(host: FakeHost, event: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        host.changed(Change(event, STUDY))
    assert len(queries) == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_that_cannot_be_written_is_logged_and_orthanc_goes_on(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper finds the study; the change thread must survive."""

    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("database is gone")

    monkeypatch.setattr("ris_plugins.auto_mapping.service.enqueue", broken)
    host.changed(Change("NEW_STUDY", STUDY))
    assert any(level == "error" and "NEW_STUDY" in line for level, line in host.log.lines)


def test_what_is_no_identifier_of_orthanc_is_refused() -> None:
    with pytest.raises(InvalidValue):
        want_study_followed.__wrapped__("study_arrived", "x'; DROP TABLE jobs_job")  # type: ignore[attr-defined]


def test_the_worker_knows_every_kind_of_job() -> None:
    assert {"study_arrived", "study_stable", "sweep_studies"} <= {kind.name for kind in JOB_KINDS}
