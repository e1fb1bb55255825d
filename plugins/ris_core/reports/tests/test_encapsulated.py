"""The report as a DICOM object."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, EncapsulatedPDFStorage

from ris_core.reports.encapsulated import ReportIdentity, encapsulated_pdf, report_uids

IDENTITY = ReportIdentity(
    reading_key="F1|1",
    version_number=1,
    content_sha256="ab" * 32,
    status="F",
    approved_at=datetime(2026, 11, 21, 9, 40, tzinfo=timezone(timedelta(hours=7))),
)
STUDY = {
    "PatientID": "BN0001",
    "PatientName": "NGUYỄN^THỊ ĐÀO",
    "PatientBirthDate": "1980",
    "PatientSex": "F",
    "StudyInstanceUID": "1.2.3.4",
    "StudyDate": "20261121",
    "StudyTime": "090000",
    "AccessionNumber": "AC1",
}


def made(pdf: bytes = b"%PDF-1.7 x", identity: ReportIdentity = IDENTITY, root: str = "2.25") -> Dataset:
    return dcmread(BytesIO(encapsulated_pdf(pdf, identity, STUDY, uid_root=root, institution="Bệnh viện Quang")))


def test_it_belongs_to_the_patient_and_study_as_stored() -> None:
    dataset = made()
    assert {keyword: str(dataset[keyword].value) for keyword in STUDY} == STUDY
    assert (dataset.SOPClassUID, dataset.Modality, dataset.Manufacturer) == (EncapsulatedPDFStorage, "DOC", "Quang")
    assert dataset.ReferringPhysicianName == ""


@pytest.mark.parametrize("pdf", [b"%PDF even", b"%PDF odd"])
def test_the_document_comes_out_with_its_own_length(pdf: bytes) -> None:
    dataset = made(pdf)
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == pdf
    assert len(dataset.EncapsulatedDocument) % 2 == 0


@pytest.mark.parametrize("root", ["2.25", "1.2.826.0.1.3680043.10.999", "1.3.6.1.4.1.99999.1234567.8901234.5678901"])
def test_uids_are_valid_under_the_sites_root(root: str) -> None:
    for uid in report_uids(IDENTITY, "1.2.3.4", root):
        assert UID(uid).is_valid
        assert uid.startswith(root + ".")


def test_a_repeat_makes_the_same_object_byte_for_byte() -> None:
    arguments = (b"%PDF", IDENTITY, STUDY)
    first = encapsulated_pdf(*arguments, uid_root="2.25", institution="Q")
    assert encapsulated_pdf(*arguments, uid_root="2.25", institution="Q") == first


def test_versions_are_instances_of_one_series() -> None:
    corrected = replace(IDENTITY, version_number=2, content_sha256="cd" * 32, status="C")
    first, second = made(), made(identity=corrected)
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (second.InstanceNumber, second.DocumentTitle) == (2, "Kết quả đính chính (bản 2)")


def test_another_reading_or_another_study_makes_another_series() -> None:
    assert report_uids(IDENTITY, "1.2.3.4", "2.25")[0] != report_uids(IDENTITY, "1.2.3.5", "2.25")[0]
    other = replace(IDENTITY, reading_key="F2|1")
    assert report_uids(IDENTITY, "1.2.3.4", "2.25")[0] != report_uids(other, "1.2.3.4", "2.25")[0]


def test_a_preliminary_report_is_not_verified() -> None:
    assert made(identity=replace(IDENTITY, status="P")).VerificationFlag == "UNVERIFIED"
    assert made().VerificationFlag == "VERIFIED"
