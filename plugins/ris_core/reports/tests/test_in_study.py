"""What of a report lies in its study after corrections, recalls and withdrawn signatures; through an engine in memory
that keeps files as Orthanc does."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.utils import timezone
from pydicom import Dataset, dcmread

from ris_core.audit.services import Actor
from ris_core.engine.answers import StoredInstance
from ris_core.engine.transport import Upload
from ris_core.jobs.models import Job
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.arranging import ARRANGE_JOB
from ris_core.reports.documents import run_render_document, run_store_document
from ris_core.reports.in_study import run_arrange_report
from ris_core.reports.models import Document, Reading, ReportVersion, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.signatures.models import Signature, SignedFile, SigningCredential
from ris_core.signatures.services import withdraw
from ris_core.signatures.storing import run_store_signed
from ris_testing.exams import a_reader, an_exam, approved
from ris_testing.storing_engine import StoringEngine, an_image, received, use_storing_engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoringEngine:
    return use_storing_engine(monkeypatch)


@pytest.fixture
def exam(engine: StoringEngine) -> RequestedProcedure:
    made = an_exam(images=False)
    received(engine, made, an_image(1, made))
    return made


def reported(exam: RequestedProcedure, reader: Actor, status: VersionStatus = VersionStatus.FINAL) -> ReportVersion:
    version = approved(exam, reader, status=status)
    run_render_document(str(version.pk))
    run_store_document(str(Document.objects.get(version=version).pk))
    return version


def arranged(exam: RequestedProcedure) -> None:
    """As the worker does when it is asked."""
    reading = Reading.objects.get(procedure=exam)
    assert Job.objects.filter(kind=ARRANGE_JOB, subject_id=str(reading.pk)).exists()
    for _ in range(2):  # killed after it was done, before it was noted
        run_arrange_report(str(reading.pk))


def pages(engine: StoringEngine) -> list[Dataset]:
    """The PDF objects of the study."""
    objects = [dcmread(BytesIO(data)) for data in engine.files.values()]
    return [each for each in objects if "EncapsulatedDocument" in each]


def test_a_newer_version_takes_the_place_of_the_older(engine: StoringEngine, exam: RequestedProcedure) -> None:
    reader = a_reader()
    first = reported(exam, reader, VersionStatus.PRELIMINARY)
    second = approved(exam, reader)
    arranged(exam)
    assert [page.InstanceNumber for page in pages(engine)] == [1], "the older stays until the newer is there"
    run_render_document(str(second.pk))
    run_store_document(str(Document.objects.get(version=second).pk))
    arranged(exam)
    assert [page.InstanceNumber for page in pages(engine)] == [2]
    kept = Document.objects.get(version=first)
    assert (kept.orthanc_instance_id, bytes(kept.content)[:5]) == ("", b"%PDF-")


def test_a_recalled_report_is_a_notice_until_it_is_corrected(engine: StoringEngine, exam: RequestedProcedure) -> None:
    reader = a_reader()
    version = reported(exam, reader)
    document = Document.objects.get(version=version)
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    arranged(exam)
    [page] = pages(engine)
    assert page.DocumentTitle == "Kết quả đã bị thu hồi (bản 1)"
    assert page.EncapsulatedDocument[: page.EncapsulatedDocumentLength] != bytes(document.content)
    document.refresh_from_db()
    assert document.orthanc_instance_id in engine.files
    reported(exam, reader, VersionStatus.CORRECTED)
    arranged(exam)
    assert [page.DocumentTitle for page in pages(engine)] == ["Kết quả đính chính (bản 2)"]


def test_a_report_recalled_before_it_was_stored_never_comes(engine: StoringEngine, exam: RequestedProcedure) -> None:
    reader = a_reader()
    version = approved(exam, reader)
    run_render_document(str(version.pk))
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    run_store_document(str(Document.objects.get(version=version).pk))
    arranged(exam)
    assert pages(engine) == []


def test_what_a_worker_stored_that_died_before_it_noted_it_goes_too(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    reader = a_reader()
    version = reported(exam, reader)
    document = Document.objects.get(version=version)
    Document.objects.update(orthanc_instance_id="")
    Job.objects.filter(kind=ARRANGE_JOB).delete()
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    Job.objects.filter(kind=ARRANGE_JOB).delete()  # it ran before the worker stored the report
    run_store_document(str(document.pk))
    arranged(exam)
    assert pages(engine) == []


def test_the_notice_goes_when_the_report_is_corrected_though_only_a_signed_file_was_there(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    reader = a_reader()
    version = approved(exam, reader)
    run_render_document(str(version.pk))
    signed(version, reader)
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    arranged(exam)
    assert [page.DocumentTitle for page in pages(engine)] == ["Kết quả đã bị thu hồi (bản 1)"]
    reported(exam, reader, VersionStatus.CORRECTED)
    arranged(exam)
    assert [page.DocumentTitle for page in pages(engine)] == ["Kết quả đính chính (bản 2)"]


def test_a_notice_that_comes_after_the_corrected_report_goes_again(
    engine: StoringEngine, exam: RequestedProcedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = a_reader()
    version = reported(exam, reader)
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    store = engine.store_instance

    def corrected_first(dicom: bytes | Upload) -> StoredInstance:
        monkeypatch.setattr(engine, "store_instance", store)
        reported(exam, reader, VersionStatus.CORRECTED)
        arranged(exam)
        Job.objects.filter(kind=ARRANGE_JOB).delete()
        return store(dicom)

    monkeypatch.setattr(engine, "store_instance", corrected_first)
    run_arrange_report(str(version.reading_id))
    arranged(exam)
    assert [page.DocumentTitle for page in pages(engine)] == ["Kết quả đính chính (bản 2)"]


def test_without_images_left_the_report_goes_and_no_notice_comes(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    reader = a_reader()
    version = reported(exam, reader)
    recall(version.reading_id, 1, "Nhầm người bệnh", reader)
    exam.links.update(undone_at=timezone.now())
    arranged(exam)
    assert pages(engine) == []


def test_a_file_whose_signature_is_withdrawn_leaves_the_study(engine: StoringEngine, exam: RequestedProcedure) -> None:
    reader = a_reader()
    version = reported(exam, reader)
    signature = signed(version, reader)
    assert len(pages(engine)) == 2
    withdraw(signature.pk, "Nhầm chứng thư", reader)
    arranged(exam)
    assert [page.DocumentTitle for page in pages(engine)] == ["Kết quả chẩn đoán hình ảnh (bản 1)"]


def signed(version: ReportVersion, reader: Actor) -> Signature:
    """Signed, and stored."""
    assert reader.user_id is not None
    now = timezone.now()
    key = SigningCredential.objects.create(
        owner_id=reader.user_id, kind="PKCS12", not_before=now, not_after=now, certificate=b"", added_at=now
    )
    made = Signature.objects.create(
        version=version, credential=key, signer_id=reader.user_id, state="SIGNED", asked_at=now, signed_at=now
    )
    file = SignedFile.objects.create(signature=made, kind="PDF", content=b"%PDF- signed", sha256="0" * 64)
    run_store_signed(str(file.pk))
    return made
