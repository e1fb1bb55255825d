from __future__ import annotations

import pytest

from ris_core.engine.errors import EngineUnavailable
from ris_core.identifiers import OrthancId
from ris_core.studies import handlers
from ris_core.studies.models import Study
from ris_core.studies.tests.conftest import Send
from ris_testing.dicom_files import a_dicom_file
from ris_testing.fake_engine import FakeEngine, engine_id

pytestmark = pytest.mark.django_db


def test_a_study_that_has_gone_before_its_job_ran_leaves_nothing(engine: FakeEngine) -> None:
    handlers.follow_study(engine, engine_id("never", "there"))
    assert not Study.objects.exists()


def test_a_file_whose_structure_is_beyond_us_is_shown_as_the_engine_read_it(engine: FakeEngine) -> None:
    orthanc_id = engine.receive(b"no preamble", patient_id="x", study_instance_uid="1.2.3")
    handlers.follow_study(engine, orthanc_id)
    study = Study.objects.get()
    assert (study.received_patient_id, study.study_instance_uid) == ("as the engine read it", "1.2.3")
    assert "received" not in study.as_received["00100020"]


def test_attributes_behind_a_large_block_are_found(engine: FakeEngine) -> None:
    """An icon of half a megabyte before the patient's attributes."""
    file = a_dicom_file()
    at = file.index(b"\x10\x00\x10\x00PN")
    block = b"\x09\x00\x01\x10OB\x00\x00" + (500_000).to_bytes(4, "little") + b"\0" * 500_000
    orthanc_id = engine.receive(file[:at] + block + file[at:], patient_id="BN001", study_instance_uid="1.2.3")
    handlers.follow_study(engine, orthanc_id)
    assert Study.objects.get().received_patient_id == "BN001"


def test_a_truncated_file_is_shown_as_the_engine_read_it(engine: FakeEngine) -> None:
    orthanc_id = engine.receive(a_dicom_file()[:200], patient_id="x", study_instance_uid="1.2.3")
    handlers.follow_study(engine, orthanc_id)
    assert Study.objects.get().received_patient_id == "as the engine read it"


class UnreachableEngine(FakeEngine):
    def study(self, orthanc_id: str) -> object:  # type: ignore[override]
        raise EngineUnavailable("the engine cannot be reached")


def test_an_unreachable_engine_is_worth_another_try() -> None:
    with pytest.raises(EngineUnavailable):
        handlers.follow_study(UnreachableEngine(), OrthancId(engine_id("a", "b")))


def test_only_one_instance_of_each_series_is_read(engine: FakeEngine, send: Send) -> None:
    orthanc_id = send()
    for _ in range(20):
        send(series="2")
    engine.settle()
    engine.heads_read.clear()
    handlers.follow_study(engine, orthanc_id)
    assert len(engine.heads_read) == 2
