"""Documents: made once, stored in the study once, whatever happens in between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from unittest.mock import patch

import pytest
from django.utils import timezone
from pydicom import dcmread

from ris_core.audit.models import AuditEvent
from ris_core.delivery.models import Delivery
from ris_core.engine.answers import StoredInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineUnavailable
from ris_core.engine.transport import Upload
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.documents import after_render_died, ensure_document, run_render_document, run_store_document
from ris_core.reports.models import Document
from ris_testing.exams import a_reader, a_receiver, an_exam, approved, link_images
from ris_testing.fake_engine import FakeEngine, engine_id

pytestmark = pytest.mark.django_db


class StoringEngine(FakeEngine):
    """Keeps what is stored by the SOPInstanceUID, as Orthanc does."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, bytes] = {}

    def store_instance(self, dicom: bytes | Upload) -> StoredInstance:
        assert isinstance(dicom, bytes)
        dataset = dcmread(BytesIO(dicom))
        known = str(dataset.SOPInstanceUID) in self.stored
        self.stored[str(dataset.SOPInstanceUID)] = dicom
        study = engine_id(str(dataset.PatientID), str(dataset.StudyInstanceUID))
        return StoredInstance(engine_id(study, str(dataset.SOPInstanceUID)), study, known)


@pytest.fixture
def engine() -> Iterator[StoringEngine]:
    fake = StoringEngine()
    with patch.object(Engine, "from_settings", lambda *_: fake):
        yield fake


def an_exam_in(engine: StoringEngine) -> RequestedProcedure:
    exam = an_exam(images=False)
    link_images(exam, engine.receive(b"", patient_id="BN", study_instance_uid=exam.study_instance_uid))
    return exam


def a_document(exam: RequestedProcedure) -> Document:
    version = approved(exam, a_reader())
    run_render_document(str(version.pk))
    return Document.objects.get(version=version)


def test_a_document_is_made_once_and_keeps_its_hash() -> None:
    document = a_document(an_exam())
    assert ensure_document(document.version_id).pk == document.pk
    content = bytes(document.content)
    assert content.startswith(b"%PDF-")
    assert document.sha256 == hashlib.sha256(content).hexdigest()


def test_after_the_document_it_is_stored_and_sent() -> None:
    receiver = a_receiver()
    document = a_document(an_exam())
    delivery = Delivery.objects.get(receiver=receiver)
    wanted = set(Job.objects.exclude(kind="render_document").values_list("kind", "subject_id"))
    assert wanted == {("store_document", str(document.pk)), ("deliver", str(delivery.pk))}


def test_when_no_document_can_be_made_the_result_is_still_tried() -> None:
    receiver = a_receiver()
    version = approved(an_exam(), a_reader())
    after_render_died(str(version.pk), "OSError: fonts")
    assert Job.objects.filter(kind="deliver", subject_id=str(Delivery.objects.get(receiver=receiver).pk)).exists()


def test_a_document_is_stored_in_the_study_once(engine: StoringEngine) -> None:
    exam = an_exam_in(engine)
    document = a_document(exam)
    run_store_document(str(document.pk))
    run_store_document(str(document.pk))
    document.refresh_from_db()
    [stored] = engine.stored.values()
    dataset = dcmread(BytesIO(stored))
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == bytes(document.content)
    assert dataset.StudyInstanceUID == exam.study_instance_uid
    assert OrthancId(document.orthanc_instance_id)
    assert AuditEvent.objects.filter(action="report.stored", patient=exam.patient).count() == 1


def test_stored_but_not_noted_because_the_worker_died_stores_the_same_object(engine: StoringEngine) -> None:
    document = a_document(an_exam_in(engine))
    run_store_document(str(document.pk))
    Document.objects.update(orthanc_instance_id="")  # as if killed before the commit
    run_store_document(str(document.pk))
    assert len(engine.stored) == 1


def test_an_exam_whose_images_were_unlinked_ends_clearly(engine: StoringEngine) -> None:
    exam = an_exam_in(engine)
    document = a_document(exam)
    exam.links.update(undone_at=timezone.now())
    with pytest.raises(NotWorthRepeating):
        run_store_document(str(document.pk))
    assert engine.stored == {}


def test_a_study_that_the_engine_lost_ends_clearly(engine: StoringEngine) -> None:
    document = a_document(an_exam())
    with pytest.raises(NotWorthRepeating):
        run_store_document(str(document.pk))


def test_an_engine_that_is_down_is_worth_another_try(engine: StoringEngine) -> None:
    document = a_document(an_exam_in(engine))
    with (
        patch.object(engine, "store_instance", side_effect=EngineUnavailable("down")),
        pytest.raises(EngineUnavailable),
    ):
        run_store_document(str(document.pk))
    document.refresh_from_db()
    assert document.orthanc_instance_id == ""
