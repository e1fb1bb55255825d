"""Dose reports as devices write them (PS3.16 TID 10001 and 10011), by hand."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

RDSR_CLASS = "1.2.840.10008.5.1.4.1.1.88.67"


def coded(value: str, meaning: str = "x", scheme: str = "DCM") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def number(concept: str, value: float, unit: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "NUM"
    item.ConceptNameCodeSequence = [coded(concept)]
    measured = Dataset()
    measured.NumericValue = str(value)
    measured.MeasurementUnitsCodeSequence = [coded(unit, unit, "UCUM")]
    item.MeasuredValueSequence = [measured]
    return item


def container(concept: str, items: Sequence[Dataset]) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ContinuityOfContent = "CONTAINS", "CONTAINER", "SEPARATE"
    item.ConceptNameCodeSequence = [coded(concept)]
    item.ContentSequence = list(items)
    return item


def event_uid(uid: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.UID = "CONTAINS", "UIDREF", uid
    item.ConceptNameCodeSequence = [coded("113769", "Irradiation Event UID")]
    return item


def ct_report(dlp: float, acquisitions: Sequence[tuple[str, float]]) -> list[Dataset]:
    """TID 10011: a total, and each acquisition's event and mean CTDIvol."""
    totals = container("113811", [number("113812", len(acquisitions), "{events}"), number("113813", dlp, "mGy.cm")])
    done = [
        container("113819", [event_uid(uid), container("113829", [number("113830", ctdi, "mGy")])])
        for uid, ctdi in acquisitions
    ]
    return [totals, *done]


def projection_report(dap_gy_m2: float, planes: int = 1) -> list[Dataset]:
    """TID 10001: totals of each plane, one event each."""
    totals = [
        container(
            "113702",
            [
                number("113722", dap_gy_m2, "Gy.m2"), number("113725", 0.01, "Gy"), number("113730", 12.5, "s"),
                number("111637", 150, "furlong"),
            ],
        )
        for _ in range(planes)
    ]  # fmt: skip
    return [*totals, *(container("113706", [event_uid(generate_uid())]) for _ in range(planes))]


def file_of(content: Sequence[Dataset], *, sop_class: str = RDSR_CLASS, title: str = "113701") -> bytes:
    """The DICOM file."""
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = UID(sop_class), generate_uid()
    report.StudyInstanceUID, report.SeriesInstanceUID, report.Modality = "1.2.3", "1.2.3.4", "SR"
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [coded(title)]
    report.ContentSequence = list(content)
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    file = BytesIO()
    report.save_as(file, enforce_file_format=True)
    return file.getvalue()
