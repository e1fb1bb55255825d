"""Each image of a study is looked into, soon after the study was placed by one image of each series."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ris_core.engine.client import Engine
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.studies import handlers
from ris_core.studies.models import Study, StudyLink
from ris_core.studies.tests.conftest import PlaceOrder, Send
from ris_testing.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db
Look = Callable[[], Study]


@pytest.fixture
def look(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The study is stable; the worker does what it owes."""
    monkeypatch.setattr(Engine, "from_settings", lambda *_, **__: engine)

    def look() -> Study:
        engine.settle()
        for orthanc_id in list(engine.studies):
            handlers.follow_study(engine, OrthancId(orthanc_id))
        for _ in range(2):
            for job in Job.objects.filter(kind__in=("compare_images", "study_arrived")).order_by("pk"):
                job.delete()
                getattr(handlers, job.kind)(job.subject_id)
        return Study.objects.get()

    return look


def test_one_image_of_another_person_within_a_series_makes_a_conflict_that_stays(
    order: PlaceOrder, send: Send, look: Look
) -> None:
    order()
    for _ in range(5):
        send()
    send(PatientName="TRAN^THI HOA", PatientBirthDate="19990101")
    for _ in range(5):
        send()
    for _ in range(2):
        study = look()
        assert (study.state, study.reason, study.patient) == ("CONFLICT", "PATIENT_VARIES_IN_STUDY", None)
    assert StudyLink.objects.get().undone_at is not None
    assert [header["00100010"]["Value"][0]["Alphabetic"] for header in study.other_headers] == ["TRAN^THI HOA"]


def test_images_that_say_the_same_are_looked_into_once(
    order: PlaceOrder, send: Send, look: Look, engine: FakeEngine
) -> None:
    order()
    for _ in range(5):
        send()
    study = look()
    assert (study.state, study.other_headers, study.compared_count) == ("READY_TO_READ", [], 5)
    engine.heads_read.clear()
    look()
    assert len(engine.heads_read) == 1
    send(PatientBirthDate="19990101")
    assert look().reason == "PATIENT_VARIES_IN_STUDY"


def test_a_file_that_nobody_can_read_is_no_other_patient(
    order: PlaceOrder, send: Send, look: Look, engine: FakeEngine
) -> None:
    order()
    orthanc_id = send()
    engine.studies[orthanc_id].series["1"].append(b"no preamble")
    assert look().state == "READY_TO_READ"
