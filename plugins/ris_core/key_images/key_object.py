"""The Key Object Selection of a report version: its reader's images (PS3.3 A.35.4, C.17.6, PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from ris_core.reports.encapsulated import MANUFACTURER, as_file, coded, derived_uid, object_of

_SERIES_NUMBER: Final = 9902
"""High, so that it stands behind the device's own series."""
_TITLE: Final = ("113020", "DCM", "For Report Attachment")
"""PS3.16 CID 7010."""
_DESCRIPTION: Final = ("113012", "DCM", "Key Object Description")


@dataclass(frozen=True, slots=True)
class SelectedImage:
    """An image that the document names."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    frame_count: int
    caption: str = ""


def key_object_uids(version_key: str, study_instance_uid: str, uid_root: str) -> tuple[str, str]:
    """SeriesInstanceUID and SOPInstanceUID, the same whenever the document is made again."""
    return tuple(  # type: ignore[return-value]
        derived_uid(f"key object {part}|{study_instance_uid}|{version_key}", uid_root)
        for part in ("series", "instance")
    )


def key_object(
    images: Sequence[SelectedImage],
    study: Mapping[str, str],
    *,
    version_key: str,
    approved_at: datetime,
    uid_root: str,
    institution: str,
) -> bytes:
    """The DICOM file; the same bytes for the same arguments.

    :param study: keyword → text, patient and study attributes of the study that the document goes into
    :param version_key: identifies the report version beyond this database
    :param approved_at: aware, in the site's zone
    """
    document = object_of(study)
    series_uid, instance_uid = key_object_uids(version_key, study["StudyInstanceUID"], uid_root)
    document.SOPClassUID = KeyObjectSelectionDocumentStorage
    document.SOPInstanceUID = instance_uid
    document.TimezoneOffsetFromUTC = approved_at.strftime("%z")
    # Key Object Document Series, General Equipment
    document.Modality = "KO"
    document.SeriesInstanceUID = series_uid
    document.SeriesNumber = _SERIES_NUMBER
    document.SeriesDescription = "Ảnh chính của kết quả"
    document.ReferencedPerformedProcedureStepSequence = []
    document.Manufacturer = MANUFACTURER
    document.InstitutionName = institution[:64]
    # Key Object Document
    document.InstanceNumber = 1
    document.ContentDate, document.ContentTime = approved_at.strftime("%Y%m%d"), approved_at.strftime("%H%M%S")
    document.CurrentRequestedProcedureEvidenceSequence = _evidence(images)
    # SR Document Content, TID 2010
    document.ValueType = "CONTAINER"
    document.ConceptNameCodeSequence = [coded(*_TITLE)]
    document.ContinuityOfContent = "SEPARATE"
    template = Dataset()
    template.MappingResource = "DCMR"
    template.TemplateIdentifier = "2010"
    document.ContentTemplateSequence = [template]
    document.ContentSequence = [*_description(images), *(_content(image) for image in images)]
    return as_file(document)


def _evidence(images: Sequence[SelectedImage]) -> list[Dataset]:
    """Every image once, by study and series (PS3.3 C.17.2.1)."""
    studies: dict[str, dict[str, dict[str, SelectedImage]]] = {}
    for image in images:
        of_series = studies.setdefault(image.study_instance_uid, {}).setdefault(image.series_instance_uid, {})
        of_series[image.sop_instance_uid] = image
    evidence = []
    for study_uid, all_series in studies.items():
        study = Dataset()
        study.StudyInstanceUID = study_uid
        study.ReferencedSeriesSequence = []
        for series_uid, instances in all_series.items():
            series = Dataset()
            series.SeriesInstanceUID = series_uid
            series.ReferencedSOPSequence = [_reference(image) for image in instances.values()]
            study.ReferencedSeriesSequence.append(series)
        evidence.append(study)
    return evidence


def _description(images: Sequence[SelectedImage]) -> list[Dataset]:
    captions = [f"{number}. {image.caption}" for number, image in enumerate(images, start=1) if image.caption]
    if not captions:
        return []
    text = Dataset()
    text.RelationshipType = "CONTAINS"
    text.ValueType = "TEXT"
    text.ConceptNameCodeSequence = [coded(*_DESCRIPTION)]
    text.TextValue = "\n".join(captions)
    return [text]


def _content(image: SelectedImage) -> Dataset:
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = "IMAGE"
    reference = _reference(image)
    if image.frame_count > 1:
        reference.ReferencedFrameNumber = image.frame
    item.ReferencedSOPSequence = [reference]
    return item


def _reference(image: SelectedImage) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.sop_class_uid
    reference.ReferencedSOPInstanceUID = image.sop_instance_uid
    return reference
