"""What a device sends, for tests of the services: datasets by their DICOM keywords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom.dsutils import encode

from ris_core.orders.models import RequestedProcedure
from ris_core.performed.services import Report

AE_TITLE = "CT1"


def report(sop_instance_uid: str, dataset: Dataset, ae_title: str = AE_TITLE) -> Report:
    """``dataset`` as the service is given it."""
    encoded = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert encoded is not None
    return Report(sop_instance_uid, ae_title, "127.0.0.1", dataset.to_json_dict(), encoded, str(ExplicitVRLittleEndian))


def reference(exam: RequestedProcedure, **changed: str) -> Dataset:
    """One item of Scheduled Step Attributes Sequence, as the worklist answered it."""
    item = Dataset()
    step = exam.steps.order_by("pk").first()
    item.StudyInstanceUID = exam.study_instance_uid
    item.AccessionNumber = exam.request.accession_number
    item.RequestedProcedureID = exam.requested_procedure_id
    item.ScheduledProcedureStepID = step.scheduled_procedure_step_id if step else ""
    for keyword, value in changed.items():
        setattr(item, keyword, value)
    return item


def beginning(*references: Dataset, patient_id: str = "", **changed: Any) -> Dataset:
    """N-CREATE of a step that begins."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ScheduledStepAttributesSequence = list(references)
    dataset.PatientName = "NGUYỄN^THỊ ĐÀO"
    dataset.PatientID = patient_id
    dataset.PerformedProcedureStepID = "PPS1"
    dataset.PerformedStationAETitle = AE_TITLE
    dataset.PerformedProcedureStepStartDate = "20261122"
    dataset.PerformedProcedureStepStartTime = "080000"
    dataset.PerformedProcedureStepStatus = "IN PROGRESS"
    dataset.Modality = "CT"
    dataset.PerformedSeriesSequence = []
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    return dataset


def ending(status: str = "COMPLETED", instances: Sequence[str] = (), reason: str = "", **changed: Any) -> Dataset:
    """N-SET of a step that is over, with one series of ``instances``."""
    dataset = Dataset()
    dataset.PerformedProcedureStepStatus = status
    dataset.PerformedProcedureStepEndDate = "20261122"
    dataset.PerformedProcedureStepEndTime = "081500"
    series = Dataset()
    series.SeriesInstanceUID = generate_uid()
    series.ProtocolName = "CT SONAO"
    series.SeriesDescription = "Axial"
    series.ReferencedImageSequence = [_instance(uid) for uid in instances]
    dataset.PerformedSeriesSequence = [series]
    if reason:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = reason, "DCM", "reason"
        dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = [code]
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    return dataset


def _instance(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = uid
    return item
