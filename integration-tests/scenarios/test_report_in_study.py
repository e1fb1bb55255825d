"""The approved report beside the images: stored as Encapsulated PDF in the real engine, in the study it is about."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
import requests
from django.conf import settings
from pydicom import Dataset, dcmread, dcmwrite

from ris_core.engine.client import Engine
from ris_core.reports.documents import run_render_document, run_store_document
from ris_core.reports.in_study import run_arrange_report
from ris_core.reports.models import Document, VersionStatus
from ris_core.reports.recalling import recall
from ris_testing.engine import running_engine
from ris_testing.exams import a_reader, an_exam, approved, link_images
from ris_testing.modality import study_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def written(dataset: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, dataset)
    return file.getvalue()


def test_versions_of_a_report_lie_in_the_study_once_each(tmp_path: Path) -> None:
    # a bare engine: what is tested is the object, the filter has tests of its own
    with running_engine(tmp_path / "engine", python=False) as running:
        quang = msgspec.structs.replace(settings.QUANG, orthanc_url=running.url)
        with patch.object(settings, "QUANG", quang), Engine.from_settings(quang, "worker") as engine:
            exam, reader = an_exam(images=False), a_reader()
            # as a device wrote it: Latin-1, a name that is not the RIS's spelling
            [image] = study_of(images=1, StudyInstanceUID=exam.study_instance_uid, PatientID="BN1 ")
            image.SpecificCharacterSet = "ISO_IR 100"
            image.PatientName = "Nguyên^Thi Dao"
            study_id = engine.store_instance(written(image)).study_id
            link_images(exam, study_id)

            for status in (VersionStatus.FINAL, VersionStatus.CORRECTED):
                version = approved(exam, reader, status=status, conclusion=f"Bản {status}")
                run_render_document(str(version.pk))
                document = Document.objects.get(version=version)
                run_store_document(str(document.pk))
                stored_at = Document.objects.get(pk=document.pk).orthanc_instance_id
                Document.objects.filter(pk=document.pk).update(orthanc_instance_id="")
                run_store_document(str(document.pk))  # killed before it was noted: the same object again
                assert Document.objects.get(pk=document.pk).orthanc_instance_id == stored_at
                dataset = dcmread(BytesIO(engine.instance_file(stored_at)))
                assert str(dataset.PatientName) == "Nguyên^Thi Dao"
                pdf = requests.get(f"{running.url}/instances/{stored_at}/pdf", timeout=10)
                assert pdf.content.rstrip(b"\0") == bytes(document.content).rstrip(b"\0")

            study = engine.study(study_id)
            assert len(engine.find_studies(exam.study_instance_uid)) == 1  # type: ignore[arg-type]
            assert study.instance_count == 3
            series = [engine.series(each) for each in study.series_ids]
            assert sorted((each.modality, len(each.instance_ids)) for each in series) == [("CT", 1), ("DOC", 2)]

            # the corrected version stands alone, and a notice in its place once it is recalled
            run_arrange_report(str(version.reading_id))
            assert documents_of(engine, study_id) == ["Kết quả đính chính (bản 2)"]
            recall(version.reading_id, 2, "Nhầm bên", reader)
            for _ in range(2):
                run_arrange_report(str(version.reading_id))
                assert documents_of(engine, study_id) == ["Kết quả đã bị thu hồi (bản 2)"]


def documents_of(engine: Engine, study_id: str) -> list[str]:
    """The titles of the PDF objects that the engine has of a study."""
    found = [dcmread(BytesIO(engine.instance_file(each.orthanc_id)), force=True) for each in engine.instances(study_id)]
    return sorted(str(each.DocumentTitle) for each in found if "DocumentTitle" in each)
